"""The norm l_0: at most eps pixels change, by any amount that the box allows."""

import math

import tensorflow as tf

from tfadv import random
from tfadv.tensors import finite_or
from tfadv.threat.base import ThreatModel


class L0(ThreatModel):
    """At most eps pixels change; a pixel is one place of the image with all its channels.

    In vectors, (n, d), a pixel is one coordinate. An eps that is not whole counts as the whole number below it.

    >>> str(L0(24))
    'l0:24'
    """

    norm = "l0"
    on_rows = False

    def __str__(self):
        return super().__str__().removesuffix(".0")  # a count

    def step_size(self, steps):
        """1.5 times the width of the box, for any number of steps.

        What a pixel at x gains by a step s > 1 across the box, 2 s - 1 at most, must be above what one gains that was
        chosen before, 1 at most: else the first choice stays. On an MNIST network pgd(steps=40) broke 79% at l0:12
        with 1.5, 69% with 1, 75% with 3.
        """
        return 1.5 * (1.0 if self.box is None else self.box[1] - self.box[0])

    def project_into(self, region, x_adv):
        """The nearest point in l_2: of the pixels, clipped to the box, those that bring it nearest to `x_adv`.

        Moving a pixel by d = clip(x_adv) - x instead of leaving it at x brings the point nearer by
        |u|^2 - |u - d|^2 = |d| (2 |u| - |d|), u = x_adv - x (PGD_0 of Croce & Hein: Sparse and
        imperceivable adversarial attacks, 2019).
        """
        [x] = region
        inside = self.clip(x_adv)
        wanted, moved = tf.abs(x_adv - x), tf.abs(inside - x)
        # Where nothing moves `wanted` may be so large that it overflows.
        gain = per_pixel(tf.math.multiply_no_nan(2 * wanted - moved, moved))
        return tf.where(as_pixels(largest(gain, self.eps), x), inside, x)

    def random_start(self, x, seed):
        """Pixels drawn at random, as many as may change, with random values."""
        order = random.uniform(tf.shape(per_pixel(x)), random.key(seed, 1))
        chosen = as_pixels(largest(order, self.eps), x)
        return tf.where(chosen, self.random_point(tf.shape(x), random.key(seed, 2)), x)

    def steepest(self, gradient, x=None):
        """The sign of the gradient at the eps pixels where the sum of its absolute values is largest, 0 elsewhere."""
        gradient = finite_or(0.0, gradient)
        chosen = largest(per_pixel(tf.abs(gradient)), self.eps)
        return tf.where(as_pixels(chosen, gradient), tf.sign(gradient), 0.0)

    def length(self, delta):
        """How many pixels are not 0: (n,) float32."""
        return tf.reduce_sum(tf.cast(per_pixel(tf.abs(delta)) > 0, tf.float32), axis=1)

    def gray(self, pixels):
        return float(pixels)


def per_pixel(values):
    """Sums over the channels of each pixel: (n, height, width, channels) to (n, pixels), and (n, d) as it is."""
    if len(values.shape) == 2:
        return values
    return tf.reshape(tf.reduce_sum(values, axis=-1), [-1, math.prod(values.shape[1:-1])])


def as_pixels(chosen, like):
    """What is said of each pixel, (n, pixels), in a shape that broadcasts over the channels of `like`."""
    return chosen if len(like.shape) == 2 else tf.reshape(chosen, [-1, *like.shape[1:-1], 1])


def largest(values, count):
    """Where the `count` largest of each row are, (n, m) bool: never more, of equal ones the first.

    >>> print(largest(tf.constant([[3.0, 5.0, 3.0, 1.0]]), 2))
    tf.Tensor([[ True  True False False]], shape=(1, 4), dtype=bool)
    """
    count = tf.floor(tf.cast(count, tf.float32))
    ordered = tf.sort(values, axis=1, direction="DESCENDING")
    last = tf.clip_by_value(count - 1, 0.0, tf.cast(tf.shape(values)[1] - 1, tf.float32))
    least = tf.gather(ordered, tf.cast(last, tf.int32), axis=1)[:, None]
    above, equal = values > least, tf.cast(values == least, tf.float32)
    left = count - tf.reduce_sum(tf.cast(above, tf.float32), axis=1, keepdims=True)
    return above | ((equal > 0) & (tf.cumsum(equal, axis=1) <= left))
