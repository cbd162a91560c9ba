"""Plain gradient descent on distance and margin with a fixed factor between them, as lectures write it.

The loss is equation (1) of Carlini, Wagner 2017, in the form of Szegedy et al. 2014; `CW` descends on it better.
"""

import dataclasses
import typing

import tensorflow as tf

from tfadv import gradients
from tfadv.attacks.base import MinimumNormAttack
from tfadv.attacks.loops.best import Nearest
from tfadv.attacks.options import SHOWN, check_flag, check_number, check_whole
from tfadv.passes import Passes
from tfadv.tensors import finite_or, flat_sum, per_example


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class GradientDescent(MinimumNormAttack):
    """x^(i) = x^(i-1) - eta grad L with L(x) = ||x - x^(0)||_2^2 + lambda max(-margin(x), -kappa), i = 1 ... N.

    The margin is that of the attacker, in logits: z_t - max_{j != t} z_j with a target t, and without one
    max_{j != y} z_j - z_y. Of the points with which he wins by kappa the nearest is returned; where there is none, the
    last one.

    Args:
        steps: N, at least 1.
        step_size: eta, a share of the distance, which needs no other value for other boxes.
        penalty: lambda, which weighs logits against squared distances: multiply it with the square of the box' width,
            or without a box of the spread of the codes.
        confidence: kappa, in logits.
        floor: False leaves out the -kappa: then every larger margin pays, and with a high lambda the points run to the
            edge of the box, or without `clip` as far as the steps carry them.
        squared: False takes the norm itself, whose gradient is 0 at x^(0).
        keep_nearest: False returns x^(N) whatever it is, as lectures do.
        clip: keep every x^(i) of `minimal` in the box; lectures do not. Within a threat model it always is.

    >>> GradientDescent(penalty=5).minimal(model, x, y)  # doctest: +SKIP
    """

    name: typing.ClassVar[str] = "gradient_descent"
    on_rows: typing.ClassVar[bool] = True
    norms: typing.ClassVar[tuple[str, ...]] = ("l2",)
    optimality: typing.ClassVar[str] = "near"

    steps: int = dataclasses.field(default=200, metadata=SHOWN)
    step_size: float = dataclasses.field(default=0.01, metadata=SHOWN)
    penalty: float = dataclasses.field(default=1.0, metadata=SHOWN)
    confidence: float = 0.0
    floor: bool = True
    squared: bool = True
    keep_nearest: bool = True
    clip: bool = False

    def __post_init__(self):
        check_whole(self, "steps")
        check_number(self, "step_size", "penalty", above_zero=True)
        check_number(self, "confidence")
        check_flag(self, "floor", "squared", "keep_nearest", "clip")

    def perturb(self, problem, threat, seed):
        """Within a threat model the box counts: every point is clipped."""
        return dataclasses.replace(self, clip=True).search(problem, threat, seed)

    def search(self, problem, threat, seed):
        """Images with which the attacker wins from the start are left as they are."""

        def step(t, x, best):
            logits, _, gradient = gradients.logits_and_gradient(
                problem.logits_fn, x, lambda logits: self.hinge(problem, logits)
            )
            best = self._keep(best, problem, x, logits)
            x -= self.step_size * (self._pull(x - problem.x) + finite_or(0.0, gradient))
            return t + 1, threat.clip(x) if self.clip else x, best

        nothing = Nearest(problem.x, tf.fill(tf.shape(problem.x)[:1], float("inf")))
        state = (0, problem.x, nothing)
        _, x, best = tf.while_loop(lambda t, *_: t < self.steps, step, state, maximum_iterations=self.steps)
        best = self._keep(best, problem, x, problem.logits_fn(x))
        kept = tf.math.is_finite(best.distance) if self.keep_nearest else best.distance == 0
        return tf.where(per_example(kept, x), best.x, x)

    def hinge(self, problem, logits):
        """lambda max(-margin, -kappa), (n,)."""
        lack = -problem.margin(logits)
        return self.penalty * (tf.maximum(lack, -self.confidence) if self.floor else lack)

    def _pull(self, delta):
        """The gradient of the (squared) norm."""
        if self.squared:
            return 2 * delta
        return tf.math.divide_no_nan(delta, per_example(tf.sqrt(flat_sum(delta * delta)), delta))

    def _keep(self, best, problem, x, logits):
        wins = problem.reached(logits) & (problem.margin(logits) >= self.confidence)
        return best.keep(x, wins, tf.sqrt(flat_sum(tf.square(x - problem.x))))

    def cost(self, classes):
        return Passes(self.steps + 1, self.steps)
