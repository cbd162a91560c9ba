"""The boundary attack: a walk along the decision boundary towards the image, which needs nothing but labels.

Brendel, Rauber, Bethge: Decision-Based Adversarial Attacks, 2018.
"""

import dataclasses
import typing

import tensorflow as tf

from tfadv import random
from tfadv.attacks.base import MinimumNormAttack
from tfadv.attacks.decision_based import DecisionBasedAttack, another_image
from tfadv.attacks.loops import active
from tfadv.attacks.loops.random_search import rows_where
from tfadv.passes import Passes
from tfadv.tensors import flat_sum, per_example

# Noise images that a start is looked for among, and halvings of the way between image and start.
STARTS, HALVINGS = 25, 10
# The first lengths of both steps, as shares of the distance, and the share of either that should succeed.
FIRST, AROUND, TOWARDS = 0.1, 0.4, 0.2
# By how much the logarithm of a length moves, and every how many queries the step around is judged by itself.
RATE, JUDGED = 0.25, 3


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class BoundaryWalk(DecisionBasedAttack, MinimumNormAttack):
    """x' = x + (1 - s) d (u + r e) / ||u + r e||: around the image at its distance d, then towards it (section 2.3).

    u is the direction from the image x to the present point and e a random one at right angles to it, both of length 1.
    The point moves where x' is still misclassified. The lengths r and s are adapted for each example so that four
    steps around in ten and two whole steps in ten succeed; every third query takes the step around alone.

    The walk starts at a misclassified blend of x and noise, uniform in the box; where none is found, and mostly with
    targets, at another image of the batch that the model takes for what is wanted. Without either, x comes back.

    Args:
        queries: steps for each image, at least 1. Within a threat model an image is left alone once it is inside.

    >>> BoundaryWalk(queries=25_000).minimal(model, x, y)  # doctest: +SKIP
    """

    name: typing.ClassVar[str] = "boundary"
    norms: typing.ClassVar[tuple[str, ...]] = ("l2",)

    def perturb(self, problem, threat, seed):
        return self._from_start(problem, threat, seed, threat.eps)

    def search(self, problem, threat, seed):
        return self._from_start(problem, threat, seed, -1.0)

    def _from_start(self, problem, threat, seed, enough):
        """Walk from a start, where there is one, until the distance is at most `enough`."""
        start, found = starting_points(problem, threat, random.key(seed, 0))
        at = tf.cast(tf.where(found), tf.int32)
        here = problem.only(at[:, 0])
        start = nearest_blend(here, tf.gather_nd(start, at))
        return tf.tensor_scatter_nd_update(problem.x, at, self._walk(here, threat, start, random.key(seed, 1), enough))

    def _walk(self, problem, threat, start, seed, enough):
        def step(t, problem, state):
            x_adv, around, towards = state
            alone = t % JUDGED == 0
            moved = self._propose(problem.x, x_adv, around, tf.where(alone, 0.0, towards), random.key(seed, t))
            moved = threat.clip(moved)
            holds = problem.reached(problem.logits_fn(moved))
            x_adv = rows_where(holds, moved, x_adv)
            success = tf.cast(holds, tf.float32)
            around *= tf.where(alone, tf.exp(RATE * (success - AROUND)), 1.0)
            towards *= tf.where(alone, 1.0, tf.exp(RATE * (success - TOWARDS)))
            return length(x_adv - problem.x) <= enough, x_adv, (x_adv, around, tf.minimum(towards, 0.5))

        first = tf.fill(tf.shape(start)[:1], FIRST)
        return active.loop(problem, step, (start, first, first), self.queries)[0]

    def _propose(self, x, x_adv, around, towards, seed):
        delta = x_adv - x
        squared = flat_sum(delta * delta)
        e = random.normal(tf.shape(x), seed)
        e -= per_example(tf.math.divide_no_nan(flat_sum(e * delta), squared), x) * delta
        ratio = around * tf.math.divide_no_nan(tf.sqrt(squared), length(e))
        shrink = (1 - towards) / tf.sqrt(1 + around * around)
        return x + per_example(shrink, x) * (delta + per_example(ratio, x) * e)

    def cost(self, classes):
        return Passes(1 + STARTS + HALVINGS + self.queries, 0)


def starting_points(problem, threat, seed):
    """Images with which the attacker wins, (n, h, w, c), and for which examples there are any, (n,) bool.

    None for examples that are won from the start.
    """
    logits = problem.logits_fn(problem.x)
    resists = ~problem.reached(logits)
    alive = tf.cast(tf.where(resists), tf.int32)
    here = problem.only(alive[:, 0])

    def blend(t, problem, state):
        noise = threat.random_point(tf.shape(problem.x), random.key(seed, t))
        mixed = mix(problem.x, noise, tf.cast(t + 1, tf.float32) / STARTS)
        return problem.reached(problem.logits_fn(mixed)), mixed, state

    noisy, left = active.loop(here, blend, (here.x,), STARTS)
    noisy = tf.tensor_scatter_nd_update(problem.x, alive, noisy)
    from_noise = tf.tensor_scatter_nd_update(resists, tf.gather(alive, left), tf.zeros_like(left, tf.bool))
    wins, other = another_image(problem, logits, random.key(seed, STARTS))
    return rows_where(from_noise, noisy, other), from_noise | (resists & wins)


def nearest_blend(problem, start):
    """Where the way from the image to a start crosses the boundary, on the far side: by bisection."""

    def halve(t, low, high):
        middle = (low + high) / 2
        wins = problem.reached(problem.logits_fn(mix(problem.x, start, per_example(middle, start))))
        return t + 1, tf.where(wins, low, middle), tf.where(wins, middle, high)

    high = tf.ones(tf.shape(start)[:1])
    share = tf.while_loop(lambda t, *_: t < HALVINGS, halve, (0, 0 * high, high), maximum_iterations=HALVINGS)[2]
    return mix(problem.x, start, per_example(share, start))


def mix(x, other, share):
    return (1 - share) * x + share * other


def length(delta):
    return tf.sqrt(flat_sum(delta * delta))
