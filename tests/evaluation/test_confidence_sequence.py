"""Intervals that hold at every look, held against the hypergeometric distribution and 1,000 replays."""

import math

import numpy as np
import pytest
from scipy.stats import hypergeom

from tfadv.errors import TfadvError
from tfadv.evaluation.confidence_sequence import Requirement, bounds, log_prior_posterior_ratio

LIMIT = math.log(20)
REPLAYS, OF = 1000, 10_000


def test_the_ratio_is_that_of_the_hypergeometric_distribution():
    right, seen, of = 30, 50, 200
    supposed = np.arange(of + 1)
    expected = -np.log(51) - hypergeom.logpmf(right, of, supposed, seen)
    found = log_prior_posterior_ratio(right, seen, of, supposed)
    assert np.array_equal(np.isfinite(found), np.isfinite(expected)) and not np.isfinite(found[29])
    assert np.allclose(found[np.isfinite(found)], expected[np.isfinite(expected)])


def test_bounds_hold_what_the_ratio_does_not_exclude():
    low, high = bounds(30, 50, 200)
    kept = np.flatnonzero(log_prior_posterior_ratio(30, 50, 200, np.arange(201)) < LIMIT)
    assert (low, high) == (kept[0], kept[-1]) and len(kept) == high - low + 1
    assert bounds(0, 0, 200) == (0, 200) and bounds(120, 200, 200) == (120, 120)
    for wrong in ((31, 30, 200), (10, 201, 200), (-1, 3, 200)):
        with pytest.raises(TfadvError, match="0 <= right <= seen <= of"):
            bounds(*wrong)


def replays(robust):
    """Of so many replays in random order, how many were robust at each look, (replays, looks), and the looks."""
    outcomes = np.arange(OF) < robust
    rng, looks = np.random.default_rng(0), np.arange(50, OF + 1, 50)
    return np.stack([np.cumsum(rng.permutation(outcomes))[looks - 1] for _ in range(REPLAYS)]), looks


def answers(robust, needed):
    """The answer of each replay, and after how many images it came."""
    right, looks = replays(robust)
    above = (right * OF > (needed - 1) * looks) & (log_prior_posterior_ratio(right, looks, OF, needed - 1) >= LIMIT)
    below = (right * OF < needed * looks) & (log_prior_posterior_ratio(right, looks, OF, needed) >= LIMIT)
    first = (above | below).argmax(axis=1)
    return above[np.arange(REPLAYS), first], looks[first]


def test_the_replays_ask_what_a_requirement_asks():
    needs = Requirement(0.5, of=1000, candidates=1000)
    for right, seen in ((60, 100), (80, 100), (20, 100), (500, 999), (499, 998), (498, 998), (500, 1000), (499, 1000)):
        above = right / seen > 0.499 and log_prior_posterior_ratio(right, seen, 1000, 499) >= LIMIT
        below = right / seen < 0.5 and log_prior_posterior_ratio(right, seen, 1000, 500) >= LIMIT
        assert needs.holds(right, seen) is (True if above else False if below else None)


@pytest.mark.parametrize("robust", [5500, 4500])
def test_five_points_away_a_quarter_of_the_images_is_enough_and_one_in_twenty_answers_is_wrong(robust):
    holds, images = answers(robust, 5000)
    assert np.mean(holds != (robust >= 5000)) <= 0.05
    assert images.mean() < OF / 4 and np.quantile(images, 0.95) < OF / 4


@pytest.mark.parametrize("robust", [5000, 4999])
def test_on_the_edge_too_one_in_twenty_answers_is_wrong(robust):
    assert np.mean(answers(robust, 5000)[0] != (robust >= 5000)) <= 0.05


def test_all_looks_together_exclude_the_truth_once_in_twenty_replays():
    right, looks = replays(8000)
    assert np.mean((log_prior_posterior_ratio(right, looks, OF, 8000) >= LIMIT).any(axis=1)) <= 0.05


def test_what_is_known_to_be_wrong_needs_no_draws():
    needs = Requirement(0.5, of=1000, candidates=400)
    assert needs.holds(0, 0) is False and needs.interval(0, 0) == (0, 0.4)
    needs_all = Requirement(0.5, of=1000, candidates=800)
    proven = Requirement(0.5, of=1000, candidates=400, proven=500)
    assert proven.holds(0, 0) is True and proven.interval(0, 0) == (0.5, 0.5)
    assert Requirement(0.5, of=1000, candidates=800, proven=499).interval(0, 0) == (0.499, 0.8)
    assert Requirement(0.5, of=1000, candidates=800, proven=300).interval(90, 100) == needs_all.interval(90, 100)
    assert Requirement(0.5, of=1000, candidates=0, proven=499).interval(0, 0) == (0.499, 0.499)
    assert Requirement(0.29, of=100, candidates=29).holds(29, 29) is True  # 0.29 * 100 is above 29
