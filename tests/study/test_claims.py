"""Whether claims hold is read off intervals: inside, outside, or not resolvable."""

import numpy as np
import pytest

from tfadv.errors import TfadvError
from tfadv.study import Claim, Sample, ordered
from tfadv.study.claims import NO_SPREAD, ONE_NUMBER, ONE_SEED

# Three seeds as in docs/results.md: rho_2 / vanilla's, 2.65 [2.39, 2.91], and clean accuracy, -0.3 [-2.5, +1.9] points.
RHO2 = Sample.of(2.55, 2.64, 2.76)
CLEAN = Sample.of(-0.0130, -0.0005, 0.0048)


def claim(measured, **bounds):
    return Claim(id="c", says="...", measured=measured, **bounds)


@pytest.mark.parametrize(
    ("bounds", "holds"),
    [
        ({"above": 2.2}, True),
        ({"above": 2.6}, None),
        ({"above": 3.0}, False),
        ({"below": 3.0}, True),
        ({"below": 2.6}, None),
        ({"below": 2.2}, False),
        ({"near": (2.65, 0.5)}, True),
        ({"near": (2.65, 0.1)}, None),
        ({"near": (3.5, 0.2)}, False),
        ({"near": (1.5, 0.2)}, False),
    ],
)
def test_the_interval_decides(bounds, holds):
    low, high = RHO2.interval
    assert low > 2.2 and high < 3.0
    assert claim(RHO2, **bounds).holds is holds


def test_a_mean_beyond_the_bound_is_not_enough():
    assert RHO2.mean > 2.4 and claim(RHO2, above=2.4).holds is None
    assert CLEAN.mean > -0.01 and claim(CLEAN, above=-0.01).holds is None


def test_a_number_without_an_interval_decides_nothing():
    assert claim(Sample.of(1.0), near=(1.0, 0.5)).holds is None
    assert claim(Sample.of(9.0), above=0.0).holds is None and claim(Sample.of(9.0), below=0.0).holds is None
    assert claim(Sample.of(9.0, 9.0), above=0.0).holds is True
    assert claim(Sample.of(0.0, 0.0), above=0.0).holds is False
    assert claim(Sample({}), above=0.0).holds is None
    assert claim(Sample.of(np.array([np.nan, np.nan])), above=0.0).holds is None


@pytest.mark.parametrize("value", [0.1, 0.75, 1.0])
def test_images_that_all_give_the_same_number_decide_nothing(value):
    same = Sample.of(np.full(7, value))
    assert claim(same, above=0.05).holds is None and claim(same, below=0.05).holds is None
    assert claim(same, above=0.05).to_json()["note"] == NO_SPREAD.format("images")
    assert claim(Sample.of(np.append(same.per_seed[0], value + 0.01)), above=0.05).holds is True
    right = Sample.of(np.full(60, True))  # Wilson's interval has a width
    assert claim(right, above=0.9).holds is True and claim(right - right, above=0.2).holds is False


def test_one_seed_says_so():
    images = Sample.of(np.array([True] * 90 + [False] * 10))
    assert claim(images, above=0.5).to_json()["note"] == ONE_SEED.format("images")
    assert claim(images, above=0.5, over="cells").to_json()["note"] == ONE_SEED.format("cells")
    assert claim(Sample.of(1.0), above=0.5).to_json()["note"] == ONE_NUMBER
    assert claim(RHO2, above=2.0).to_json()["note"] == ""
    facts = Claim(id="c", says="...", measured=images, above=0.5, note="Mind this.", published="1").to_json()
    assert facts["note"].startswith("Mind this. One seed")
    assert {"id": "c", "statement": "...", "published": "1", "measured": 0.9, "holds": True}.items() <= facts.items()


def test_an_order_is_decided_by_what_contradicts_it():
    high, middle, low = (Sample.of(*(m + s for s in (-0.01, 0.0, 0.01))) for m in (3.0, 2.0, 1.0))
    noisy = Sample.of(1.0, 2.5, 2.8)
    assert ordered("o", "falls", high, middle, low).holds is True
    assert ordered("o", "falls", high, low, middle).holds is False
    assert ordered("o", "falls", low, middle, noisy).holds is False
    decided = ordered("o", "falls", high, noisy, low)
    assert decided.holds is None and decided.measured.mean == pytest.approx((high - noisy).mean)
    assert ordered("o", "falls", high, Sample({}), low).holds is None


@pytest.mark.parametrize("bounds", [{}, {"above": 1.0, "below": 2.0}])
def test_a_claim_has_one_bound(bounds):
    with pytest.raises(TfadvError, match="one of above, below and near"):
        claim(RHO2, **bounds)
