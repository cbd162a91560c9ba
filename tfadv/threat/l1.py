"""The norm l_1: the absolute changes of all pixels sum to at most eps."""

import tensorflow as tf

from tfadv import random
from tfadv.tensors import finite_or, flat_sum, per_example
from tfadv.threat.base import Ball
from tfadv.threat.hyperplane import greedy


class L1(Ball):
    """The absolute changes of all pixels sum to at most eps.

    >>> str(L1(12))
    'l1:12.0'
    """

    norm = "l1"
    order = 1
    reach = 5.0  # the authors' code of FAB
    sparse = True

    def project_into(self, region, x_adv):
        """The exact Euclidean projection onto ball and box together (Croce & Hein 2021, proposition 2.1).

        It is sign(u) * clip(|u| - lam, 0, b) with u = x_adv - x and b the room that the box leaves; lam is
        where the total, which is piecewise linear in lam and falls, meets eps.
        """
        [x] = region
        u = tf.reshape(x_adv - x, [tf.shape(x)[0], -1])
        flat = tf.reshape(x, tf.shape(u))
        size, room = tf.abs(u), self.room(flat, tf.where(u > 0, 1.0, -1.0))
        lam = _threshold(size, room, self.eps)
        delta = tf.sign(u) * tf.clip_by_value(size - lam[:, None], 0.0, room)
        # Rounding in lam, which is large where |u| is far above the box, must not leave the ball.
        shrink = tf.minimum(1.0, tf.math.divide_no_nan(self.eps, flat_sum(tf.abs(delta))))
        delta *= tf.where(self.eps > 0, shrink, 0.0)[:, None]
        return self.clip(x + tf.reshape(delta, tf.shape(x)))

    def random_start(self, x, seed):
        """Uniform on the simplex of absolute changes with random signs, radius eps * U, then projected."""
        shape = tf.shape(x)
        weight = -tf.math.log(1 - random.uniform(shape, random.key(seed, 1)))
        sign = tf.where(random.uniform(shape, random.key(seed, 2)) < 0.5, -1.0, 1.0)
        radius = self.eps * random.uniform(shape[:1], random.key(seed, 3))
        return self.project(x + sign * weight * per_example(radius / flat_sum(weight), x), x)

    def steepest(self, gradient, x=None):
        """Equal changes of the 1% of pixels with the largest gradient (SLIDE, Tramer & Boneh 2019).

        The exact answer moves one pixel only, which the box stops at once. Pixels at 0 or 1 that the gradient pushes
        outwards would hold the step for ever.
        """
        gradient = finite_or(0.0, gradient)
        if x is not None and self.box is not None:
            low, high = self.box
            stopped = ((gradient < 0) & (x <= low)) | ((gradient > 0) & (x >= high))
            gradient = tf.where(stopped, 0.0, gradient)
        size = tf.reshape(tf.abs(gradient), [tf.shape(gradient)[0], -1])
        kept = max(1, size.shape[1] // 100) if size.shape[1] else tf.maximum(1, tf.shape(size)[1] // 100)
        least = tf.math.top_k(size, kept).values[:, -1]
        chosen = tf.where(tf.abs(gradient) >= per_example(least, gradient), tf.sign(gradient), 0.0)
        return tf.math.divide_no_nan(chosen, per_example(flat_sum(tf.abs(chosen)), gradient))

    def length(self, delta):
        return flat_sum(tf.abs(delta))

    def dual_length(self, w, floor=0.0):
        return tf.reduce_max(tf.abs(w), axis=range(1, len(w.shape))) + floor

    def close_gap(self, size, room, wanted):
        """The pixels of the largest size by all their room, until the gap is closed; the last ones in part."""
        if self.box is not None:
            return greedy(size, room, wanted)
        largest = tf.cast((size == tf.reduce_max(size, axis=1, keepdims=True)) & (size > 0), tf.float32)
        return largest * per_example(tf.math.divide_no_nan(wanted, flat_sum(largest * size)), size)

    def gray(self, pixels):
        return float("inf") if self.box is None else 0.5 * (self.box[1] - self.box[0]) * pixels


def _threshold(size, room, eps):
    """The lam >= 0 with sum(clip(size - lam, 0, room)) = eps, or 0 where the sum is below eps: (n,)."""
    knots = tf.concat([size, size - room], axis=1)
    order = tf.argsort(knots, axis=1, direction="DESCENDING")
    knots = tf.gather(knots, order, batch_dims=1)
    slope = tf.cumsum(tf.gather(tf.concat([tf.ones_like(size), -tf.ones_like(size)], 1), order, batch_dims=1), axis=1)
    total = tf.cumsum(slope[:, :-1] * (knots[:, :-1] - knots[:, 1:]), axis=1)
    total = tf.concat([tf.zeros_like(total[:, :1]), total], axis=1)
    # The last knot at which the total is still within eps, and from there down the current slope.
    last = tf.reduce_sum(tf.cast(total <= eps, tf.int32), axis=1) - 1
    at = [tf.gather(values, last, batch_dims=1) for values in (knots, total, slope)]
    return tf.maximum(0.0, at[0] - tf.math.divide_no_nan(eps - at[1], at[2]))
