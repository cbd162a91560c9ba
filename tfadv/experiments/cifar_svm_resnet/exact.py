"""Claims about numbers that are no sample of others: the error of a gradient, all points there are."""

import numpy as np

from tfadv.study import Claim


class ExactClaim(Claim):
    """A claim that is decided by its number alone, of each seed: it has no interval, as nothing was drawn.

    >>> ExactClaim("error", "The error is small", Sample.of(1e-9), below=1e-6).holds
    True
    """

    @property
    def holds(self):
        """Whether the numbers of all seeds lie within the bound; None where nothing was measured."""
        if self.measured.mean is None:
            return None
        values = np.array(self.measured.values)
        if self.near is not None:
            inside = np.abs(values - self.near[0]) <= self.near[1]
        else:
            inside = values > self.above if self.below is None else values < self.below
        return bool(inside.all())

    def _caveat(self):
        return "One seed, of which it is exact." if len(self.measured.per_seed) == 1 else ""
