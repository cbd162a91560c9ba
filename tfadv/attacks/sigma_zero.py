"""Sigma-zero: gradient descent on a smooth count of changed pixels, with a threshold below which changes are undone.

Cina, Villani, Pintor, Schoenherr, Biggio, Pelillo: sigma-zero: Gradient-based Optimization of l0-norm Adversarial
Examples, 2025.
"""

import dataclasses
import math
import typing

import tensorflow as tf

from tfadv.attacks.base import MinimumNormAttack
from tfadv.attacks.loops import active, together
from tfadv.attacks.loops.best import Nearest
from tfadv.attacks.options import SHOWN, check_flag, check_number, check_whole
from tfadv.passes import Passes
from tfadv.tensors import finite_or, per_example
from tfadv.threat.l0 import as_pixels, per_pixel

# Steps shrink along a cosine from 1 to this share of the first (the authors' code).
LAST_STEP = 0.1
# Adam's decay rates and its guard against 0 / 0 (Kingma & Ba 2015), with which the authors' code takes the steps.
DECAY, DECAY_OF_SQUARES, GUARD = 0.9, 0.999, 1e-8


class Descent(typing.NamedTuple):
    """Where the search of each example is; one row an example."""

    x: tf.Tensor
    mean: tf.Tensor  # Adam's running mean of the gradients,
    squares: tf.Tensor  # and of their squares
    threshold: tf.Tensor


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class SigmaZero(MinimumNormAttack):
    """The fewest pixels: descend on max(z_y - max_{j != y} z_j, 0) + (1/d) sum_i |delta_i|^2 / (|delta_i|^2 + sigma).

    The sum, over all d pixels, is the number of changed ones as sigma goes to 0. Each gradient is divided by its
    largest absolute value, and followed by Adam with a step size a that falls along a cosine. After each step the box
    cuts delta, and pixels that changed by less than tau in every channel are put back; tau grows by rate * a where x +
    delta is misclassified, and falls by as much where it is not. The misclassified point with the fewest changed
    pixels is returned. Images that the model already gets wrong are left as they are.

    Step sizes, sigma's root and tau are in widths of the box; without a box, in the root mean square of an example.

    Args:
        steps: number of gradient steps, at least 1.
        step_size: the first one.
        sigma: how smooth the count is.
        threshold: the first tau.
        rate: by how much tau changes in a step, as a share of the step size.
        early_stop: leave an image alone once a misclassified point is found within eps.

    >>> SigmaZero()(model, x, y, threat=L0(24))  # doctest: +SKIP
    """

    name: typing.ClassVar[str] = "sigma_zero"
    norms: typing.ClassVar[tuple[str, ...]] = ("l0",)
    optimality: typing.ClassVar[str] = "near"

    steps: int = dataclasses.field(default=1000, metadata=SHOWN)
    step_size: float = 1.0
    sigma: float = 1e-3
    threshold: float = 0.3
    rate: float = 0.01
    early_stop: bool = False

    def __post_init__(self):
        check_whole(self, "steps")
        check_number(self, "step_size", "sigma", above_zero=True)
        check_number(self, "threshold", "rate")
        check_flag(self, "early_stop")

    @property
    def xla_compatible(self):
        return not self.early_stop

    def search(self, problem, threat, seed):
        if self.early_stop:
            attempt = lambda wave: self._until_fooled(wave.here, threat)  # noqa: E731
            return together.attempts(problem, attempt, 1, at_once=False)
        return self._fewest(problem, threat)

    def _until_fooled(self, problem, threat):
        def step(t, problem, state):
            reached, following = self._step(t, problem, state, threat)
            return reached & (threat.distance(state.x, problem.x) <= threat.eps), state.x, following

        return active.loop(problem, step, self._start(problem.x, threat), self.steps)[0]

    def _fewest(self, problem, threat):
        def step(t, state, best):
            reached, following = self._step(t, problem, state, threat)
            return t + 1, following, best.keep(state.x, reached, threat.distance(state.x, problem.x))

        best = Nearest(problem.x, tf.fill(tf.shape(problem.labels), float("inf")))
        _, last, best = tf.while_loop(
            lambda t, *_: t < self.steps, step, (0, self._start(problem.x, threat), best), maximum_iterations=self.steps
        )
        best = best.keep(last.x, problem.reached(problem.logits_fn(last.x)), threat.distance(last.x, problem.x))
        return tf.where(per_example(tf.math.is_finite(best.distance), last.x), best.x, last.x)

    def _start(self, x, threat):
        threshold = tf.ones(tf.shape(x)[:1]) * (self.threshold * threat.unit(x))
        return Descent(x, tf.zeros_like(x), tf.zeros_like(x), threshold)

    def _step(self, t, problem, state, threat):
        """Judge the present point, and move on: (reached, the next state)."""
        logits, _, uphill = problem.ascend("margin", state.x)
        reached, t, unit = problem.reached(logits), tf.cast(t, tf.float32), threat.unit(problem.x)
        slope = self._slope(state.x - problem.x, unit)
        way = tf.where(per_example(reached, uphill), 0.0, -finite_or(0.0, uphill)) + slope
        way = tf.math.divide_no_nan(way, per_example(_largest(way), way))
        mean = DECAY * state.mean + (1 - DECAY) * way
        squares = DECAY_OF_SQUARES * state.squares + (1 - DECAY_OF_SQUARES) * way * way
        length = tf.sqrt(squares / (1 - DECAY_OF_SQUARES ** (t + 1))) + GUARD
        step_size = per_example(unit * self._step_size(t), state.x)
        moved = state.x - step_size * mean / (1 - DECAY ** (t + 1)) / length
        sign = tf.where(reached, 1.0, -1.0)
        change = sign * self.rate * (unit * self._step_size(t + 1))
        threshold = tf.clip_by_value(state.threshold + change, 0.0, unit)
        return reached, Descent(cut(threat.clip(moved), problem.x, threshold), mean, squares, threshold)

    def _slope(self, delta, unit):
        """The gradient of the smooth count: 2 sigma delta / (|delta|^2 + sigma)^2 / d."""
        squares, sigma = per_pixel(delta * delta), self.sigma * unit * unit
        d = tf.cast(tf.shape(squares)[1], tf.float32)
        total = as_pixels(tf.square(squares + per_example(sigma, squares)), delta)
        return per_example(2 * sigma, delta) / d * delta / total

    def _step_size(self, t):
        return self.step_size * (LAST_STEP + (1 - LAST_STEP) * (1 + tf.cos(math.pi / self.steps * t)) / 2)

    def cost(self, classes):
        # Each step a gradient; then a look at the last point, and with early_stop at the image.
        return Passes(self.steps + 2, self.steps)


def cut(x_adv, x, threshold):
    """x_adv with pixels put back whose channels all changed by less than the threshold, (n,)."""
    change = tf.abs(x_adv - x)
    return tf.where(_over_channels(change >= per_example(threshold, x)), x_adv, x)


def _over_channels(changed):
    return changed if len(changed.shape) == 2 else tf.reduce_any(changed, axis=-1, keepdims=True)


def _largest(x):
    return tf.reduce_max(tf.abs(x), axis=range(1, len(x.shape)))
