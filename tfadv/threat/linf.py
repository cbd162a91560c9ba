"""The norm l_inf: no pixel changes by more than eps."""

import tensorflow as tf

from tfadv import random
from tfadv.tensors import flat_sum, per_example
from tfadv.threat.base import Ball
from tfadv.threat.hyperplane import level


class LInf(Ball):
    """No pixel changes by more than eps.

    >>> str(LInf(8 / 255))
    'linf:8/255'
    """

    norm = "linf"
    order = float("inf")
    reach = 0.3  # the authors' code of FAB
    separable = True

    def region(self, x):
        """The ends of the interval of each pixel."""
        if self.box is None:
            return x - self.eps, x + self.eps
        return tf.maximum(x - self.eps, self.box[0]), tf.minimum(x + self.eps, self.box[1])

    def project_into(self, region, x_adv):
        return tf.clip_by_value(x_adv, *region)

    def random_start(self, x, seed):
        """Uniform in the ball, then clipped (Madry et al. 2018)."""
        return self.project(x + (2 * random.uniform(tf.shape(x), seed) - 1) * self.eps, x)

    def random_direction(self, shape, seed):
        return random.uniform(shape, seed) - 0.5

    def steepest(self, gradient, x=None):
        """The sign; comparisons are false for NaN."""
        return tf.cast(gradient > 0, gradient.dtype) - tf.cast(gradient < 0, gradient.dtype)

    def length(self, delta):
        return tf.reduce_max(tf.abs(delta), axis=range(1, len(delta.shape)))

    def dual_length(self, w, floor=0.0):
        return flat_sum(tf.abs(w)) + floor

    def close_gap(self, size, room, wanted):
        """Every pixel by min(lam, room)."""
        return tf.minimum(room, per_example(level(room, size, size * room, wanted), size))

    def gray(self, pixels):
        return float("inf") if self.box is None else 0.5 * (self.box[1] - self.box[0])
