"""How sure a number is: intervals of proportions and means, and whether two classifiers differ at all. No TensorFlow.

SciPy is imported where it is needed: a report that needs none of it opens in milliseconds.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from tfadv.errors import invalid


def wilson(k: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a proportion: k successes in n trials, as (low, high) in [0, 1].

    >>> low, high = wilson(5, 10)
    >>> round(low, 4), round(high, 4)
    (0.2366, 0.7634)
    """
    from scipy.stats import binomtest

    if not 0 <= k <= n or n < 1:
        raise invalid("wilson(k, n)", "0 <= k <= n and n >= 1", f"k={k}, n={n}")
    interval = binomtest(int(k), int(n)).proportion_ci(confidence, method="wilson")
    return float(interval.low), float(interval.high)


def student(values: ArrayLike, confidence: float = 0.95) -> tuple[float, float] | None:
    """Student's t interval of the mean of values, one per seed, as (low, high); None for a single value.

    >>> low, high = student([0.80, 0.82, 0.84])
    >>> round(low, 4), round(high, 4)
    (0.7703, 0.8697)
    """
    from scipy.stats import t

    values = np.asarray(values, np.float64)
    if values.size < 2:
        return None
    half = t.ppf((1 + confidence) / 2, values.size - 1) * values.std(ddof=1) / math.sqrt(values.size)
    return float(values.mean() - half), float(values.mean() + half)


@dataclass(frozen=True)
class McNemar:
    """Two classifiers on the same n images, of which only those count that one gets right and the other does not.

    Attributes:
        only_a, only_b: how many images only a, and only b, gets right.
        difference: accuracy of a minus accuracy of b, (only_a - only_b) / n.
        interval: of the difference, 95 %, by Tango's score method.
        p_value: of the exact two-sided test that only_a is Binomial(only_a + only_b, 1/2).
    """

    n: int
    only_a: int
    only_b: int
    difference: float
    interval: tuple
    p_value: float


def mcnemar(a, b):
    """McNemar's exact test on paired booleans (n,): is one of two classifiers right more often on the same images?

    The test is exact and therefore cautious, the interval approximate (Tango 1998; recommended by Fagerland, Lydersen,
    Laake 2014): where p is just above 0.05 the interval may leave out 0. The test decides.

    >>> test = mcnemar([1, 1, 1, 1, 1, 1, 0, 0], [0, 0, 0, 0, 0, 0, 0, 1])
    >>> test.only_a, test.only_b, test.difference, round(test.p_value, 3)
    (6, 1, 0.625, 0.125)
    """
    a, b = np.asarray(a, bool), np.asarray(b, bool)
    if a.shape != b.shape or a.ndim != 1 or not a.size:
        raise invalid("mcnemar(a, b)", "two rows of as many booleans, n >= 1", f"shapes {a.shape} and {b.shape}")
    n, only_a, only_b = a.size, int((a & ~b).sum()), int((b & ~a).sum())
    interval = paired_interval(only_a, only_b, n)
    return McNemar(n, only_a, only_b, (only_a - only_b) / n, interval, exact_p(only_a, only_b))


def exact_p(only_a, only_b):
    """P(a split of only_a + only_b fair coins that is at least as uneven as this one); 1 without any coin."""
    from scipy.stats import binomtest

    return float(binomtest(only_a, only_a + only_b).pvalue) if only_a + only_b else 1.0


def paired_interval(only_a, only_b, n, confidence=0.95):
    """Tango's score interval for the difference of two paired proportions, as (low, high) in [-1, 1].

    All differences d that the score test does not reject, |T(d)| <= z, with
    T(d) = (only_a - only_b - n d) / sqrt(n (2 q + d (1 - d))), q the likeliest share of only_b at this d.
    Tango, Equivalence test and confidence interval for the difference in proportions for the paired-sample design,
    Statistics in Medicine 17 (1998), 891-908.

    >>> low, high = paired_interval(6, 16, 161)
    >>> round(low, 4), round(high, 4)
    (-0.124, -0.0054)
    """
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    return -_upper(only_b, only_a, n, z), _upper(only_a, only_b, n, z)


def _upper(only_a, only_b, n, z):
    """The largest d in [estimate, 1] that the score test does not reject, by bisection."""
    low, high = (only_a - only_b) / n, 1.0
    for _ in range(60):
        d = (low + high) / 2
        if _score(d, only_a, only_b, n, z) >= 0:
            low = d
        else:
            high = d
    return (low + high) / 2


def _score(d, only_a, only_b, n, z):
    """(T(d) + z) times T's denominator: not below 0 where d is not too large."""
    b = -only_a - only_b + (2 * n - only_a + only_b) * d
    discriminant = max(0.0, b * b + 8 * n * only_b * d * (1 - d))  # below 0 by rounding only
    q = (math.sqrt(discriminant) - b) / (4 * n)
    return only_a - only_b - n * d + z * math.sqrt(max(0.0, n * (2 * q + d * (1 - d))))


def images_needed(only_a, only_b, n, confidence=0.95, power=0.8):
    """On how many images McNemar's test would show a difference, were it what it seems on n; None without one.

    Connor, Sample size for testing differences in proportions for the paired-sample design, Biometrics 43 (1987), 209.

    >>> images_needed(45, 5, 100)
    23
    """
    difference, discordant = (only_a - only_b) / n, (only_a + only_b) / n
    if not difference:
        return None
    z, z_power = NormalDist().inv_cdf((1 + confidence) / 2), NormalDist().inv_cdf(power)
    spread = z * math.sqrt(discordant) + z_power * math.sqrt(discordant - difference**2)
    return math.ceil((spread / difference) ** 2)


def holm(p_values):
    """The p values of several tests, raised so that all together err as rarely as one: Holm's step-down method.

    >>> holm([0.03, 0.01, 0.04])
    [0.06, 0.03, 0.06]
    """
    adjusted, floor = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(np.argsort(p_values, kind="stable")):
        floor = max(floor, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[int(i)] = float(floor)
    return adjusted
