"""A figure of merit as it was measured, image by image and seed by seed, with how sure it is. No TensorFlow.

The one place that knows which interval belongs to which number.
"""

import dataclasses

import numpy as np

from tfadv.evaluation.statistics import paired_interval, student, wilson
from tfadv.reports.document import MISSING, percent, points, with_interval

# Of accuracies image by image, by the kind of their numbers.
DIFFERENCES = {np.dtype(np.int8), np.dtype(np.int16)}
RIGHT_OR_LESS = DIFFERENCES | {np.dtype(bool)}


@dataclasses.dataclass(frozen=True, eq=False)
class Sample:
    """One array a seed; empty where nothing was measured, and then a dash in tables.

    Args:
        per_seed: seed -> array, () for a single number or (n,) for one an image. bool is right or wrong, and the mean
            an accuracy; int8 is the difference of two such on the same images, int16 that of two differences; NaN is
            where nothing was found.
        share: whether numbers are shown in percent; arrays of bool are.
        points: whether they are differences of such, shown in percentage points; arrays of int8 are.

    >>> str(Sample.of(np.array([True] * 90 + [False] * 10)))
    '90.0 % [82.6, 94.5]'
    """

    per_seed: dict
    share: bool = False
    points: bool = False

    @classmethod
    def of(cls, *arrays):
        """The sample of these arrays, for the seeds 0, 1, ..."""
        return cls(dict(enumerate(map(np.asarray, arrays))))

    @property
    def values(self):
        """One number a seed; NaN where nothing was found."""
        return [_mean(array) for array in self.per_seed.values()]

    @property
    def mean(self):
        """The mean over seeds; None where nothing was measured or found."""
        values = self.values
        return None if not values or np.isnan(values).any() else float(np.mean(values))

    @property
    def interval(self):
        """95 %: Student's over seeds where there are several, else over images; None for a single number.

        Over images: Wilson's for accuracies, Tango's for differences of them, Student's for other numbers, of which
        shares are cut off at 0 and 1.
        """
        if self.mean is None:
            return None
        if len(self.per_seed) > 1:
            return self._cut(student(self.values))
        [array] = self.per_seed.values()
        if array.ndim == 0:
            return None
        if array.dtype == bool:
            return wilson(array.sum(), array.size)
        if array.dtype == np.int8:
            return paired_interval(int((array == 1).sum()), int((array == -1).sum()), array.size)
        return self._cut(student(array[~np.isnan(array)]))

    def _cut(self, interval):
        return (max(interval[0], 0.0), min(interval[1], 1.0)) if interval and self._is_share else interval

    def __sub__(self, other):
        """The difference, paired by seed and, where both are measured on the same images, by image."""
        return dataclasses.replace(self.map(_difference, other), points=self.share and other.share)

    def __truediv__(self, other):
        """The ratio of the means, paired alike."""
        return self.map(ratio, other)

    def __rmul__(self, factor):
        """A number times each."""
        return self.map(lambda array: factor * array)

    def __and__(self, other):
        """Right in both: accuracy under the union of two attackers."""
        return self.map(np.logical_and, other)

    def half(self, which):
        """Every other image, from the first (0) or the second (1): one half to choose on, one to measure on."""
        return dataclasses.replace(self.map(lambda array: array[which::2], share=self.share), points=self.points)

    def map(self, operation, *others, share=False):
        """`operation` on this sample's array and the others', seed by seed, for the seeds that all of them have."""
        seeds = [seed for seed in self.per_seed if all(seed in other.per_seed for other in others)]
        arrays = {seed: operation(self.per_seed[seed], *(other.per_seed[seed] for other in others)) for seed in seeds}
        return Sample({seed: np.asarray(array) for seed, array in arrays.items()}, share)

    @property
    def in_points(self):
        """Whether it is a difference of accuracies, which is shown in percentage points."""
        return bool(self.interval) and (self.points or {array.dtype for array in self.per_seed.values()} <= DIFFERENCES)

    @property
    def is_accuracy(self):
        """Whether it is right or wrong, image by image."""
        return all(array.dtype == bool and array.ndim == 1 for array in self.per_seed.values())

    @property
    def standard_error(self):
        """Of an accuracy over images, sqrt(p (1 - p) / n), for the first seed."""
        array = next(iter(self.per_seed.values()))
        return float(array.std() / array.size**0.5)

    @property
    def listed(self):
        """The numbers of the seeds, for a note: `0.027, 0.028`."""
        return ", ".join(f"{value:g}" for value in self.values)

    def __str__(self):
        if self.mean is None:
            return MISSING
        if self.in_points:
            return points(self.mean, self.interval)
        return (percent if self._is_share else with_interval)(self.mean, None if self._is_count else self.interval)

    @property
    def _is_share(self):
        return self.share or {array.dtype for array in self.per_seed.values()} == {np.dtype(bool)}

    @property
    def _is_count(self):
        """Whether all seeds count the same, such as the weights of one architecture: an interval would say nothing."""
        arrays = list(self.per_seed.values())
        return all(array.ndim == 0 and array.dtype.kind in "iu" for array in arrays) and len(set(self.values)) == 1


def mean_curve(curve):
    """The accuracies (k,) of a curve that is kept as they are, or image by image, (n, k)."""
    return np.reshape(curve, (-1, curve.shape[-1])).mean(axis=0)


def _mean(array):
    values = np.asarray(array, np.float64)
    found = values[~np.isnan(values)]
    return float(found.mean()) if found.size else float("nan")


def _difference(a, b):
    if a.shape != b.shape:
        return np.array(_mean(a) - _mean(b))
    kinds = {a.dtype, b.dtype}
    if kinds == {np.dtype(bool)}:
        return a.astype(np.int8) - b.astype(np.int8)
    # Differences of differences reach from -2 to 2: their kind is another, and so is their interval.
    return np.subtract(a, b, dtype=np.int16 if kinds <= RIGHT_OR_LESS else np.float64)


def ratio(a, b):
    """mean(a) / mean(b); image by image what the delta method makes of each: its mean is the ratio, its spread too."""
    if a.shape != b.shape or not a.ndim:
        return np.array(_mean(a) / _mean(b))
    a, b = a.astype(np.float64), b.astype(np.float64)
    both = ~np.isnan(a) & ~np.isnan(b)
    ratio, scale = _mean(a[both]) / _mean(b[both]), _mean(b[both])
    return ratio + (a - ratio * b) / scale
