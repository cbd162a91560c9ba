"""A quick verdict: short ascents from starts that spread in the logits, towards the classes that came nearest.

It is not AutoAttack: it takes a fraction of the passes and may leave a few images that the ensemble breaks.

Starts and step sizes: Liu, Cheng, Gao, Liu, Zhang, Song: Practical Evaluation of Adversarial Robustness via Adaptive
Auto Attack, 2022; Tashiro, Song, Ermon: Diversity can be Transferred: Output Diversification for White- and Black-box
Attacks, 2020. First loss: Xie, Zheng, Huang, Ye, Ma: Towards Million-Scale Adversarial Robustness Evaluation With
Stronger Individual Attacks, 2024 (the probability margin attack).
"""

import dataclasses
import functools
import math
import typing

import tensorflow as tf

from tfadv import gradients, random
from tfadv.attacks.base import Attack
from tfadv.attacks.loops import active
from tfadv.attacks.options import SHOWN, check_whole
from tfadv.passes import Passes

# Of `steps`, those of the first ascent, and of the short ones towards each class.
FIRST, SHORT = 0.4, 0.3
# So many classes, those that came nearest, get an ascent of all steps.
NEAREST = 2
# The share of an ascent's steps that spread its start in the logits (Liu et al. 2022 take 7 of 25).
SPREADING = 0.2
MOMENTUM = 0.75  # as in APGD (Croce & Hein 2020)


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class Quick(Attack):
    """x_{k+1} = P(x_k + a (P(x_k + eta_k g_k) - x_k) + (1 - a) (x_k - x_{k-1})), eta_k = eps (1 + cos(pi k / K)) / 2.

    The first ascent begins at the image and climbs the probability margin. Short ones, each from a random point, lead
    towards one class after the other, in the order in which they came nearest in the first: some steps up w . z, where
    w is 1 at that class, -1 at the label and random in (-1, 1) at the others, then up the margin of that class. Long
    ones lead towards the two classes that are nearest then. Images that are fooled drop out.

    Args:
        steps: of a long ascent, at least 1; short ones have 30 % of it.
        target_classes: how many classes are tried at most. Given targets, so many short ascents lead to those.

    >>> Quick()(model, x, y, threat=LInf(8 / 255))  # doctest: +SKIP
    """

    on_rows: typing.ClassVar[bool] = True
    norms: typing.ClassVar[tuple[str, ...]] = ("linf", "l2")
    xla_compatible: typing.ClassVar[bool] = False
    seeded: typing.ClassVar[bool] = True

    steps: int = dataclasses.field(default=65, metadata=SHOWN)
    target_classes: int = dataclasses.field(default=9, metadata=SHOWN)

    def __post_init__(self):
        check_whole(self, "steps", "target_classes")

    def perturb(self, problem, threat, seed):
        found, left = self._first(problem, threat)
        for number, (times, steps) in enumerate(((self.target_classes, self._share(SHORT)), (NEAREST, self.steps))):
            stage = functools.partial(self._stage, problem, found, left, threat, random.key(seed, number), times, steps)
            # Convolutions refuse a batch without images.
            found, left = tf.cond(tf.size(left) > 0, stage, lambda found=found, left=left: (found, left))
        return found

    def _share(self, share):
        return max(1, round(share * self.steps))

    def _first(self, problem, threat):
        """From the image up the probability margin: where that ended, and the indices of what it has not fooled."""
        steps = self._share(FIRST)

        def step(t, problem, state):
            x_adv, before, region = state
            logits, _, gradient = problem.ascend("probability_margin", x_adv)
            moved = move(t / steps, x_adv, before, gradient, region, threat)
            return problem.reached(logits), x_adv, (moved, x_adv, region)

        return active.loop(problem, step, (problem.x, problem.x, threat.region(problem.x)), steps)

    def _stage(self, problem, found, left, threat, seed, times, steps):
        """Ascents towards the classes that are nearest at `found`, and the indices of what was right before."""
        here = problem.only(left)
        logits = here.logits_fn(tf.gather(found, left))
        held = tf.cast(tf.where(~here.reached(logits))[:, 0], tf.int32)
        here, left = dataclasses.replace(here, reference=logits).only(held), tf.gather(left, held)
        towards = lambda r, problem: self._towards(r, problem, threat, random.key(seed, r), steps)  # noqa: E731
        climbs = lambda: active.attempts(here, towards, self._times(times, problem.classes(logits)))  # noqa: E731
        further = tf.cond(tf.size(held) > 0, climbs, lambda: here.x)
        return tf.tensor_scatter_nd_update(found, left[:, None], further), left

    def _towards(self, r, problem, threat, seed, steps):
        """From a random point towards the class that is r-nearest in the reference, or the given target."""
        targets = problem.rivals(problem.reference)[:, r] if problem.targets is None else problem.targets
        spread = SPREADING * steps

        def step(t, problem, state):
            x_adv, before, region, targets, spreading = state
            aimed = problem.towards(targets)
            wide = tf.cast(t, tf.float32) < spread
            climbed = lambda z: tf.where(wide, tf.reduce_sum(spreading * z, axis=-1), aimed.margin(z))  # noqa: E731
            logits, _, gradient = gradients.logits_and_gradient(problem.logits_fn, x_adv, climbed)
            moved = move(t / steps, x_adv, before, gradient, region, threat)
            return problem.reached(logits), x_adv, (moved, x_adv, region, targets, spreading)

        start = threat.random_start(problem.x, random.key(seed, 1))
        spreading = directions(targets, problem.labels, tf.shape(problem.reference), random.key(seed, 2))
        return active.loop(problem, step, (start, start, threat.region(problem.x), targets, spreading), steps)[0]

    def _times(self, times, classes):
        return min(times, classes - 1)

    def cost(self, classes):
        short, long = self._times(self.target_classes, classes), self._times(NEAREST, classes)
        climbed = self._share(FIRST) + short * self._share(SHORT) + long * self.steps
        # Each ascent ends with a look at its last point, and before each stage the image and the last point are seen.
        return Passes(climbed + short + long + 4, climbed)


def move(done, x_adv, before, gradient, region, threat):
    """The next point of an ascent, of whose steps the share `done` is behind; `before` is the point before x_adv."""
    size = threat.eps * (1 + tf.cos(math.pi * tf.cast(done, tf.float32))) / 2
    ahead = threat.project_into(region, x_adv + size * threat.steepest(gradient))
    share = tf.where(done > 0, MOMENTUM, 1.0)
    return threat.project_into(region, x_adv + share * (ahead - x_adv) + (1 - share) * (x_adv - before))


def directions(targets, labels, shape, seed):
    """Of logits: 1 at the target, -1 at the label, random in (-1, 1) at the others; `shape` (n, logits)."""
    w = 2 * random.uniform(shape, seed) - 1
    for classes, value in ((labels, -1.0), (targets, 1.0)):
        w = tf.where(tf.equal(tf.range(shape[1]), classes[:, None]), value, w)
    return w
