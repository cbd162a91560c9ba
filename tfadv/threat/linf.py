"""The norm l_inf: no pixel changes by more than eps."""

import tensorflow as tf

from tfadv import random
from tfadv.threat.base import ThreatModel


class LInf(ThreatModel):
    """No pixel changes by more than eps.

    >>> str(LInf(8 / 255))
    'linf:8/255'
    """

    norm = "linf"

    def region(self, x):
        return tf.maximum(x - self.eps, 0.0), tf.minimum(x + self.eps, 1.0)

    def project_into(self, region, x_adv):
        return tf.clip_by_value(x_adv, *region)

    def random_start(self, x, seed):
        """Uniform in the ball, then clipped (Madry et al. 2018)."""
        return self.project(x + (2 * random.uniform(tf.shape(x), seed) - 1) * self.eps, x)

    def steepest(self, gradient, x=None):
        """The sign; comparisons are false for NaN."""
        return tf.cast(gradient > 0, gradient.dtype) - tf.cast(gradient < 0, gradient.dtype)

    def distance(self, x_adv, x):
        return tf.reduce_max(tf.abs(x_adv - x), axis=range(1, len(x.shape)))
