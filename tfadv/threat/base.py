"""What every threat model is: a ball around the image in some norm, inside the box of valid pixels [0, 1].

A threat model is an immutable value that owns the geometry. Everything is per example: images have the shape
(n, height, width, channels) and distances the shape (n,). `eps` may be a scalar tensor, so that a warm-up or
a compiled attack does not retrace when it changes.
"""

import abc
import dataclasses
import math
import numbers

import tensorflow as tf

from tfadv import spec
from tfadv.errors import invalid

TOLERANCE = 1e-6


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
