"""Rank correlations with their intervals. No TensorFlow."""

import dataclasses
import math
from statistics import NormalDist

from tfadv.study import Sample


@dataclasses.dataclass(frozen=True, eq=False)
class RankCorrelation(Sample):
    """Spearman's, one a seed; of a single seed with the interval of Fieller, Hartley, Pearson 1957, over its cells.

    Tests for rank correlation coefficients I: arctanh of it is normal with a deviation of 1.03 / sqrt(cells - 3).
    """

    cells: int = 0

    @property
    def interval(self):
        if len(self.per_seed) != 1 or self.cells <= 3 or self.mean is None or abs(self.mean) == 1:
            return super().interval
        reach = NormalDist().inv_cdf(0.975) * 1.03 / math.sqrt(self.cells - 3)
        return tuple(math.tanh(math.atanh(self.mean) + side) for side in (-reach, reach))


def rank_correlation(a, b):
    """Spearman's correlation; 0 where all values of one are the same."""
    return (standard_ranks(a) * standard_ranks(b)).mean()


def standard_ranks(values):
    """Ranks with mean 0 and variance 1, or all 0 where all values are the same."""
    from scipy.stats import rankdata

    ranks = rankdata(values)
    return (ranks - ranks.mean()) / max(ranks.std(), 1e-12)
