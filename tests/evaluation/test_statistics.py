import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfadv.errors import TfadvError
from tfadv.evaluation.statistics import exact_p, holm, images_needed, mcnemar, paired_interval, student, wilson

PAIRS = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60).map(np.array)


@pytest.mark.parametrize(("k", "n"), [(0, 10), (7, 10), (10, 10), (873, 1000)])
def test_wilson_is_wilsons_formula(k, n):
    z, p = 1.959963984540054, k / n
    center, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    expected = np.array([center - half, center + half]) / (1 + z * z / n)
    assert np.allclose(wilson(k, n), expected, atol=1e-12)


@pytest.mark.parametrize(("k", "n"), [(0, 0), (5, 4), (-1, 4)])
def test_wilson_refuses_what_is_no_proportion(k, n):
    with pytest.raises(TfadvError):
        wilson(k, n)


def test_student_is_the_textbooks():
    # Three values: t(0.975, 2) = 4.302653.
    assert np.allclose(student([0.8, 0.82, 0.84]), 0.82 + np.array([-1, 1]) * 4.302653 * 0.02 / math.sqrt(3))
    assert student([0.8]) is None
    assert student([0.5, 0.5]) == (0.5, 0.5)


def table(both, only_a, only_b, neither):
    """A table of pairs as two rows of booleans."""
    a = [True] * (both + only_a) + [False] * (only_b + neither)
    b = [True] * both + [False] * only_a + [True] * only_b + [False] * neither
    return a, b


def test_mcnemar_is_the_published_example():
    """Cavo et al. 2012 as in Fagerland, Lydersen, Laake, Statistical Analysis of Contingency Tables (2017), ch. 8.

    Their package `contingencytables` prints P = 0.052479 for the exact test, (-0.1240, -0.0054) for Tango's interval.
    """
    test = mcnemar(*table(59, 6, 16, 80))
    assert (test.n, test.only_a, test.only_b) == (161, 6, 16)
    assert test.p_value == pytest.approx(0.052479, abs=5e-7)
    assert test.difference == pytest.approx(-0.0621, abs=5e-5)
    assert test.interval == pytest.approx((-0.1240, -0.0054), abs=5e-5)


@pytest.mark.parametrize(("only_a", "only_b"), [(0, 0), (1, 0), (5, 0), (3, 9), (40, 20)])
def test_the_test_is_a_fair_coins(only_a, only_b):
    n, fewer = only_a + only_b, min(only_a, only_b)
    expected = min(1, 2 * sum(math.comb(n, k) for k in range(fewer + 1)) / 2**n)
    assert exact_p(only_a, only_b) == pytest.approx(expected)


@given(PAIRS)
def test_mcnemar_does_not_care_who_is_first(pairs):
    there, back = mcnemar(*pairs.T), mcnemar(*pairs.T[::-1])
    assert (there.only_a, there.only_b, there.p_value) == (back.only_b, back.only_a, back.p_value)
    assert there.difference == -back.difference
    assert there.interval == pytest.approx((-back.interval[1], -back.interval[0]), abs=1e-12)


@given(PAIRS)
def test_mcnemar_stays_in_its_bounds(pairs):
    test = mcnemar(*pairs.T)
    low, high = test.interval
    assert 0 < test.p_value <= 1
    assert test.difference == pytest.approx(pairs[:, 0].mean() - pairs[:, 1].mean())
    assert -1 <= low <= test.difference + 1e-9 and test.difference - 1e-9 <= high <= 1
    if test.only_a == test.only_b:
        assert test.p_value == 1 and low == pytest.approx(-high)


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 100))
def test_the_limits_are_where_the_score_is_z(only_a, only_b, agree):
    """T(d) by maximizing the likelihood on a grid, instead of Tango's closed form."""
    n = only_a + only_b + agree
    if not n or not only_a + only_b:
        return
    for d in paired_interval(only_a, only_b, n):
        if abs(d) > 1 - 1e-6:
            continue
        q = np.linspace(max(0, -d), (1 - d) / 2, 20_001)[1:-1]  # share of pairs right for b only
        terms = [(only_a, q + d), (only_b, q), (agree, 1 - 2 * q - d)]
        likeliest = q[np.argmax(sum(k * np.log(share) for k, share in terms if k))]
        t = (only_a - only_b - n * d) / math.sqrt(n * (2 * likeliest + d * (1 - d)))
        assert abs(t) == pytest.approx(1.959964, abs=2e-2)


def test_without_a_disagreement_the_interval_is_wilsons():
    """Tango's interval is then z^2 / (n + z^2), as Wilson's of 0 in n."""
    assert paired_interval(0, 0, 100) == pytest.approx((-wilson(0, 100)[1], wilson(0, 100)[1]))


@pytest.mark.parametrize(("a", "b"), [([1, 0], [1]), ([], []), ([[1, 0]], [[1, 0]])])
def test_mcnemar_refuses_what_is_not_paired(a, b):
    with pytest.raises(TfadvError, match="mcnemar"):
        mcnemar(a, b)


def test_images_needed_are_connors():
    """n = 23 for shares 0.45 and 0.05: the example of powerandsamplesize.com for Connor 1987, page 209."""
    assert images_needed(45, 5, 100) == images_needed(5, 45, 100) == 23
    assert images_needed(300, 150, 1000) == 155
    assert images_needed(4, 4, 100) is images_needed(0, 0, 100) is None


def test_so_many_images_do_show_it():
    """Of 400 repetitions with that many images about 80 % must reach p < 0.05; the exact test is cautious."""
    n = images_needed(60, 40, 1000)
    counts = np.random.default_rng(0).multinomial(n, [0.06, 0.04, 0.9], 400)
    shown = np.mean([exact_p(int(a), int(b)) < 0.05 for a, b, _ in counts])
    assert 0.73 < shown < 0.84


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_never_lowers_a_p_value_and_keeps_the_order(p_values):
    adjusted = holm(p_values)
    assert all(p <= raised <= 1 for p, raised in zip(p_values, adjusted, strict=True))
    assert min(adjusted) == pytest.approx(min(1, min(p_values) * len(p_values)))
    order = np.argsort(p_values, kind="stable")
    assert np.all(np.diff(np.array(adjusted)[order]) >= 0)


def test_holm_is_holms():
    # 4 x 0.01, 3 x 0.02, 2 x 0.03, and 0.04, which may not be below the one before it.
    assert holm([0.01, 0.02, 0.03, 0.04]) == pytest.approx([0.04, 0.06, 0.06, 0.06])
