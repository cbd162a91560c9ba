"""Carlini & Wagner's l2 attack: the nearest image that is misclassified, by Adam and a search over the penalty.

Carlini, Wagner: Towards Evaluating the Robustness of Neural Networks, 2017, section VI.A, and the authors' code.
"""

import dataclasses
import typing

import tensorflow as tf

from tfadv import gradients, losses
from tfadv.attacks import standing
from tfadv.attacks.base import MinimumNormAttack, Passes
from tfadv.attacks.options import SHOWN, check_flag, check_number, check_whole
from tfadv.threat import finite_or, flat_sum, per_example

# The authors shrink images by this much about 1/2, so that 0 and 1 have a finite arctanh.
INSIDE = 0.999999
# Adam (Kingma & Ba 2015), algorithm 1.
DECAY, SQUARE_DECAY, FLOOR = 0.9, 0.999, 1e-8
# Progress is looked at so many times in a search, and must be by this share of the loss.
CHECKS, PROGRESS = 10, 1e-4


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class CW(MinimumNormAttack):
    static: typing.ClassVar[bool] = False
    norms: typing.ClassVar[tuple[str, ...]] = ("l2",)
    name: typing.ClassVar[str] = "cw"

    steps: int = dataclasses.field(default=200, metadata=SHOWN)
    searches: int = 9
    step_size: float = 0.01
    confidence: float = 0.0
    first_penalty: float = 1e-3
    abort_early: bool = True

    def __post_init__(self):
        check_whole(self, "steps", "searches")
        check_number(self, "step_size", "first_penalty", above_zero=True)
        check_number(self, "confidence")
        check_flag(self, "abort_early")

    def search(self, problem, norm, seed):
        """The search over the penalty, for the images that are not misclassified from the start."""

        def again(k, found, best, penalty, low, high):
            x_adv = self._descend(here, penalty)
            size = flat_sum(tf.square(x_adv - here.x))
            success = size > 0
            nearer = success & (size < best)
            found = tf.where(per_example(nearer, found), x_adv, found)
            best = tf.where(nearer, size, best)
            low, high = tf.where(success, low, penalty), tf.where(success, penalty, high)
            penalty = tf.where(tf.math.is_inf(high), 10 * penalty, (low + high) / 2)
            return k + 1, found, best, penalty, low, high

        stands = tf.cast(tf.where(~self._won(problem, problem.logits_fn(problem.x)))[:, 0], tf.int32)
        here = problem.only(stands)
        row = tf.zeros_like(here.labels, tf.float32)
        start = (0, here.x, row + float("inf"), row + self.first_penalty, row, row + float("inf"))
        found = tf.while_loop(
            lambda k, *_: (k < self.searches) & (tf.size(stands) > 0), again, start, maximum_iterations=self.searches
        )[1]
        return tf.tensor_scatter_nd_update(problem.x, stands[:, None], found)

    def _won(self, problem, logits):
        return problem.reached(logits) & (problem.margin(logits) >= self.confidence)

    def _descend(self, problem, penalty):
        u = logit(problem.x)
        row = tf.fill(tf.shape(penalty), float("inf"))
        zeros = tf.zeros_like(u)
        period = -(-self.steps // CHECKS)

        def stretch(t, problem, state):
            x_adv, nearest, before, penalty, u, mean, square = state

            def step(i, x_adv, nearest, least, u, mean, square):
                point = tf.sigmoid(u)
                logits, pullback = gradients.logits_and_pullback(problem.logits_fn, point)
                delta = point - problem.x
                size = flat_sum(delta * delta)
                won = self._won(problem, logits)
                nearer = won & (size < nearest)
                x_adv = tf.where(per_example(nearer, x_adv), point, x_adv)
                nearest = tf.where(nearer, size, nearest)
                lack = tf.maximum(self.confidence - problem.margin(logits), 0.0)
                least = tf.minimum(least, size + penalty * lack)
                # Half the loss: Adam only knows gradients up to a factor.
                weight = tf.where(lack > 0, penalty / 2, 0.0)
                direction = -weight[:, None] * ascent(problem, logits)
                slope = tf.raw_ops.SigmoidGrad(y=point, dy=finite_or(0.0, pullback(direction)) + delta)
                mean = DECAY * mean + slope
                square = SQUARE_DECAY * square + slope * slope
                time = tf.cast(t * period + i + 1, tf.float32)
                a = 2 * self.step_size * (1 - DECAY) / (1 - DECAY**time)
                b = tf.sqrt((1 - SQUARE_DECAY) / (1 - SQUARE_DECAY**time))
                # 
                u -= (a / b) * mean / (tf.sqrt(square) + FLOOR / 4 / b)
                return i + 1, x_adv, nearest, least, u, mean, square

            count = tf.minimum(period, self.steps - t * period)
            start = (0, x_adv, nearest, row[: tf.shape(penalty)[0]], u, mean, square)
            _, x_adv, nearest, least, u, mean, square = tf.while_loop(lambda i, *_: i < count, step, start)
            best = tf.minimum(least, before)
            done = least > (1 - PROGRESS) * before if self.abort_early else tf.zeros_like(least, tf.bool)
            return done, x_adv, (x_adv, nearest, best, penalty, u, mean, square)

        state = (problem.x, row, row, penalty, u, zeros, zeros)
        return standing.loop(problem, stretch, state, CHECKS)[0]

    def cost(self, classes):
        return Passes(1 + self.steps * self.searches, self.steps * self.searches)


def logit(x):
    inside = (x - 0.5) * INSIDE + 0.5
    return tf.math.log(inside) - tf.math.log1p(-inside)


def ascent(problem, logits):
    """The derivative of the margin by the logits, (n, classes)."""
    classes = logits.shape[-1]
    own = problem.labels if problem.targets is None else problem.targets
    others = tf.where(tf.one_hot(own, classes, True, False, dtype=tf.bool), -float("inf"), logits)
    rival = tf.argmax(others, axis=-1, output_type=tf.int32)
    up = tf.one_hot(rival, classes) - tf.one_hot(own, classes)
    return up if problem.targets is None else -up
