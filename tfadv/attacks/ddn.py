"""DDN: a gradient walk on spheres around the image whose radius shrinks after success and grows after failure.

Rony, Hafemann, Oliveira, Ben Ayed, Sabourin, Granger: Decoupling direction and norm for efficient gradient-based L2
adversarial attacks and defenses, 2019.
"""

import dataclasses
import math
import typing

import tensorflow as tf

from tfadv import gradients
from tfadv.attacks.base import MinimumNormAttack
from tfadv.attacks.loops import active, together
from tfadv.attacks.loops.best import Nearest
from tfadv.attacks.options import SHOWN, check_choice, check_flag, check_number, check_whole
from tfadv.errors import invalid
from tfadv.passes import Passes
from tfadv.tensors import flat_sum, per_example

# Steps shrink along a cosine from 1 to this length (section 4).
LAST_STEP = 0.01


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class DDN(MinimumNormAttack):
    """delta <- r (delta + a g) / ||delta + a g||, clipped to the box; r <- r (1 - gamma) if x + delta fools, else
    r (1 + gamma).

    g is the direction of the gradient of the loss; a shrinks from 1 to 0.01. The nearest misclassified point is
    returned. Images that the model already gets wrong are left as they are.

    Args:
        steps: number of gradient steps, at least 1.
        gamma: by how much the radius changes in a step, below 1.
        init_eps: the first radius.
        loss: `"ce"`, the paper's, or `"margin"`. The gradient of the cross-entropy points at a mean of all boundaries:
            where the softmax is soft, the point found is not the nearest (13 to 28% too far on a linear model).
        levels: how many values a pixel may take, evenly spaced over the box: 256 for images of bytes; None
            for any.
        early_stop: leave an image alone once a misclassified point is found within eps.

    >>> DDN().minimal(model, x, y)  # doctest: +SKIP
    """

    on_rows: typing.ClassVar[bool] = True
    norms: typing.ClassVar[tuple[str, ...]] = ("l2",)
    optimality: typing.ClassVar[str] = "near"

    steps: int = dataclasses.field(default=100, metadata=SHOWN)
    gamma: float = 0.05
    init_eps: float = 1.0
    loss: str = "ce"
    levels: int | None = None
    early_stop: bool = False

    def __post_init__(self):
        check_whole(self, "steps")
        check_number(self, "gamma")
        check_number(self, "init_eps", above_zero=True)
        if self.gamma >= 1:
            raise invalid(f"{self.name}: gamma", "a number below 1", self.gamma)
        check_choice(self, "loss", ("ce", "margin"))
        if self.levels is not None:
            check_whole(self, "levels", least=2)
        check_flag(self, "early_stop")

    @property
    def xla_compatible(self):
        return not self.early_stop

    def search(self, problem, threat, seed):
        return self.perturb(problem, threat, seed)

    def perturb(self, problem, threat, seed):
        if self.early_stop:
            attempt = lambda wave: self._until_fooled(wave.here, threat)  # noqa: E731
            return together.attempts(problem, attempt, 1, at_once=False)
        return self._nearest(problem, threat)

    def _until_fooled(self, problem, threat):
        def step(t, problem, state):
            reached, distance, following = self._step(t, problem, state, threat)
            return reached & (distance <= threat.eps), state[0], following

        return active.loop(problem, step, self._start(problem.x, threat), self.steps)[0]

    def _nearest(self, problem, threat):
        def step(t, state, best):
            reached, distance, following = self._step(t, problem, state, threat)
            return t + 1, following, best.keep(state[0], reached, distance)

        best = Nearest(problem.x, tf.fill(tf.shape(problem.labels), float("inf")))
        _, (last, *_), best = tf.while_loop(
            lambda t, *_: t < self.steps, step, (0, self._start(problem.x, threat), best), maximum_iterations=self.steps
        )
        best = best.keep(last, problem.reached(problem.logits_fn(last)), threat.distance(last, problem.x))
        return tf.where(per_example(tf.math.is_finite(best.distance), last), best.x, last)

    def _start(self, x, threat):
        """The image, the first radius, and the largest, which leads to the farthest corner of the box."""
        return x, tf.fill(tf.shape(x)[:1], self.init_eps), threat.farthest(x)

    def _step(self, t, problem, state, threat):
        """Judge the present point, and move on: (reached, distance, the next state)."""
        x_adv, radius, largest = state
        logits, pullback = gradients.logits_and_pullback(problem.logits_fn, x_adv)
        reached, delta = problem.reached(logits), x_adv - problem.x
        distance = tf.sqrt(flat_sum(delta * delta))
        length = LAST_STEP + (1 - LAST_STEP) * (1 + tf.cos(math.pi / self.steps * tf.cast(t, tf.float32))) / 2
        delta += length * threat.steepest(pullback(ascent(problem, logits, self.loss)))
        radius = tf.minimum(radius * tf.where(reached, 1 - self.gamma, 1 + self.gamma), largest)
        delta *= per_example(tf.math.divide_no_nan(radius, tf.sqrt(flat_sum(delta * delta))), delta)
        following = threat.clip(problem.x + delta)
        if self.levels:
            following = self._on_levels(following, threat.box)
        return reached, distance, (following, radius, largest)

    def _on_levels(self, x, box):
        if box is None:
            raise invalid("ddn: levels", "None where there is no box", self.levels)
        low, wide = box[0], box[1] - box[0]
        return low + wide * (tf.round((x - low) / wide * (self.levels - 1)) / (self.levels - 1))

    def cost(self, classes):
        # Each step a gradient; then a look at the last point, and with early_stop at the image.
        return Passes(self.steps + 2, self.steps)


def ascent(problem, logits, loss):
    """The direction in logits whose pullback is parallel to the gradient of the loss: (n, classes).

    That of the cross-entropy is (1 - p_y) (sum_{j != y} q_j z_j - z_y)' with q the softmax without y. The factor, which
    is 0 in float32 for confident models, is left out. For the margin q is 1 at the best other class.
    """
    sign, labels = (1.0, problem.own(logits)) if problem.targets is None else (-1.0, problem.targets)
    own = tf.one_hot(labels, logits.shape[-1])
    others = tf.where(own > 0, -float("inf"), logits)
    if problem.reject and problem.targets is None:
        safe = tf.one_hot(problem.labels, logits.shape[-1]) + tf.one_hot(problem.classes(logits), logits.shape[-1])
        others = tf.where(safe > 0, -float("inf"), logits)
    q = tf.nn.softmax(others) if loss == "ce" else tf.one_hot(tf.argmax(others, axis=-1), logits.shape[-1])
    return sign * (q - own)
