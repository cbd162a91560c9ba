"""What the attacker may do: a ball around the image in some norm, inside the box of valid pixels [0, 1].

A threat model is an immutable value that owns the geometry. Everything is per example: images have the shape
(n, height, width, channels) and distances the shape (n,). `eps` may be a scalar tensor, so that a warm-up or
a compiled attack does not retrace when it changes.
"""

import abc
import dataclasses
import math
import numbers

import tensorflow as tf

from tfadv import random, spec
from tfadv.errors import TfadvError, invalid

TOLERANCE = 1e-6


def per_example(values, like):
    """Give `values` of shape (n,) the rank of `like`, so that it broadcasts over the pixels."""
    return tf.reshape(values, [-1] + [1] * (len(like.shape) - 1))


def finite_or(instead, values):
    """`values` with `instead` wherever they are NaN or infinite."""
    return tf.where(tf.math.is_finite(values), values, instead)


def flat_sum(x):
    """Sum over everything but the batch: (n, ...) -> (n,)."""
    return tf.reduce_sum(x, axis=range(1, len(x.shape)))


@dataclasses.dataclass(frozen=True)
class ThreatModel(abc.ABC):
    """S(x, eps) = {x' : ||x' - x||_p <= eps} intersected with [0, 1]^d.

    Args:
        eps: radius of the ball in units of a pixel's full range; above 0, or a scalar tensor.

    Raises:
        TfadvError: if eps is not a finite number of at least 0.
    """

    eps: float

    def __post_init__(self):
        if tf.is_tensor(self.eps):
            return
        if isinstance(self.eps, bool) or not isinstance(self.eps, numbers.Real):
            raise invalid("eps", "a number", repr(self.eps), "write e.g. linf:8/255.")
        if not (math.isfinite(self.eps) and self.eps >= 0):
            raise invalid("eps", "a finite number of at least 0", self.eps, "write e.g. linf:8/255.")
        object.__setattr__(self, "eps", float(self.eps))

    def __str__(self):
        return f"{self.norm}:{spec.show(float(self.eps))}"

    def with_eps(self, eps):
        """The same norm with another radius."""
        return dataclasses.replace(self, eps=eps)

    def project(self, x_adv, x):
        """The point of S(x, eps) that stands for `x_adv`; x must lie in [0, 1]."""
        return self.project_into(self.region(x), x_adv)

    def contains(self, x_adv, x):
        """Which examples lie in S(x, eps), up to rounding: (n,) bool."""
        inside_box = tf.reduce_all((x_adv >= -TOLERANCE) & (x_adv <= 1 + TOLERANCE), axis=range(1, len(x.shape)))
        return inside_box & (self.distance(x_adv, x) <= self.eps + TOLERANCE * tf.maximum(1.0, self.eps))

    def region(self, x):
        """What `project_into` needs to know of S(x, eps), computed once, outside an attack's loop.

        Returns:
            A tuple of tensors with one row an example.
        """
        return (x,)

    @abc.abstractmethod
    def project_into(self, region, x_adv):
        """`project` with the region of x."""

    @abc.abstractmethod
    def random_start(self, x, seed):
        """A random point of S(x, eps), with a ball radius that reaches eps; `seed` of shape (2,) int32."""

    @abc.abstractmethod
    def steepest(self, gradient, x=None):
        """The step of length 1 in this norm that raises a linear function most.

        Pixels whose gradient is NaN (0/0 in a square root, overflow) stay where they are: one such pixel would
        otherwise end the attack on its image.

        Args:
            x: where the step starts; in l_1, pixels that the box stops there are left out.
        """

    @abc.abstractmethod
    def distance(self, x_adv, x):
        """||x_adv - x||_p per example: (n,)."""


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


class L2(ThreatModel):
    """The Euclidean length of the change is at most eps.

    >>> str(L2(0.5))
    'l2:0.5'
    """

    norm = "l2"

    def project_into(self, region, x_adv):
        [x] = region
        delta = x_adv - x
        length = tf.sqrt(flat_sum(delta * delta))
        shrink = tf.minimum(1.0, tf.math.divide_no_nan(self.eps, length))
        shrink = tf.where(length > 0, shrink, 1.0)
        return tf.clip_by_value(x + delta * per_example(shrink, x), 0.0, 1.0)

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

    def distance(self, x_adv, x):
        return tf.sqrt(flat_sum(tf.square(x_adv - x)))


class L1(ThreatModel):
    """The absolute changes of all pixels sum to at most eps.

    >>> str(L1(12))
    'l1:12.0'
    """

    norm = "l1"

    def project_into(self, region, x_adv):
        """The exact Euclidean projection onto ball and box together (Croce & Hein 2021, proposition 2.1).

        It is sign(u) * clip(|u| - lam, 0, b) with u = x_adv - x and b the room that the box leaves; lam is
        where the total, which is piecewise linear in lam and falls, meets eps.
        """
        [x] = region
        u = tf.reshape(x_adv - x, [tf.shape(x)[0], -1])
        flat = tf.reshape(x, tf.shape(u))
        size, room = tf.abs(u), tf.where(u > 0, 1 - flat, flat)
        lam = _threshold(size, room, self.eps)
        delta = tf.sign(u) * tf.clip_by_value(size - lam[:, None], 0.0, room)
        # Rounding in lam, which is large where |u| is far above the box, must not leave the ball.
        shrink = tf.minimum(1.0, tf.math.divide_no_nan(self.eps, flat_sum(tf.abs(delta))))
        delta *= tf.where(self.eps > 0, shrink, 0.0)[:, None]
        return tf.clip_by_value(x + tf.reshape(delta, tf.shape(x)), 0.0, 1.0)

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
        if x is not None:
            stopped = ((gradient < 0) & (x <= 0)) | ((gradient > 0) & (x >= 1))
            gradient = tf.where(stopped, 0.0, gradient)
        size = tf.reshape(tf.abs(gradient), [tf.shape(gradient)[0], -1])
        kept = max(1, size.shape[1] // 100) if size.shape[1] else tf.maximum(1, tf.shape(size)[1] // 100)
        least = tf.math.top_k(size, kept).values[:, -1]
        chosen = tf.where(tf.abs(gradient) >= per_example(least, gradient), tf.sign(gradient), 0.0)
        return tf.math.divide_no_nan(chosen, per_example(flat_sum(tf.abs(chosen)), gradient))

    def distance(self, x_adv, x):
        return flat_sum(tf.abs(x_adv - x))


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


NORMS = {threat.norm: threat for threat in (LInf, L2, L1)}


def parse(text):
    """Read a threat model: `linf:8/255`, `l2:0.5`, `l1:12`; `parse(str(threat)) == threat`.

    >>> parse("linf:8/255") == LInf(8 / 255)
    True

    Raises:
        TfadvError: for an unknown norm or an eps that is not a number of at least 0.
    """
    norm, _, eps = text.strip().partition(":")
    if norm.lower() not in NORMS or not eps:
        raise TfadvError(
            f"cannot read the threat model {text!r}: write a norm ({', '.join(NORMS)}) and an eps, e.g. linf:8/255."
        )
    return NORMS[norm.lower()](spec.number(eps))
