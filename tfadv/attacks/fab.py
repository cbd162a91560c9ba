"""FAB: walk along the decision boundary, biased towards the image, to the nearest misclassified point.

Croce, Hein: Minimally distorted adversarial examples with a fast adaptive boundary attack, 2020.
"""

import dataclasses
import typing

import tensorflow as tf

from tfadv import gradients, random
from tfadv.attacks.base import MinimumNormAttack
from tfadv.attacks.loops import active, together
from tfadv.attacks.loops.best import Nearest
from tfadv.attacks.options import SHOWN, check_flag, check_number, check_whole
from tfadv.errors import invalid
from tfadv.passes import Passes
from tfadv.tensors import finite_or, flat_sum, per_example


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class FAB(MinimumNormAttack):
    """x <- (1 - a)(x + eta d_1) + a(x_0 + eta d_2), clipped; where that is misclassified, x <- x_0 + beta(x - x_0).

    d_1 and d_2 lead from x and from the image x_0 to the boundary that is nearest to x in the classifier linearized
    at x, within the box (`Ball.displacement`); a = min(|d_1| / (|d_1| + |d_2|), alpha_max). With targets it is
    the boundary between the target and the best other class. Last, three points between the image and what was found
    are tried (`closer`). Images that the model already gets wrong are left as they are.

    Args:
        steps: number of gradient steps, at least 1.
        restarts: how often to begin, at least 1; after the first time at a random point half as far away as the
            nearest point found, or as eps if that is less.
        alpha_max: the highest share of the image, at most 1.
        eta: by how much steps are lengthened to end beyond the boundary.
        beta: how much of the perturbation is left after a success, at most 1.
        early_stop: leave an image alone once a misclassified point is found within eps.

    >>> FAB().minimal(model, x, y, norm="linf")  # doctest: +SKIP
    """

    on_rows: typing.ClassVar[bool] = True
    # Rows leave the loops of `threat.hyperplane`.
    xla_compatible: typing.ClassVar[bool] = False
    # The points that the final search looks at (the authors' code).
    final: typing.ClassVar[int] = 3

    steps: int = dataclasses.field(default=100, metadata=SHOWN)
    restarts: int = 1
    alpha_max: float = 0.1
    eta: float = 1.05
    beta: float = 0.9
    early_stop: bool = False

    def __post_init__(self):
        check_whole(self, "steps", "restarts")
        check_number(self, "alpha_max", "eta", "beta")
        check_flag(self, "early_stop")
        for name in ("alpha_max", "beta"):
            if getattr(self, name) > 1:
                raise invalid(f"{self.name}: {name}", "a number of at most 1", getattr(self, name))

    @property
    def seeded(self):
        return self.restarts > 1

    def search(self, problem, threat, seed):
        return self.perturb(problem, threat, seed)

    def perturb(self, problem, threat, seed):
        find = self._until_fooled if self.early_stop else self._nearest
        return find(problem, threat, seed)

    def _until_fooled(self, problem, threat, seed):
        """Run after run until one leads to a misclassified point within eps, or else the last point of the last."""
        rivals = self.rivals(problem, problem.logits_fn(problem.x))

        def attempt(wave):
            begin = wave.each(lambda r: self._start(r, wave.here.x, threat.eps, threat, seed))
            first = (begin, wave.of_each(rivals, self.restarts))
            return active.loop(wave.rows, step, first, self.steps, wave.order)[0]

        def step(t, problem, state):
            x_adv, reached, distance = self._advance(problem, *state, threat)
            return reached & (distance <= threat.eps), x_adv, (self._back(problem.x, x_adv, reached), state[1])

        def judged(wave, x_adv):
            fooled = wave.rows.reached(wave.rows.logits_fn(x_adv))
            fooled &= threat.distance(x_adv, wave.rows.x) <= threat.eps
            return fooled, tf.cast(tf.gather(wave.numbers, wave.order.rank), tf.float32)

        times = rivals.shape[1] * self.restarts
        return together.attempts(problem, attempt, times, drawn=self.restarts > 1, judged=judged)

    def _nearest(self, problem, threat, seed):
        """All runs; of the nearest point that any of them found, or the last one where none did."""
        logits = problem.logits_fn(problem.x)
        rivals = self.rivals(problem, logits)

        def step(t, x, best):
            x = self._begin(t, problem.x, x, tf.minimum(best.distance, threat.eps), threat, seed)
            boundaries = tf.gather(rivals, t // (self.restarts * self.steps), axis=1)
            x_adv, reached, distance = self._advance(problem, x, boundaries, threat)
            return t + 1, self._back(problem.x, x_adv, reached), best.keep(x_adv, reached, distance)

        best = Nearest(problem.x, tf.where(problem.reached(logits), 0.0, float("inf")))
        total = rivals.shape[1] * self.restarts * self.steps
        _, x, best = tf.while_loop(lambda t, *_: t < total, step, (0, problem.x, best), maximum_iterations=total)
        found = per_example(tf.math.is_finite(best.distance), x)
        return tf.where(found, closer(problem, logits, best.x, self.final), x)

    def rivals(self, problem, logits):
        """The classes whose boundaries each run looks at: (n, runs, classes). Here all in one run."""
        if problem.targets is not None:
            return problem.targets[:, None, None]
        return problem.rivals(logits)[:, None]

    def _begin(self, t, x0, x, reach, threat, seed):
        """The first point of a run, if step t is its first."""
        return tf.cond(t % self.steps == 0, lambda: self._start(t // self.steps, x0, reach, threat, seed), lambda: x)

    def _start(self, r, x0, reach, threat, seed):
        """The first point of run r: the image, or a random one half as far away as `reach`."""
        if self.restarts == 1:
            return x0
        way = threat.random_direction(tf.shape(x0), random.key(seed, r))
        radius = tf.where(tf.math.is_finite(reach), reach, threat.reach) / 2
        radius = tf.where(r % self.restarts == 0, 0.0, radius / threat.distance(x0 + way, x0))
        return threat.clip(x0 + per_example(radius, x0) * way)

    def _advance(self, problem, x, rivals, threat):
        """One step: the point it leads to, whether that is misclassified, its distance from the image.

        Args:
            rivals: the classes whose boundaries it looks at, (n, classes).
        """
        gap, w = nearest_boundary(problem, x, rivals, threat)
        moved = x - problem.x
        w, slope = finite_slope(w, moved)
        # In one batch, as the loops of `threat.hyperplane` consist of many small operations.
        starts, normals = tf.concat([x, problem.x], axis=0), tf.concat([w, w], axis=0)
        ways, lengths = threat.displacement(starts, normals, tf.concat([gap, gap - slope], axis=0))
        (d1, d2), (length1, length2) = tf.split(ways, 2), tf.split(tf.maximum(lengths, 1e-8), 2)
        a = per_example(tf.minimum(length1 / (length1 + length2), self.alpha_max), x)
        x_adv = x - a * moved + self.eta * (1 - a) * d1 + self.eta * a * d2
        x_adv = threat.clip(x_adv)
        return x_adv, problem.reached(problem.logits_fn(x_adv)), threat.distance(x_adv, problem.x)

    def _back(self, x0, x_adv, reached):
        return x0 + per_example(tf.where(reached, self.beta, 1.0), x0) * (x_adv - x0)

    def cost(self, classes):
        return self._passes(1, classes - 1)

    def _passes(self, runs, rivals):
        runs *= self.restarts
        steps = runs * self.steps
        # Each step a gradient, and a look at where it leads; where a run ends, the image itself, the final search.
        return Passes(2 * steps + runs + 2 + self.final, steps * rivals)


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class FABT(FAB):
    """FAB with one run for each of the highest other classes of the image, towards that class alone.

    A step costs one gradient, however many classes there are (Croce & Hein 2020, Reliable evaluation, section 5).

    Args:
        target_classes: the most classes tried, at least 1; the other options are those of FAB.

    >>> FABT(early_stop=True)(model, x, y, threat=LInf(8 / 255))  # doctest: +SKIP
    """

    name: typing.ClassVar[str] = "fab_t"

    target_classes: int = 9

    def __post_init__(self):
        super().__post_init__()
        check_whole(self, "target_classes")

    def rivals(self, problem, logits):
        if problem.targets is not None:
            return super().rivals(problem, logits)
        return problem.rivals(logits)[:, : self.target_classes, None]

    def cost(self, classes):
        return self._passes(min(self.target_classes, classes - 1), 1)


def nearest_boundary(problem, x, rivals, threat):
    """The nearest of the boundaries to the classes `rivals` (n, r), in the classifier linearized at x.

    Returns:
        gap (n,) and w like x: the boundary is where gap + w . (x' - x) = 0.
    """
    logits, pullback = gradients.logits_and_pullback(problem.logits_fn, x)
    classes = logits.shape[-1]
    own = problem.own(logits)
    if problem.targets is not None:
        mine = tf.one_hot(problem.targets, classes, True, False, dtype=tf.bool)
        own = tf.argmax(tf.where(mine, -float("inf"), logits), axis=-1, output_type=tf.int32)

    def boundary(k):
        direction = tf.one_hot(tf.gather(rivals, k, axis=1), classes) - tf.one_hot(own, classes)
        return tf.reduce_sum(logits * direction, axis=-1), pullback(direction)

    def nearer(k, nearest, gap, w):
        gap_k, w_k = boundary(k)
        w_k = finite_or(0.0, w_k)
        distance = tf.abs(gap_k) / (threat.dual_length(w_k) + 1e-12)
        here = distance < nearest
        w = tf.where(per_example(here, w), w_k, w)
        return k + 1, tf.where(here, distance, nearest), tf.where(here, gap_k, gap), w

    if rivals.shape[1] == 1:
        return boundary(0)
    start = (0, tf.fill(tf.shape(own), float("inf")), tf.zeros_like(logits[:, 0]), tf.zeros_like(x))
    steps = rivals.shape[1]
    return tf.while_loop(lambda k, *_: k < steps, nearer, start, maximum_iterations=steps)[2:]


def finite_slope(w, moved):
    """w, with 0 for what is not finite, and w . moved; the sum, which is needed anyway, tells whether w is finite."""
    slope = flat_sum(w * moved)

    def mended():
        finite = finite_or(0.0, w)
        return finite, flat_sum(finite * moved)

    return tf.cond(tf.reduce_all(tf.math.is_finite(slope)), lambda: (w, slope), mended)


def closer(problem, logits, x_adv, points):
    """Points nearer to the boundary on the lines from the images to misclassified points x_adv.

    Where the margin would be 0 if it changed evenly along the line, and a tenth of the rest further on, so that a
    straight line, whose 0 rounding decides, comes nearer too.

    Args:
        logits: those of the images; points: how many to try.
    """
    near, far = problem.x, x_adv
    at_near, at_far = problem.margin(logits), problem.margin(problem.logits_fn(x_adv))
    for _ in range(points):
        share = tf.clip_by_value(tf.math.divide_no_nan(at_near, at_near - at_far), 0.0, 1.0)
        x = near + per_example(share + 0.1 * (1 - share), near) * (far - near)
        logits = problem.logits_fn(x)
        reached, at_x = problem.reached(logits), problem.margin(logits)
        which = per_example(reached, x)
        near, far = tf.where(which, near, x), tf.where(which, x, far)
        at_near, at_far = tf.where(reached, at_near, at_x), tf.where(reached, at_x, at_far)
    return far
