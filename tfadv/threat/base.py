"""What every threat model is: how far an attacker may move an example, and inside which box of valid values.

A threat model is an immutable value that owns the geometry: attacks ask it and never look at its name. Everything is
per example: images have the shape (n, height, width, channels), vectors (n, d), and distances the shape (n,). `eps` may
be a scalar tensor, so that a warm-up or a compiled attack does not retrace when it changes.
"""

import abc
import dataclasses
import math
import numbers
import typing

import tensorflow as tf

from tfadv import random, spec
from tfadv.errors import TfadvError, invalid
from tfadv.tensors import per_example

TOLERANCE = 1e-6


@dataclasses.dataclass(frozen=True)
class ThreatModel(abc.ABC):
    """S(x, eps) = {x' : ||x' - x|| <= eps} intersected with the box of valid values.

    A new norm is one file and one line in `tfadv/threat/__init__.py`. It sets `norm` and writes `length`,
    `project_into`, `random_start` and `steepest`; where something can be computed once for an example, also `region`.
    If it is the ball of a true norm it derives from `Ball`, which says what else attacks ask of it. What it needs to
    know besides eps and the box becomes a field with a default: such fields are part of its spec,
    `norm(eps=..., field=...)`, and of what an attack is compiled for, so they must be hashable. `with_eps` must accept
    0.

    Args:
        eps: radius in units of the norm; at least 0, or a scalar tensor.
        box: lowest and highest valid value, `(0.0, 1.0)` for pixels; None where every number is valid, as for latent
            codes.

    Raises:
        TfadvError: if eps is not a finite number of at least 0, or the box is not two ascending numbers.
    """

    # What specs and results call it.
    norm: typing.ClassVar[str]
    # Whether S is a product of intervals, one for each pixel, whose ends `region` returns: (low, high).
    separable: typing.ClassVar[bool] = False
    # Whether eps is best spent on few pixels.
    sparse: typing.ClassVar[bool] = False
    # Whether images as rows (n, d) are the same to it: not where it matters which values are one pixel, or its place.
    on_rows: typing.ClassVar[bool] = True
    # No eps above it allows more.
    widest: typing.ClassVar[float] = float("inf")
    # The field that `norm:number` sets.
    short: typing.ClassVar[str] = "eps"

    eps: float
    box: tuple[float, float] | None = (0.0, 1.0)

    def __post_init__(self):
        object.__setattr__(self, "box", _box(self.box))
        if tf.is_tensor(self.eps):
            return
        if isinstance(self.eps, bool) or not isinstance(self.eps, numbers.Real):
            raise invalid("eps", "a number", repr(self.eps), "write e.g. linf:8/255.")
        if not (math.isfinite(self.eps) and self.eps >= 0):
            raise invalid("eps", "a finite number of at least 0", self.eps, "write e.g. linf:8/255.")
        object.__setattr__(self, "eps", float(self.eps))

    def __str__(self):
        """`linf:8/255`, or with what is not the default `linf(eps=0.5, box=None)`."""
        values = ((field, getattr(self, field.name)) for field in dataclasses.fields(self))
        values = ((field, float(value) if tf.is_tensor(value) else value) for field, value in values)
        given = {field.name: value for field, value in values if value != field.default or field.name == self.short}
        if list(given) == ["eps"]:
            return f"{self.norm}:{spec.show(given['eps'])}"
        return spec.write(self.norm, given)

    @classmethod
    def from_text(cls, text: str) -> typing.Self:
        """Read `norm:number` or `norm(eps=..., box=None)`; the inverse of `str`.

        Raises:
            TfadvError: for a text of another form, an unknown field or a value out of range.
        """
        _, colon, number = text.partition(":")
        options = {cls.short: spec.number(number)} if colon else spec.parse(text)[1]
        fields = {field.name: field for field in dataclasses.fields(cls)}
        for wrong in (name for name in options if name not in fields):
            raise TfadvError(f"threat model {cls.norm!r} has no option {wrong!r}: it takes {', '.join(fields)}.")
        if "eps" not in options and fields["eps"].default is dataclasses.MISSING:
            raise TfadvError(f"cannot read the threat model {text!r}: say its eps, e.g. linf:8/255.")
        return cls(**options)

    def with_eps(self, eps: float | tf.Tensor) -> typing.Self:
        """The same threat model with another radius."""
        return dataclasses.replace(self, eps=eps)

    def project(self, x_adv: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
        """The point of S(x, eps) that `x_adv` is moved to; x must lie in the box."""
        return self.project_into(self.region(x), x_adv)

    def step_size(self, steps: int) -> float | tf.Tensor:
        """The default step size of projected gradient descent: 2.5 eps / steps (Madry et al. 2018)."""
        return 2.5 * self.eps / steps

    def unit(self, x: tf.Tensor) -> float | tf.Tensor:
        """What steps made for pixels in [0, 1] are multiplied with: the width of the box, a float.

        Without a box it is the root mean square of the values of each example, (n,), which standard normal codes
        have at 1; 1 where all of them are 0.
        """
        if self.box is not None:
            return self.box[1] - self.box[0]
        size = tf.sqrt(tf.reduce_mean(tf.square(x), axis=range(1, len(x.shape))))
        return tf.where(size > 0, size, tf.ones_like(size))

    def window(self, image_shape: tuple[int, int, int]) -> tuple[int, int, int, int]:
        """The top row, left column, height and width of the part of an image in which anything may change."""
        return 0, 0, *image_shape[:2]

    def contains(self, x_adv: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
        """Which examples lie in S(x, eps), up to rounding: (n,) bool."""
        near = self.distance(x_adv, x) <= self.eps + TOLERANCE * tf.maximum(1.0, self.eps)
        if self.box is None:
            return near
        low, high = self.box
        valid = (x_adv >= low - TOLERANCE) & (x_adv <= high + TOLERANCE)
        return tf.reduce_all(valid, axis=range(1, len(x.shape))) & near

    def distance(self, x_adv: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
        """||x_adv - x|| per example: (n,)."""
        return self.length(x_adv - x)

    def clip(self, x: tf.Tensor) -> tf.Tensor:
        """x inside the box."""
        return x if self.box is None else tf.clip_by_value(x, *self.box)

    def room(self, x: tf.Tensor, way: tf.Tensor) -> tf.Tensor:
        """How far each pixel can go along `way` (-1, 0 or 1) inside the box: like x; infinite without one."""
        if self.box is None:
            return tf.where(way == 0, 0.0, tf.fill(tf.shape(x), float("inf")))
        low, high = self.box
        return tf.nn.relu(way) * (high - low) - way * (x - low)

    def farthest(self, x: tf.Tensor) -> tf.Tensor:
        """The l_2 distance from x to the farthest corner of the box: (n,); infinite without a box."""
        corner = tf.maximum(self.room(x, tf.ones_like(x)), self.room(x, -tf.ones_like(x)))
        return tf.sqrt(tf.reduce_sum(corner * corner, axis=range(1, len(x.shape))))

    def region(self, x: tf.Tensor) -> tuple[tf.Tensor, ...]:
        """What `project_into` needs to know of S(x, eps), computed once, outside an attack's loop.

        Returns:
            A tuple of tensors with one row an example.
        """
        return (x,)

    def gray(self, pixels: int) -> float:
        """The radius within which every image of so many values contains the gray one; infinite if there is none."""
        return float("inf")

    @abc.abstractmethod
    def length(self, delta: tf.Tensor) -> tf.Tensor:
        """||delta|| per example: (n,)."""

    @abc.abstractmethod
    def project_into(self, region: tuple[tf.Tensor, ...], x_adv: tf.Tensor) -> tf.Tensor:
        """`project` with the region of x."""

    @abc.abstractmethod
    def random_start(self, x: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """A random point of S(x, eps), with a ball radius that reaches eps; `seed` of shape (2,) int32."""

    @abc.abstractmethod
    def steepest(self, gradient: tf.Tensor, x: tf.Tensor | None = None) -> tf.Tensor:
        """The step of length 1 in this norm that raises a linear function most.

        Pixels whose gradient is NaN (0/0 in a square root, overflow) stay where they are: one such pixel would
        otherwise end the attack on its image.

        Args:
            x: where the step starts; in l_1, pixels that the box stops there are left out.
        """

    def random_point(self, shape: typing.Sequence[int] | tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Random valid values of this shape, whatever the example: uniform in the box, standard normal without one."""
        if self.box is None:
            return random.normal(shape, seed)
        low, high = self.box
        return low + (high - low) * random.uniform(shape, seed)


class Ball(ThreatModel):
    """The ball of a norm l_p, in which distances to hyperplanes have closed forms.

    Besides what every threat model writes, it sets `order` and `reach` and writes `dual_length` and `close_gap`.
    """

    # The p of l_p.
    order: typing.ClassVar[float]
    # Random starts of minimum-norm attacks are drawn as if eps were so large where no threat model says it.
    reach: typing.ClassVar[float]

    @abc.abstractmethod
    def dual_length(self, w: tf.Tensor, floor: float = 0.0) -> tf.Tensor:
        """||w||_q with 1/p + 1/q = 1, in which distances to hyperplanes with the normal w are measured: (n,).

        Args:
            floor: added to it, under the root in l_2: then its gradient is finite at w = 0.
        """

    @abc.abstractmethod
    def close_gap(self, size: tf.Tensor, room: tf.Tensor, wanted: tf.Tensor) -> tf.Tensor:
        """The shortest moves, each from 0 to `room`, with sum(size * moves) = wanted, or all the room: like size."""

    def displacement(self, x: tf.Tensor, w: tf.Tensor, gap: tf.Tensor) -> tf.Tensor:
        """The smallest change of x that brings w . x down by `gap`, which may be below 0, and stays inside the box.

        min ||delta||_p subject to w . delta = -gap and x + delta in the box has a solution in closed form (Karush,
        Kuhn, Tucker; Croce & Hein 2020, equation 4): see `threat.hyperplane`. Where the box does not reach the
        hyperplane, all the room there is is used. Pixels with w = 0 stay.

        Args:
            x: points of the box, (n, d).
            w: normals of the hyperplanes, like x, finite.
            gap: w . x - b, (n,).

        Returns:
            The change, like x, and its length in this norm, (n,).

        >>> from tfadv import L1
        >>> print(L1(1).displacement(tf.constant([[0.75, 0.5]]), tf.constant([[2.0, 1.0]]), tf.constant([-0.75]))[0])
        tf.Tensor([[0.25 0.25]], shape=(1, 2), dtype=float32)
        """
        way = tf.sign(w) * per_example(-tf.sign(gap), w)
        moved = self.close_gap(tf.abs(w), self.room(x, way), tf.abs(gap))
        return way * moved, self.length(moved)

    def towards_hyperplane(self, w: tf.Tensor, distance: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
        """The change of length `distance` (n,) that raises w . x most; `length` is the `dual_length` of w."""
        return per_example(distance, w) * self.steepest(w)

    def random_direction(self, shape: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Directions of random starts, of any length."""
        return random.normal(shape, seed)


def _box(box):
    """A box as a tuple of two floats, or None, which a spec may also write `none`."""
    if box is None or box == "none":
        return None
    try:
        low, high = map(float, box)
    except (TypeError, ValueError):
        low = high = math.nan
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise invalid("box", "a lowest and a highest value, or None", repr(box), "write e.g. box=(0.0, 1.0).")
    return low, high
