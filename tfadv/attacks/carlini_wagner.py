"""Carlini & Wagner's l2 attack: the nearest misclassified image, by Adam and a search for the right penalty.

Carlini, Wagner: Towards Evaluating the Robustness of Neural Networks, 2017, section VI.A, and the authors' code.
"""

import dataclasses
import typing

import tensorflow as tf

from tfadv import gradients
from tfadv.attacks.base import MinimumNormAttack
from tfadv.attacks.loops import active
from tfadv.attacks.options import SHOWN, check_choice, check_flag, check_number, check_whole
from tfadv.passes import Passes
from tfadv.tensors import finite_or, flat_sum, per_example

# Adam with its usual constants (Kingma & Ba 2015, algorithm 1).
DECAY, SQUARE_DECAY, FLOOR = 0.9, 0.999, 1e-8
# A descent looks back after every tenth of its steps, and ends without this much progress (the authors' code).
STRETCHES, PROGRESS = 10, 1e-4
# The highest penalty (the authors' code).
HIGHEST = 1e10
# Rates begin at no less than this share of the highest.
LEAST = 1e-5


@dataclasses.dataclass(frozen=True)
class Variant:
    """What is left open by the paper, or done better.

    Attributes:
        step_size: Adam's learning rate, or the highest one.
        slack: how far beyond the box the tanh reaches, in parts of its width, where it is clipped (footnote 8 of the
            paper). With 5e-7, what the authors' code comes to, pixels that are 0 or 1 hardly move during the first 500
            steps.
        stride: the length of the first step, as a share of the distance to the boundary of the linearized classifier:
            Adam begins along the sign of the gradient, and steps that are longer than the way end in classes that are
            not near. The rate doubles with every failure. None for one rate.
        halvings: how often the way from the image to the nearest point is halved at the end.
    """

    step_size: float
    slack: float
    stride: float | None
    halvings: int


VARIANTS = {
    "refined": Variant(step_size=0.04, slack=0.2, stride=0.1, halvings=10),
    # The authors' code, and Foolbox'.
    "paper": Variant(step_size=0.01, slack=5e-7, stride=None, halvings=0),
}


class Variable(typing.NamedTuple):
    """What Adam moves instead of the image: x = center + half tanh(w), clipped to the box; without a box x itself.

    Attributes:
        box: of the threat model, or None.
        slack: see `Variant`.
    """

    box: tuple | None
    slack: float

    @property
    def half(self):
        """How much x changes with w, at most."""
        return 1.0 if self.box is None else (self.box[1] - self.box[0]) * (0.5 + self.slack)

    @property
    def center(self):
        return (self.box[0] + self.box[1]) / 2

    def of(self, x):
        return x if self.box is None else tf.atanh((x - self.center) / self.half)

    def squashed(self, w):
        """What `point` and `slope` begin with."""
        return w if self.box is None else tf.tanh(w)

    def point(self, tanh):
        return tanh if self.box is None else tf.clip_by_value(self.center + self.half * tanh, *self.box)

    def slope(self, tanh, gradient, delta):
        """The derivative with respect to w of a loss with this gradient, and of ||delta||^2.

        The clip hands the gradient on: a pixel at the edge of the box comes back when its gradient turns.
        """
        change = self.half * gradient + (2 * self.half) * delta
        return change if self.box is None else tf.raw_ops.TanhGrad(y=tanh, dy=change)


