"""The goal attack: a class is to be predicted with confidence, and the distance from the image costs.

The adversary of a study of classifiers on latent codes; the loss is that of Szegedy et
al.: Intriguing properties of neural networks, 2014, with the norm where they have its square.
"""

import dataclasses
import typing

import tensorflow as tf

from tfadv import gradients, losses
from tfadv.attacks.base import MinimumNormAttack
from tfadv.attacks.loops import active
from tfadv.attacks.options import SHOWN, check_flag, check_number, check_whole
from tfadv.errors import invalid
from tfadv.passes import Passes
from tfadv.tensors import finite_or, flat_sum, per_example

# Of a box of width 1.
STEP_SIZE = 0.05


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class GoalAttack(MinimumNormAttack):
    """min_{x in the box} -log p_goal(x) + lambda ||x - x^(0)||_2 by gradient steps, clamped, until p_goal is high.

    The norm is not squared; its gradient is 0 at the image x^(0). Each image has its own lambda: after a success ten
    times as high until one fails, after a failure a tenth until one succeeds, then by bisection. Of all successes the
    nearest is returned; where there is none, the last point. With targets they are the goals, otherwise it is the class
    with the highest logit besides the label.

    Args:
        steps: gradient steps for each lambda, at least 1.
        searches: how many values of lambda are tried, at least 1.
        step_size: length of a step is this times the gradient's; None is 0.05 times the square of the box' width, or
            without a box of the root mean square of an example.
        confidence: p_goal at which the attack ends, below 1.
        penalty: the first lambda.
        clip: clamp every point of `minimal` to the box. Within a threat model it always is.

    >>> GoalAttack(steps=1000).minimal(model, x, y, targets=goals)  # doctest: +SKIP
    """

    name: typing.ClassVar[str] = "goal"
    on_rows: typing.ClassVar[bool] = True
    norms: typing.ClassVar[tuple[str, ...]] = ("l2",)
    optimality: typing.ClassVar[str] = "beyond"
    xla_compatible: typing.ClassVar[bool] = False

    steps: int = dataclasses.field(default=200, metadata=SHOWN)
    searches: int = 8
    step_size: float | None = None
    confidence: float = 0.95
    penalty: float = 0.05
    clip: bool = True

    def __post_init__(self):
        check_whole(self, "steps", "searches")
        check_number(self, "confidence", "penalty", above_zero=True)
        if self.step_size is not None:
            check_number(self, "step_size", above_zero=True)
        check_flag(self, "clip")
        if self.confidence >= 1:
            raise invalid("goal: confidence", "a number below 1", self.confidence)

    def perturb(self, problem, threat, seed):
        """Within a threat model the box counts: every point is clamped."""
        return dataclasses.replace(self, clip=True).search(problem, threat, seed)

    def search(self, problem, threat, seed):
        def again(k, found, size, penalty, low, high):
            x_adv, failed = self._descend(problem, threat, penalty)
            success = tf.tensor_scatter_nd_update(
                tf.ones_like(low, tf.bool), failed[:, None], tf.zeros_like(failed) > 0
            )
            moved = flat_sum(tf.square(x_adv - problem.x))
            # Until there is a success, the last failure.
            better = tf.where(success, moved < size, tf.math.is_inf(size))
            found = tf.where(per_example(better, found), x_adv, found)
            size = tf.where(success, tf.minimum(moved, size), size)
            low, high = tf.where(success, penalty, low), tf.where(success, high, penalty)
            between = tf.where(low > 0, (low + high) / 2, penalty / 10)
            return k + 1, found, size, tf.where(tf.math.is_inf(high), 10 * penalty, between), low, high

        if problem.targets is None:
            logits = problem.logits_fn(problem.x)
            problem = problem.towards(problem.rivals(logits)[:, 0])
        zero = tf.zeros_like(problem.labels, tf.float32)
        start = (0, problem.x, zero + float("inf"), zero + self.penalty, zero, zero + float("inf"))
        return tf.while_loop(lambda k, *_: k < self.searches, again, start, maximum_iterations=self.searches)[1]

    def _descend(self, problem, threat, penalty):
        """Gradient steps with one lambda an example: the points, and the indices of the examples that failed."""

        def step(t, problem, state):
            x_adv, penalty = state
            goal = problem.targets
            logits, loss, gradient = gradients.logits_and_gradient(
                problem.logits_fn, x_adv, lambda logits: losses.cross_entropy(goal, logits)
            )
            delta = x_adv - problem.x
            pull = tf.math.divide_no_nan(penalty, tf.sqrt(flat_sum(delta * delta)))
            way = finite_or(0.0, gradient) + per_example(pull, delta) * delta
            moved = x_adv - self._step_size(threat, problem.x) * way
            moved = threat.clip(moved) if self.clip else moved
            return tf.exp(-loss) >= self.confidence, x_adv, (moved, penalty)

        return active.loop(problem, step, (problem.x, penalty), self.steps)

    def _step_size(self, threat, x):
        """A float, or like x without a box."""
        return per_example(STEP_SIZE * threat.unit(x) ** 2, x) if self.step_size is None else self.step_size

    def cost(self, classes):
        steps = self.searches * self.steps
        return Passes(1 + steps, steps)
