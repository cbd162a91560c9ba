"""Auto-PGD: projected gradient ascent with momentum that finds its step size by itself.

Croce & Hein: Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free attacks, 2020;
in l_1: Mind the box: l_1-APGD for sparse adversarial attacks on image classifiers, 2021 (`apgd_l1`).
"""

import dataclasses
import typing

import tensorflow as tf

from tfadv import losses, random
from tfadv.attacks import apgd_l1
from tfadv.attacks.base import Attack
from tfadv.attacks.loops import active, together
from tfadv.attacks.loops.best import remembered
from tfadv.attacks.options import SHOWN, check_choice, check_flag, check_number, check_whole
from tfadv.passes import Passes
from tfadv.tensors import per_example
from tfadv.threat import NORMS

MOMENTUM = 0.75


class Climb(typing.NamedTuple):
    """The state of the ascent of each example; one row an example."""

    best: tf.Tensor  # the point with the highest loss so far,
    best_gradient: tf.Tensor
    top: tf.Tensor  # and its loss
    x: tf.Tensor
    x_before: tf.Tensor
    loss: tf.Tensor  # at x_before
    step_size: tf.Tensor
    rises: tf.Tensor  # since the last checkpoint, how often the loss grew
    top_at_check: tf.Tensor
    halved: tf.Tensor  # whether the step size was, at the last checkpoint
    region: tuple
    fooling: tf.Tensor | tuple  # the last misclassified point, and whether there is one; (), () with early stop
    fooled: tf.Tensor | tuple


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class APGD(Attack):
    """x_{k+1} = P(x_k + a (P(x_k + eta g_k) - x_k) + (1 - a) (x_k - x_{k-1})), a = 0.75, from eta = 2 eps.

    At checkpoints (22 % of the steps, then intervals that shrink by 3 % to 6 %) eta is halved, and the ascent goes
    back to its best point, where the loss grew in too few steps or its maximum has stood still.

    Args:
        steps: number of steps, at least 1.
        restarts: how often to begin anew, on what no start before has broken.
        loss: `"ce"`, `"dlr"` or `"margin"`.
        rho: the share of steps in which the loss must have grown.
        start: `"random"`, a random point of the ball, or `"images"`: as near as the ball allows to another image of the
            batch, one of another class (of the target, where there are targets).
        early_stop: leave an image alone once it is misclassified.

    >>> APGD(loss="dlr")(model, x, y, threat=LInf(8 / 255))  # doctest: +SKIP
    """

    on_rows: typing.ClassVar[bool] = True
    norms: typing.ClassVar[tuple[str, ...]] = tuple(NORMS)
    seeded: typing.ClassVar[bool] = True

    steps: int = dataclasses.field(default=100, metadata=SHOWN)
    restarts: int = 1
    loss: str = dataclasses.field(default="ce", metadata=SHOWN)
    rho: float = 0.75
    start: str = "random"
    early_stop: bool = False

    def __post_init__(self):
        check_whole(self, "steps", "restarts")
        check_choice(self, "loss", losses.LABEL_LOSSES)
        check_choice(self, "start", STARTS)
        check_number(self, "rho")
        check_flag(self, "early_stop")

    @property
    def xla_compatible(self):
        return self.restarts == 1 and not self.early_stop

    def perturb(self, problem, threat, seed):
        begin = STARTS[self.start]
        if self.restarts == 1:
            return self.climb(problem, threat, begin(problem, threat, random.key(seed, 0)))

        def attempt(wave):
            points = wave.each(lambda r: begin(wave.here, threat, random.key(seed, r)))
            return self.climb(wave.rows, threat, points, wave.order)

        return together.attempts(problem, attempt, self.restarts)

    def climb(self, problem, threat, point, order=None):
        """One ascent from a point: images; `order` as in `active.loop`."""
        if threat.sparse:
            return apgd_l1.climb(problem, threat, point, self.steps, self.loss, self.early_stop, order)
        first = _begin(point, threat.region(problem.x), threat.eps, self.early_stop)
        step = self._step(threat)
        if self.early_stop:
            return active.loop(problem, step, first, self.steps + 1, order)[0]
        body = lambda t, climb: (t + 1, step(t, problem, climb)[2])  # noqa: E731
        climb = tf.while_loop(lambda t, _: t <= self.steps, body, (0, first), maximum_iterations=self.steps + 1)[1]
        return tf.where(per_example(climb.fooled, climb.best), climb.fooling, climb.best)

    def _step(self, threat):
        """Look at x, remember the best, adapt the step size where it is time, and move on."""
        intervals = tf.constant(checkpoints(self.steps))

        def step(t, problem, climb):
            logits, loss, gradient = problem.ascend(self.loss, climb.x)
            fooled = problem.reached(logits)
            looked = _look(climb, loss, gradient, fooled)
            adapted = tf.cond(
                intervals[t] > 0,
                lambda: _adapt(looked, gradient, self.rho * tf.cast(intervals[t], tf.float32)),
                lambda: (looked, gradient),
            )
            return fooled, climb.x, _move(*adapted, threat, t)

        return step

    def cost(self, classes):
        return Passes((self.steps + 2) * self.restarts + 1, (self.steps + 1) * self.restarts)


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class APGDT(Attack):
    """APGD-T: towards each of the classes with the highest logits in turn, on what is not fooled yet.

    Its loss is the targeted difference of logits ratio (Croce & Hein 2020, eq. 7).

    Args:
        steps, restarts, rho: as for APGD, for each class.
        target_classes: how many classes; as many as there are at most. Given targets, only those are tried.
        loss: `"dlr"`, `"margin"` or `"ce"`; None is dlr, which needs 4 classes, and margin where there are fewer.
        early_stop: leave an image alone once it is misclassified.

    >>> APGDT()(model, x, y, threat=LInf(8 / 255))  # doctest: +SKIP
    """

    name: typing.ClassVar[str] = "apgd_t"
    on_rows: typing.ClassVar[bool] = True
    norms: typing.ClassVar[tuple[str, ...]] = tuple(NORMS)
    xla_compatible: typing.ClassVar[bool] = False
    seeded: typing.ClassVar[bool] = True

    steps: int = dataclasses.field(default=100, metadata=SHOWN)
    restarts: int = 1
    target_classes: int = dataclasses.field(default=9, metadata=SHOWN)
    loss: str | None = None
    rho: float = 0.75
    early_stop: bool = False

    def __post_init__(self):
        check_whole(self, "steps", "restarts", "target_classes")
        if self.loss is not None:
            check_choice(self, "loss", losses.LABEL_LOSSES)
        check_number(self, "rho")
        check_flag(self, "early_stop")

    def perturb(self, problem, threat, seed):
        classes = problem.classes(problem.logits_fn(problem.x[:1]))
        loss = self.loss or ("dlr" if classes >= 4 else "margin")
        climb = APGD(steps=self.steps, loss=loss, rho=self.rho, early_stop=self.early_stop).climb
        times = self.restarts * (min(self.target_classes, classes - 1) if problem.targets is None else 1)
        ranked = problem.rivals(problem.logits_fn(problem.x))

        def attempt(wave):
            rows = wave.rows
            if problem.targets is None:
                rows = rows.towards(wave.of_each(ranked, self.restarts))
            points = wave.each(lambda r: start(wave.here, threat, random.key(seed, r)))
            return climb(rows, threat, points, wave.order)

        return together.attempts(problem, attempt, times)

    def cost(self, classes):
        runs = self.restarts * min(self.target_classes, classes - 1)
        return Passes((self.steps + 4) * runs + 2, (self.steps + 1) * runs)


