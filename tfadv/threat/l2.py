"""The norm l_2: the Euclidean length of the change is at most eps."""

import tensorflow as tf

from tfadv import random
from tfadv.tensors import finite_or, flat_sum, per_example
from tfadv.threat.base import Ball
from tfadv.threat.hyperplane import level


class L2(Ball):
    """The Euclidean length of the change is at most eps.

    >>> str(L2(0.5))
    'l2:0.5'
    """

    norm = "l2"
    order = 2
    reach = 1.0  # the authors' code of FAB

    def project_into(self, region, x_adv):
        [x] = region
        delta = x_adv - x
        length = tf.sqrt(flat_sum(delta * delta))
        shrink = tf.minimum(1.0, tf.math.divide_no_nan(self.eps, length))
        shrink = tf.where(length > 0, shrink, 1.0)
        return self.clip(x + delta * per_example(shrink, x))

    def random_start(self, x, seed):
        """Uniform in the ball: a Gaussian direction with radius eps * U^(1/d), then clipped."""
        direction = self.steepest(random.normal(tf.shape(x), random.key(seed, 1)))
        size = tf.cast(tf.size(x[0]), tf.float32)
        radius = self.eps * random.uniform(tf.shape(x)[:1], random.key(seed, 2)) ** (1 / size)
        return self.project(x + direction * per_example(radius, x), x)

    def steepest(self, gradient, x=None):
        gradient = finite_or(0.0, gradient)
        # Scaled first: confident models have gradients whose squares underflow.
        largest = tf.reduce_max(tf.abs(gradient), axis=range(1, len(gradient.shape)))
        gradient = tf.math.divide_no_nan(gradient, per_example(largest, gradient))
        length = tf.sqrt(flat_sum(gradient * gradient))
        return tf.math.divide_no_nan(gradient, per_example(length, gradient))

    def length(self, delta):
        return tf.sqrt(flat_sum(tf.square(delta)))

    def dual_length(self, w, floor=0.0):
        return tf.sqrt(flat_sum(w * w) + floor)

    def close_gap(self, size, room, wanted):
        """Every pixel by min(lam * size, room)."""
        # Where size is 0 the limit is 0 / 0: such a pixel never compares as free.
        lam = level(room / size, size * size, size * room, wanted)
        return tf.minimum(room, per_example(lam, size) * size)

    def towards_hyperplane(self, w, distance, length):
        """distance w / ||w||_2, of which DeepFool's training derives."""
        return per_example(tf.math.divide_no_nan(distance, length), w) * w

    def gray(self, pixels):
        return float("inf") if self.box is None else 0.5 * (self.box[1] - self.box[0]) * pixels**0.5
