"""Which interval belongs to which number, and that pairing is by seed and by image."""

import numpy as np
import pytest

from tfadv.evaluation.statistics import paired_interval, student, wilson
from tfadv.study import Sample

RIGHT = np.array([True] * 60 + [False] * 40)
FEWER = np.array([True] * 50 + [False] * 50)


def test_intervals_of_one_seed_are_over_images():
    assert Sample.of(RIGHT).interval == wilson(60, 100)
    assert (Sample.of(RIGHT) - Sample.of(FEWER)).interval == paired_interval(10, 0, 100)
    lengths = np.array([0.1, 0.3, np.nan, 0.2])
    assert Sample.of(lengths).interval == student([0.1, 0.3, 0.2])
    assert Sample.of(lengths).mean == pytest.approx(0.2)
    assert Sample.of(0.5).interval is None


def test_intervals_of_several_seeds_are_over_seeds():
    assert Sample.of(RIGHT, RIGHT, FEWER).interval == student([0.6, 0.6, 0.5])
    assert Sample.of(1.0, 1.5, 1.2).interval == student([1.0, 1.5, 1.2])
    difference = Sample.of(RIGHT, FEWER) - Sample.of(FEWER, FEWER)
    assert difference.values == [pytest.approx(0.1), 0.0] and difference.interval == student([0.1, 0.0])


def test_a_difference_is_paired_by_seed_even_where_seeds_are_missing():
    a, b = Sample({0: RIGHT, 1: FEWER}), Sample({1: RIGHT})
    assert list((a - b).per_seed) == [1] and (a - b).mean == pytest.approx(-0.1)
    assert (Sample({}) - a).per_seed == {} and str(Sample({})) == "–" and Sample({}).interval is None


def test_images_of_different_number_are_compared_by_their_means():
    difference = Sample.of(RIGHT) - Sample.of(FEWER[:50])
    assert difference.mean == pytest.approx(-0.4) and difference.interval is None


def test_a_ratio_is_that_of_the_means_with_the_spread_of_the_delta_method():
    rng = np.random.default_rng(0)
    b = rng.uniform(0.5, 1.5, 5000)
    a = 2 * b + rng.normal(0, 0.3, 5000)
    ratio = Sample.of(a) / Sample.of(b)
    assert ratio.mean == pytest.approx(a.mean() / b.mean())
    resampled = [a[i].mean() / b[i].mean() for i in (rng.integers(0, 5000, 5000) for _ in range(400))]
    low, high = ratio.interval
    assert (high - low) / 2 == pytest.approx(1.96 * np.std(resampled), rel=0.1)
    assert (Sample.of(a, a) / Sample.of(b, 2 * b)).values == pytest.approx([ratio.mean, ratio.mean / 2])


def test_a_ratio_leaves_out_images_without_a_distance():
    a, b = np.array([1.0, 2.0, np.nan]), np.array([1.0, np.nan, 4.0])
    assert (Sample.of(a) / Sample.of(b)).mean == 1.0
    assert Sample.of(np.array([np.nan, np.nan])).mean is None


def test_halves_share_no_image():
    numbers = Sample.of(np.arange(5), np.arange(4))
    assert [array.tolist() for array in numbers.half(0).per_seed.values()] == [[0, 2, 4], [0, 2]]
    assert numbers.half(1).values == [2, 2]


def test_half_of_a_share_is_a_share():
    shares = [Sample.of(np.repeat(value, 4)).map(np.array, share=True) for value in (0.5, 0.25)]
    assert str(shares[0].half(0)) == "50.0 % [50.0, 50.0]"
    assert str((shares[0] - shares[1]).half(1)) == "+25.0 [+25.0, +25.0]"


def test_the_union_of_two_attackers():
    assert (Sample.of(RIGHT) & Sample.of(~RIGHT)).mean == 0.0
    assert (Sample.of(RIGHT) & Sample.of(FEWER)).per_seed[0].dtype == bool


def test_differences_of_differences_have_the_interval_of_their_numbers():
    gap = Sample.of(RIGHT) - Sample.of(FEWER)
    twice = gap - (Sample.of(FEWER) - Sample.of(RIGHT))
    assert twice.mean == pytest.approx(2 * gap.mean) and twice.in_points
    assert twice.interval == student(twice.per_seed[0]) and str(twice).startswith("+20.0 [+8.")
    # 128 times the widest difference is more than eight bits hold.
    wide = Sample.of(np.full(3, 100, np.int8)) - Sample.of(np.full(3, -100, np.int8))
    assert wide.mean == 200
    # Numbers that are no accuracies keep what they are.
    assert (Sample.of(np.array(70_000)) - Sample.of(np.array(1))).mean == 69_999


def test_how_numbers_are_shown():
    assert str(Sample.of(RIGHT)) == "60.0 % [50.2, 69.1]"
    assert str(Sample.of(RIGHT) - Sample.of(FEWER)).startswith("+10.0 [+5.")
    assert str(Sample.of(0.25)) == "0.25"
    assert str(Sample.of(0.25).map(np.array, share=True)) == "25.0 %"
    shares = [Sample.of(np.array(values)).map(np.array, share=True) for values in ([0.5, 1.0], [0.25, 0.5])]
    assert str(shares[0]) == "75.0 % [0.0, 100.0]"
    assert (shares[0] - shares[1]).in_points and str(shares[0] - shares[1]).startswith("+37.5 [-")
    assert str(Sample.of(RIGHT, RIGHT)) == "60.0 % [60.0, 60.0]"
    low, high = Sample.of(np.arange(10) < 10, np.arange(10) < 2).interval
    assert (low, high) == (0, 1) and str(Sample.of(np.array(0.9), np.array(0.2))).startswith("0.55 [-")
    weights = np.array(5006)
    assert str(Sample.of(weights, weights)) == "5,006" and str(Sample.of(weights, weights + 2)).startswith("5,007 [")
