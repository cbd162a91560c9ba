"""What the attack `quick` does with gradients: ascents towards the classes that came nearest, and a walk outside.

Starts and step sizes: Liu, Cheng, Gao, Liu, Zhang, Song: Practical Evaluation of Adversarial Robustness via Adaptive
Auto Attack, 2022; Tashiro, Song, Ermon: Diversity can be Transferred: Output Diversification for White- and Black-box
Attacks, 2020. First loss: Xie, Zheng, Huang, Ye, Ma: Towards Million-Scale Adversarial Robustness Evaluation With
Stronger Individual Attacks, 2024 (the probability margin attack). The walk: Croce, Hein: Minimally distorted
adversarial examples with a fast adaptive boundary attack, 2020.
"""

import dataclasses
import functools
import math
import typing

import tensorflow as tf

from tfadv import gradients, random
from tfadv.attacks.base import Attack
from tfadv.attacks.fab import FABT
from tfadv.attacks.loops import active, together
from tfadv.attacks.loops.random_search import rows_where
from tfadv.passes import Passes

# Of `steps`, those of the first ascent, and of the short ones towards each class.
FIRST, SHORT = 0.4, 0.3
# So many classes, those that came nearest, get an ascent of all steps.
NEAREST = 2
# The share of an ascent's steps that spread its start in the logits (Liu et al. 2022 take 7 of 25).
SPREADING = 0.2
MOMENTUM = 0.75  # as in APGD (Croce & Hein 2020)
# The walk: 40 steps where a long ascent has 65, towards 3 classes. Of 461 training images of a PGD-trained MNIST CNN
# that ascents leave at l2:1.5, FAB-T breaks 279 in 100 steps towards 9 classes with its beta of 0.9, and 264 to 269 in
# 40 steps towards 3 with betas of 0.8 and 0.85.
WALK, WALK_CLASSES, WALK_BETA = 0.62, 3, 0.8


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class Ascents(Attack):
    """x_{k+1} = P(x_k + a (P(x_k + eta_k g_k) - x_k) + (1 - a) (x_k - x_{k-1})), eta_k = eps (1 + cos(pi k / K)) / 2.

    The first ascent begins at the image and climbs the probability margin. Short ones, each from a random point, lead
    towards one class after the other, in the order in which they came nearest in the first: some steps up w . z, where
    w is 1 at that class, -1 at the label and random in (-1, 1) at the others, then up the margin of that class. Then
    FAB-T walks along the boundary, outside of the ball too, where gradients may tell more than inside. Long ascents
    lead towards the two classes that are nearest then. Images that are fooled drop out.

    Args:
        steps, target_classes: as for `Quick`.
    """

    on_rows: typing.ClassVar[bool] = True
    norms: typing.ClassVar[tuple[str, ...]] = ("linf", "l2")
    xla_compatible: typing.ClassVar[bool] = False
    seeded: typing.ClassVar[bool] = True

    steps: int
    target_classes: int

    def perturb(self, problem, threat, seed):
        found, left = self._first(problem, threat)

        def stage(k, found, left):
            def run(here, found):
                walk = functools.partial(self._walk, here, found, threat, random.key(seed, 2))
                climb = functools.partial(self._climb, here, threat, random.key(seed, k // 2), k)
                return tf.cond(k == 1, walk, climb)

            return k + 1, *self._stage(problem, found, left, run)

        # In a loop, as ascents are traced once so. Convolutions refuse a batch without images.
        start = (0, found, left)
        more = lambda k, _, left: (k < 3) & (tf.size(left) > 0)  # noqa: E731
        return tf.while_loop(more, stage, start, shape_invariants=active.free(start))[1]

    def _fab(self):
        classes = min(WALK_CLASSES, self.target_classes)
        return FABT(steps=self._share(WALK), target_classes=classes, beta=WALK_BETA, early_stop=True)

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

    def _stage(self, problem, found, left, stage):
        """What a stage makes of the images that are right at `found`, and the indices of these.

        Args:
            stage: a problem whose reference are the logits at `found`, and `found`, to images.
        """
        here = problem.only(left)
        logits = here.logits_fn(tf.gather(found, left))
        held = tf.cast(tf.where(~here.reached(logits))[:, 0], tf.int32)
        here, left = dataclasses.replace(here, reference=logits).only(held), tf.gather(left, held)
        run = functools.partial(stage, here, tf.gather(found, left))
        further = tf.cond(tf.size(held) > 0, run, lambda: here.x)
        return tf.tensor_scatter_nd_update(found, left[:, None], further), left

    def _climb(self, problem, threat, seed, stage):
        """Ascents towards the classes that are nearest in the reference: short ones in stage 0, then long ones."""
        classes = problem.classes(problem.reference)
        short = self._times(self.target_classes, classes), self._share(SHORT), SPREADING * self._share(SHORT)
        long = self._times(NEAREST, classes), self.steps, SPREADING * self.steps
        times, steps, spread = (tf.where(stage == 0, *pair) for pair in zip(short, long, strict=True))
        towards = lambda wave: self._towards(wave, threat, random.key(seed, wave.number), steps, spread)  # noqa: E731
        return together.attempts(problem, towards, times, at_once=False)

    def _walk(self, problem, found, threat, seed):
        """Where it ended, if that is misclassified within eps, or else what was found."""
        further = self._fab().perturb_projected(problem, threat, seed)
        return rows_where(problem.reached(problem.logits_fn(further)), further, found)

    def _towards(self, wave, threat, seed, steps, spread):
        """From a random point towards the class that is nearest, next ... in the reference, or the given target."""
        problem = wave.here
        targets = problem.targets if problem.targets is not None else problem.rivals(problem.reference)[:, wave.number]

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
        looks, walk = short + long + 6, self._fab().cost(classes)
        return Passes(climbed + looks + walk.forward, climbed + walk.backward)


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
