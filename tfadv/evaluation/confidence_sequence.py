"""Intervals that hold however often one looks: the accuracy on a whole data set from images drawn in random order.

Waudby-Smith, Ramdas: Confidence sequences for sampling without replacement, 2020: the ratio of prior to posterior is a
martingale, and by Ville's inequality it rises to 1 / alpha with a probability of at most alpha. No TensorFlow.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tfadv.errors import invalid


def log_prior_posterior_ratio(right: ArrayLike, seen: ArrayLike, of: int, supposed: ArrayLike) -> np.ndarray:
    """How much speaks against `supposed` right images among all, when `right` of `seen` are: ln(prior / posterior).

    With the uniform prior it is -ln((seen + 1) P), P the hypergeometric probability of `right`. The chance that it ever
    rises to ln(1 / alpha) where `supposed` is true is at most alpha.

    Args:
        right, seen: whole numbers, or arrays of them. of: how many images there are.
        supposed: how many of all are right.

    Returns:
        Of the shape that the arguments broadcast to; infinite where `supposed` is impossible.

    >>> log_prior_posterior_ratio(90, 100, 1000, 800).round(2)
    np.float64(1.23)
    """
    right, seen, supposed = (np.asarray(part, np.float64) for part in (right, seen, supposed))
    wrong, others = seen - right, of - supposed
    possible = (right <= supposed) & (wrong <= others)
    chance = _ways(supposed, np.minimum(right, supposed)) + _ways(others, np.minimum(wrong, others)) - _ways(of, seen)
    return np.where(possible, -np.log(seen + 1) - chance, np.inf)[()]


def _ways(n, k):
    """ln of the binomial coefficient."""
    from scipy.special import gammaln

    return gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)


def bounds(right: int, seen: int, of: int, confidence: float = 0.95) -> tuple[int, int]:
    """How many of all images are right, at least and at most, when `right` of `seen`, in random order, are.

    All such bounds, looked at after every image, hold together with this confidence; after the last both are exact.

    >>> bounds(90, 100, 1000)
    (778, 959)
    """
    if not 0 <= right <= seen <= of:
        raise invalid("bounds(right, seen, of)", "0 <= right <= seen <= of", f"{right}, {seen}, {of}")
    supposed = np.arange(right, of - seen + right + 1)
    kept = supposed[log_prior_posterior_ratio(right, seen, of, supposed) < -math.log(1 - confidence)]
    return int(kept[0]), int(kept[-1])


@dataclass(frozen=True)
class Requirement:
    """That at least a `share` of `of` images is right, `candidates` of which may be: the others are known to be wrong.

    At least `proven` images are known to be right.

    >>> needs = Requirement(0.5, of=1000, candidates=800)
    >>> needs.interval(90, 100), needs.holds(90, 100), needs.holds(60, 100)
    ((0.624, 0.766), True, None)
    """

    share: float
    of: int
    candidates: int
    proven: int = 0

    def interval(self, right: int, seen: int) -> tuple[float, float]:
        """Of the share that is right, when `right` of `seen` candidates are."""
        low, high = self._counts(right, seen)
        return low / self.of, high / self.of

    def holds(self, right: int, seen: int) -> bool | None:
        """Whether it does; None where that is still open."""
        # A share like 0.29 times 100 is not a whole number.
        needed = math.ceil(self.share * self.of - 1e-9)
        low, high = self._counts(right, seen)
        return True if low >= needed else False if high < needed else None

    def _counts(self, right, seen):
        low, high = bounds(right, seen, self.candidates)
        return max(low, self.proven), max(high, self.proven)