class Descent(typing.NamedTuple):
    """What a descent knows of each example.

    Attributes:
        x: the nearest point with which the attacker wins, or else the last one.
        size: its squared distance from the image, infinite where there is none.
        least: the least loss so far.
        penalty, rate: the factor of the margin in the loss, and Adam's learning rate.
        origin: the image as the variable gives it back, from which distances are measured: from the image itself,
            rounding alone would set Adam going.
        w, mean, square: the variable in which Adam descends, and its moments.
    """

    x: tf.Tensor
    size: tf.Tensor
    least: tf.Tensor
    penalty: tf.Tensor
    rate: tf.Tensor
    origin: tf.Tensor
    w: tf.Tensor
    mean: tf.Tensor
    square: tf.Tensor


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class CW(MinimumNormAttack):
    """min_w ||x' - x||_2^2 + c max(kappa - margin(x'), 0) with x' = 1/2 + (1/2 + slack) tanh(w), clipped to the box.

    The margin is that of the attacker, in logits: max_{j != y} z_j - z_y, or z_t - max_{j != t} z_j with a target t;
    he wins where it reaches kappa. Adam descends from the image once for each penalty c. Each image has its own: ten
    times as high after a failure until there is a success, then the mean of the lowest that succeeded and the highest
    that failed. Of all points with which the attacker wins the nearest is returned; where there is none, the last one.

    Args:
        variant: `"refined"` or `"paper"`, see `VARIANTS`.
        steps: of Adam for each penalty, at least 1. The authors take up to 10,000.
        searches: how many penalties are tried, at least 1.
        step_size: Adam's learning rate, or the highest one; None is the variant's own, without a box times the root
            mean square of an example.
        confidence: kappa, in logits.
        first_penalty: the first c.
        abort_early: end the descent of an image whose loss no longer falls. The authors look at the sum over a batch.
        early_stop: leave an image alone once a misclassified point is found within eps.

    >>> CW(steps=1000).minimal(model, x, y)  # doctest: +SKIP
    """

    name: typing.ClassVar[str] = "cw"
    on_rows: typing.ClassVar[bool] = True
    norms: typing.ClassVar[tuple[str, ...]] = ("l2",)
    optimality: typing.ClassVar[str] = "near"
    xla_compatible: typing.ClassVar[bool] = False

    variant: str = "refined"
    steps: int = dataclasses.field(default=200, metadata=SHOWN)
    searches: int = 9
    step_size: float | None = None
    confidence: float = 0.0
    first_penalty: float = 1e-3
    abort_early: bool = True
    early_stop: bool = False

    def __post_init__(self):
        check_choice(self, "variant", VARIANTS)
        check_whole(self, "steps", "searches")
        check_number(self, "first_penalty", above_zero=True)
        if self.step_size is not None:
            check_number(self, "step_size", above_zero=True)
        check_number(self, "confidence")
        check_flag(self, "abort_early", "early_stop")

    def perturb(self, problem, threat, seed):
        return self._nearest(problem, threat, threat.eps**2 if self.early_stop else -1.0)

    def search(self, problem, threat, seed):
        return self._nearest(problem, threat, float("inf") if self.early_stop else -1.0)

    def _nearest(self, problem, threat, enough):
        """The nearest points found, for the images that are not won from the start.

        Args:
            enough: the squared distance at which an image is left alone.
        """
        variable = Variable(threat.box, VARIANTS[self.variant].slack)

        def again(k, problem, state):
            found, size, c, rate, low, high = state
            x_adv = self._descend(problem, variable, c, rate, enough)
            wins = self._wins(problem, problem.logits_fn(x_adv))
            moved = flat_sum(tf.square(x_adv - problem.x))
            # Until there is a success, the last failure.
            better = tf.where(wins, moved < size, tf.math.is_inf(size))
            found = tf.where(per_example(better, found), x_adv, found)
            size = tf.where(wins, tf.minimum(moved, size), size)
            low, high = tf.where(wins, low, c), tf.where(wins, c, high)
            c = tf.where(tf.math.is_inf(high), tf.minimum(10 * c, HIGHEST), (low + high) / 2)
            rate = tf.where(wins, rate, tf.minimum(2 * rate, self._highest_rate(threat, problem.x)))
            return size <= enough, found, (found, size, c, rate, low, high)

        logits, lack, gradient = gradients.logits_and_gradient(
            problem.logits_fn, problem.x, lambda logits: self.confidence - problem.margin(logits)
        )
        resists = tf.cast(tf.where(~self._wins(problem, logits)), tf.int32)
        rate = self._first_rate(variable, self._highest_rate(threat, problem.x), lack, gradient)
        here, rate = problem.only(resists[:, 0]), tf.gather_nd(rate, resists)
        zero = tf.zeros_like(rate)
        infinite, first = zero + float("inf"), zero + self.first_penalty
        found, _ = active.loop(here, again, (here.x, infinite, first, rate, zero, infinite), self.searches)
        return tf.tensor_scatter_nd_update(problem.x, resists, self._halve(here, found))

    def _wins(self, problem, logits):
        """Where the attacker wins by as much as he wants: (n,) bool."""
        return problem.reached(logits) & (problem.margin(logits) >= self.confidence)

    def _first_rate(self, variable, highest, lack, gradient):
        """Adam's first step moves every w by the rate, and so the image by `variable.half` times that, or less."""
        stride = VARIANTS[self.variant].stride
        if stride is None:
            return tf.zeros_like(lack) + highest
        gradient = finite_or(0.0, gradient)
        pixels = tf.cast(tf.size(gradient[0]), tf.float32)
        rate = stride * lack / (tf.sqrt(flat_sum(gradient * gradient) * pixels) * variable.half)
        return tf.clip_by_value(finite_or(highest, rate), LEAST * highest, highest)

    def _descend(self, problem, variable, c, rate, enough):
        """The nearest points with which the attacker wins on the way down, or else the last ones."""
        length = -(-self.steps // STRETCHES)
        w = variable.of(problem.x)
        infinite, zeros = tf.fill(tf.shape(c), float("inf")), tf.zeros_like(w)
        start = Descent(problem.x, infinite, infinite, c, rate, variable.point(variable.squashed(w)), w, zeros, zeros)

        def stretch(k, problem, before):
            end = tf.minimum((k + 1) * length, self.steps)
            step = lambda t, now: (t + 1, self._step(t, problem, variable, now))  # noqa: E731
            now = tf.while_loop(lambda t, _: t < end, step, (k * length, before))[1]
            won = tf.math.is_finite(now.size)
            last = variable.point(variable.squashed(now.w))
            now = now._replace(x=tf.where(per_example(won, now.x), now.x, last))
            stalls = (now.least > (1 - PROGRESS) * before.least) & self.abort_early
            return stalls | (now.size <= enough), now.x, now

        return active.loop(problem, stretch, start, -(-self.steps // length))[0]

    def _step(self, t, problem, variable, now):
        """Judge the point and move on. Written by hand, as the tape's own operations on all pixels would be twice as
        many, and they are what takes the time with small networks."""
        tanh = variable.squashed(now.w)
        point = variable.point(tanh)
        penalty = lambda logits: now.penalty * tf.maximum(self.confidence - problem.margin(logits), 0.0)  # noqa: E731
        logits, penalties, gradient = gradients.logits_and_gradient(problem.logits_fn, point, penalty)
        delta = point - now.origin
        size = flat_sum(delta * delta)
        nearer = self._wins(problem, logits) & (size < now.size)
        slope = variable.slope(tanh, finite_or(0.0, gradient), delta)
        mean = DECAY * now.mean + (1 - DECAY) * slope
        square = SQUARE_DECAY * now.square + (1 - SQUARE_DECAY) * (slope * slope)
        count = tf.cast(t + 1, tf.float32)
        root = tf.sqrt(1 - SQUARE_DECAY**count)
        rate = per_example(now.rate * root / (1 - DECAY**count), mean)
        return Descent(
            tf.where(per_example(nearer, point), point, now.x),
            tf.where(nearer, size, now.size),
            tf.minimum(now.least, size + penalties),
            now.penalty,
            now.rate,
            now.origin,
            now.w - rate * mean / (tf.sqrt(square) + FLOOR * root),
            mean,
            square,
        )

    def _highest_rate(self, threat, x):
        """A float, or (n,) without a box: there w is x, and as wide."""
        if self.step_size is not None:
            return self.step_size
        return VARIANTS[self.variant].step_size * (1.0 if threat.box else threat.unit(x))

    def _halve(self, problem, found):
        """The nearest point with which the attacker wins on the way from the image to `found`, by bisection."""
        halvings = VARIANTS[self.variant].halvings
        at = lambda share: problem.x + per_example(share, found) * (found - problem.x)  # noqa: E731

        def halve(i, low, high):
            middle = (low + high) / 2
            wins = self._wins(problem, problem.logits_fn(at(middle)))
            return i + 1, tf.where(wins, low, middle), tf.where(wins, middle, high)

        low = tf.zeros_like(problem.labels, tf.float32)
        high = tf.while_loop(lambda i, *_: i < halvings, halve, (0, low, low + 1.0))[2]
        return tf.where(per_example(high < 1, found), at(high), found)

    def cost(self, classes):
        steps = self.searches * self.steps
        return Passes(1 + steps + self.searches + VARIANTS[self.variant].halvings, 1 + steps)