def checkpoints(steps):
    """For each step 0 ... steps, the length of the interval that ends with it, or 0: intervals of 22, 19, 16 ... 6 %.

    >>> [t for t, length in enumerate(checkpoints(100)) if length]
    [22, 41, 57, 70, 80, 87, 93, 99]
    """
    length, least, less = (max(int(share * steps), 1) for share in (0.22, 0.06, 0.03))
    lengths, t = [0] * (steps + 1), length
    while t <= steps:
        lengths[t] = length
        length = max(length - less, least)
        t += length
    return lengths


def start(problem, threat, seed):
    """Where an ascent begins: images like those of the problem."""
    x = problem.x
    return apgd_l1.start(x, seed) if threat.sparse else threat.random_start(x, seed)


def towards_images(problem, threat, seed):
    """As near as the ball allows to images of another class, or of the target; like `start` where there are none."""
    labels, x = problem.labels, problem.x
    wanted = labels != labels[:, None] if problem.targets is None else labels == problem.targets[:, None]
    drawn = tf.where(wanted, random.uniform(tf.shape(wanted), random.key(seed, 0)), -1.0)
    other = threat.project(tf.gather(x, tf.argmax(drawn, axis=1)), x)
    return tf.where(per_example(tf.reduce_any(wanted, axis=1), x), other, start(problem, threat, random.key(seed, 1)))


STARTS = {"random": start, "images": towards_images}


def _begin(start, region, eps, early_stop):
    """Nothing is known yet: whatever the first look finds is better."""
    rows = tf.shape(start)[:1]
    lowest, no = tf.fill(rows, -float("inf")), tf.zeros(rows, tf.bool)
    return Climb(
        best=start, best_gradient=tf.zeros_like(start), top=lowest, x=start, x_before=start, loss=lowest,
        step_size=tf.fill(rows, 2.0 * eps), rises=tf.zeros(rows, tf.int32), top_at_check=lowest,
        halved=tf.ones(rows, tf.bool), region=region,
        fooling=() if early_stop else start, fooled=() if early_stop else no,
    )  # fmt: skip


def _look(climb, loss, gradient, fooled):
    first = climb.loss == -float("inf")
    return remembered(climb, loss, gradient, fooled)._replace(
        loss=loss,
        rises=climb.rises + tf.cast((loss > climb.loss) & ~first, tf.int32),
        top_at_check=tf.where(first, loss, climb.top_at_check),
    )


def _adapt(climb, gradient, enough):
    """Halve the step size, and go back to the best point, where it is too large."""
    oscillates = tf.cast(climb.rises, tf.float32) <= enough
    stands_still = ~climb.halved & (climb.top_at_check >= climb.top)
    halve = oscillates | stands_still
    at = per_example(halve, climb.x)
    climb = climb._replace(
        x=tf.where(at, climb.best, climb.x),
        step_size=tf.where(halve, climb.step_size / 2, climb.step_size),
        rises=tf.zeros_like(climb.rises),
        top_at_check=climb.top,
        halved=halve,
    )
    return climb, tf.where(at, climb.best_gradient, gradient)


def _move(climb, gradient, threat, t):
    share = tf.where(t > 0, MOMENTUM, 1.0)
    ahead = climb.x + per_example(climb.step_size, climb.x) * threat.steepest(gradient)
    ahead = threat.project_into(climb.region, ahead)
    moved = climb.x + share * (ahead - climb.x) + (1 - share) * (climb.x - climb.x_before)
    return climb._replace(x=threat.project_into(climb.region, moved), x_before=climb.x)
