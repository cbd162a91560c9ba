"""A patch: a square of the image whose pixels may take any value; all others stay."""

import dataclasses
import numbers
import typing

import numpy as np
import tensorflow as tf

from tfadv import random
from tfadv.errors import invalid
from tfadv.threat.base import ThreatModel


@dataclasses.dataclass(frozen=True)
class Patch(ThreatModel):
    """Pixels of a square are free within the box, those outside it do not change.

    The square has the same place in every image: the center, or where `at` says. Its side is sqrt(area height width),
    rounded, at least 1 and at most the shorter side of the image.

    Args:
        eps: how far pixels of the square may change; 1 is any value of the box [0, 1].
        area: the share of the image that the square covers, above 0 and at most 1.
        at: its top row and left column, or None for the center.

    Raises:
        TfadvError: for other values; for images, when used, in which the square does not fit at `at`, and for vectors.

    >>> str(Patch(area=0.05))
    'patch(area=0.05)'
    """

    norm: typing.ClassVar[str] = "patch"
    separable: typing.ClassVar[bool] = True
    on_rows: typing.ClassVar[bool] = False
    short: typing.ClassVar[str] = "area"

    eps: float = 1.0
    area: float = 0.05
    at: tuple[int, int] | None = None

    def __post_init__(self):
        super().__post_init__()
        if isinstance(self.area, bool) or not isinstance(self.area, numbers.Real) or not 0 < self.area <= 1:
            raise invalid("patch: area", "a number above 0 and at most 1", repr(self.area), "write e.g. area=0.05.")
        object.__setattr__(self, "area", float(self.area))
        if self.at is not None:
            object.__setattr__(self, "at", _place(self.at))

    @property
    def widest(self):
        return float("inf") if self.box is None else self.box[1] - self.box[0]

    def window(self, image_shape):
        """The top row, left column, height and width of the square in images of this shape."""
        if len(image_shape) != 3:
            raise invalid("images under patch", "(n, height, width, channels)", f"{len(image_shape) + 1} axes")
        height, width = image_shape[:2]
        side = min(max(round((self.area * height * width) ** 0.5), 1), height, width)
        top, left = self.at or ((height - side) // 2, (width - side) // 2)
        if top + side > height or left + side > width:
            wanted = f"a place for a square of side {side} in images of {height} x {width}"
            raise invalid("patch: at", wanted, self.at, "leave it out for the center.")
        return top, left, side, side

    def mask(self, image_shape: tuple[int, int, int]) -> np.ndarray:
        """Where pixels may change: (height, width, 1) bool."""
        top, left, height, width = self.window(image_shape)
        mask = np.zeros((*image_shape[:2], 1), bool)
        mask[top : top + height, left : left + width] = True
        return mask

    def region(self, x):
        """The ends of the interval of each pixel; beside the square both are its value."""
        mask = self.mask(x.shape[1:])
        return tuple(tf.where(mask, self.clip(x + reach), x) for reach in (-self.eps, self.eps))

    def project_into(self, region, x_adv):
        return tf.clip_by_value(x_adv, *region)

    def random_start(self, x, seed):
        """Uniform between the ends of each interval."""
        low, high = self.region(x)
        return low + random.uniform(tf.shape(x), seed) * (high - low)

    def steepest(self, gradient, x=None):
        """The sign, within the square; comparisons are false for NaN."""
        sign = tf.cast(gradient > 0, gradient.dtype) - tf.cast(gradient < 0, gradient.dtype)
        return tf.where(self.mask(gradient.shape[1:]), sign, 0.0)

    def length(self, delta):
        """The largest change of a pixel."""
        return tf.reduce_max(tf.abs(delta), axis=range(1, len(delta.shape)))

    def contains(self, x_adv, x):
        beside = tf.where(self.mask(x.shape[1:]), 0.0, x_adv - x)
        return super().contains(x_adv, x) & (self.length(beside) == 0)


def _place(at):
    """A row and a column as whole numbers of at least 0."""
    whole = lambda k: isinstance(k, numbers.Integral) and not isinstance(k, bool) and k >= 0  # noqa: E731
    if not isinstance(at, tuple | list) or len(at) != 2 or not all(map(whole, at)):
        wanted = "a row and a column, whole numbers of at least 0"
        raise invalid("patch: at", wanted, repr(at), "write e.g. at=(0, 4).")
    return tuple(map(int, at))
