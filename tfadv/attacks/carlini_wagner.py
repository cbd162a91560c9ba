"""Carlini & Wagner's l2 attack: the nearest misclassified image, by Adam and a search for the right penalty.

Carlini, Wagner: Towards Evaluating the Robustness of Neural Networks, 2017, section VI.A, and the authors' code.
"""

import dataclasses
import typing

import tensorflow as tf

from tfadv import gradients
from tfadv.attacks import standing
from tfadv.attacks.base import MinimumNormAttack, Passes
from tfadv.attacks.options import SHOWN, check_flag, check_number, check_whole
from tfadv.errors import invalid
from tfadv.threat import finite_or, flat_sum, per_example

# Adam with its usual constants (Kingma & Ba 2015, algorithm 1).
DECAY, SQUARE_DECAY, FLOOR = 0.9, 0.999, 1e-8
# A descent looks back after every tenth of its steps, and ends without this much progress (the authors' code).
STRETCHES, PROGRESS = 10, 1e-4
# The highest penalty (the authors' code).
HIGHEST = 1e10
# With less, arctanh is infinite at 0 and 1 in single precision.
LEAST_SLACK = 1e-7


class Descent(typing.NamedTuple):
    """What a descent knows of each example.

    Attributes:
        x: the nearest point with which the attacker wins, or else the last one.
        size: its squared distance from the image, infinite where there is none.
        least: the least loss so far.
        penalty: the factor of the margin in the loss.
        w, mean, square: the variable in which Adam descends, and its moments.
    """

    x: tf.Tensor
    size: tf.Tensor
    least: tf.Tensor
    penalty: tf.Tensor
    w: tf.Tensor
    mean: tf.Tensor
    square: tf.Tensor


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class CW(MinimumNormAttack):
    """min_w ||x' - x||_2^2 + c max(kappa - margin(x'), 0) with x' = 1/2 + (1/2 + slack) tanh(w), clipped to [0, 1].

    The margin is that of the attacker, in logits: max_{j != y} z_j - z_y, or z_t - max_{j != t} z_j with a target t;
    he has won where it reaches kappa. Adam descends from w(x) once for each penalty c. Each image has its own: ten
    times as high after a failure, the mean of the lowest that succeeded and the highest that failed after a success.
    Of all points with which the attacker wins the nearest is kept, and last the way to it is halved again and again:
    the authors leave that out, `halvings=0`. Where none is found, the last point comes back.

    Args:
        steps: of Adam for each penalty, at least 1.
        searches: how many penalties are tried, at least 1.
        step_size: Adam's learning rate.
        confidence: kappa, in logits.
        first_penalty: the first c.
        slack: how far beyond 0 and 1 the tanh reaches, above 0. The paper leaves it open (footnote 8). With the
            5e-7 of the authors' code pixels that are 0 or 1 hardly move during the first 500 steps.
        halvings: of the way from the image to the nearest point.
        abort_early: end the descent of an image whose loss no longer falls. The authors look at the sum over a batch.
        early_stop: leave an image alone once a misclassified point is found within eps.

    >>> CW(steps=1000).minimal(model, x, y)  # doctest: +SKIP
    """

    name: typing.ClassVar[str] = "cw"
    norms: typing.ClassVar[tuple[str, ...]] = ("l2",)
    static: typing.ClassVar[bool] = False

    steps: int = dataclasses.field(default=200, metadata=SHOWN)
    searches: int = 9
    step_size: float = 0.01
    confidence: float = 0.0
    first_penalty: float = 1e-3
    slack: float = 0.05
    halvings: int = 10
    abort_early: bool = True
    early_stop: bool = False

    def __post_init__(self):
        check_whole(self, "steps", "searches")
        check_whole(self, "halvings", least=0)
        check_number(self, "step_size", "first_penalty", "slack", above_zero=True)
        check_number(self, "confidence")
        check_flag(self, "abort_early", "early_stop")
        if self.slack < LEAST_SLACK:
            raise invalid("cw: slack", f"a number of at least {LEAST_SLACK:g}", self.slack)

    def perturb(self, problem, threat, seed):
        return self._nearest(problem, threat.eps**2 if self.early_stop else -1.0)

    def search(self, problem, norm, seed):
        return self._nearest(problem, float("inf") if self.early_stop else -1.0)

    def _nearest(self, problem, enough):
        """The nearest points found, for the images that are not won from the start.

        Args:
            enough: the squared distance at which an image is left alone.
        """

        def again(k, problem, state):
            found, size, c, low, high = state
            x_adv = self._descend(problem, c, enough)
            won = self.won(problem, problem.logits_fn(x_adv))
            moved = flat_sum(tf.square(x_adv - problem.x))
            # Until there is a success, the last failure.
            better = tf.where(won, moved < size, tf.math.is_inf(size))
            found = tf.where(per_example(better, found), x_adv, found)
            size = tf.where(won, tf.minimum(moved, size), size)
            low, high = tf.where(won, low, c), tf.where(won, c, high)
            c = tf.where(tf.math.is_inf(high), tf.minimum(10 * c, HIGHEST), (low + high) / 2)
            return size <= enough, found, (found, size, c, low, high)

        stands = tf.cast(tf.where(~self.won(problem, problem.logits_fn(problem.x))), tf.int32)
        here = problem.only(stands[:, 0])
        zero = tf.zeros_like(here.labels, tf.float32)
        infinite, first = zero + float("inf"), zero + self.first_penalty
        found, _ = standing.loop(here, again, (here.x, infinite, first, zero, infinite), self.searches)
        return tf.tensor_scatter_nd_update(problem.x, stands, self._halve(here, found))

    def won(self, problem, logits):
        """Where the attacker wins by as much as he wants: (n,) bool."""
        return problem.reached(logits) & (problem.margin(logits) >= self.confidence)

    def _descend(self, problem, c, enough):
        """The nearest points with which the attacker wins on the way down, or else the last ones."""
        length = -(-self.steps // STRETCHES)
        w = tf.atanh((problem.x - 0.5) / (0.5 + self.slack))
        infinite, zeros = tf.fill(tf.shape(c), float("inf")), tf.zeros_like(w)
        start = Descent(problem.x, infinite, infinite, c, w, zeros, zeros)

        def stretch(k, problem, before):
            end = tf.minimum((k + 1) * length, self.steps)
            step = lambda t, now: (t + 1, self._step(t, problem, now))  # noqa: E731
            now = tf.while_loop(lambda t, _: t < end, step, (k * length, before))[1]
            won = tf.math.is_finite(now.size)
            now = now._replace(x=tf.where(per_example(won, now.x), now.x, self._point(tf.tanh(now.w))))
            stalls = (now.least > (1 - PROGRESS) * before.least) & self.abort_early
            return stalls | (now.size <= enough), now.x, now

        return standing.loop(problem, stretch, start, -(-self.steps // length))[0]

    def _step(self, t, problem, now):
        """Judge the point and move on. Written by hand, as the tape's own operations on all pixels would be twice as
        many, and they are what takes the time with small networks."""
        half, tanh = 0.5 + self.slack, tf.tanh(now.w)
        point = self._point(tanh)
        penalty = lambda logits: now.penalty * tf.maximum(self.confidence - problem.margin(logits), 0.0)  # noqa: E731
        logits, penalties, gradient = gradients.logits_and_gradient(problem.logits_fn, point, penalty)
        delta = point - problem.x
        size = flat_sum(delta * delta)
        nearer = self.won(problem, logits) & (size < now.size)
        # The clip hands the gradient on: a pixel at the edge of the box comes back when its gradient turns.
        slope = tf.raw_ops.TanhGrad(y=tanh, dy=half * finite_or(0.0, gradient) + (2 * half) * delta)
        mean = DECAY * now.mean + (1 - DECAY) * slope
        square = SQUARE_DECAY * now.square + (1 - SQUARE_DECAY) * (slope * slope)
        count = tf.cast(t + 1, tf.float32)
        rate, root = self.step_size / (1 - DECAY**count), tf.sqrt(1 - SQUARE_DECAY**count)
        return Descent(
            tf.where(per_example(nearer, point), point, now.x),
            tf.where(nearer, size, now.size),
            tf.minimum(now.least, size + penalties),
            now.penalty,
            now.w - (rate * root) * mean / (tf.sqrt(square) + FLOOR * root),
            mean,
            square,
        )

    def _point(self, tanh):
        return tf.clip_by_value(0.5 + (0.5 + self.slack) * tanh, 0.0, 1.0)

    def _halve(self, problem, found):
        """The point between image and `found` where the attacker still wins."""

        def halve(i, low, high):
            middle = (low + high) / 2
            between = problem.x + per_example(middle, found) * (found - problem.x)
            wins = self.won(problem, problem.logits_fn(between))
            return i + 1, tf.where(wins, low, middle), tf.where(wins, middle, high)

        low = tf.zeros_like(problem.labels, tf.float32)
        high = tf.while_loop(lambda i, *_: i < self.halvings, halve, (0, low, low + 1.0))[2]
        return tf.where(per_example(high < 1, found), problem.x + per_example(high, found) * (found - problem.x), found)

    def cost(self, classes):
        steps = self.searches * self.steps
        return Passes(1 + steps + self.searches + self.halvings, steps)
