"""Hill climbing: the plainest attack that needs nothing but logits, as the baseline of all others without gradients."""

import dataclasses
import typing

import tensorflow as tf

from tfadv import random
from tfadv.attacks.base import Attack
from tfadv.attacks.loops.random_search import climb
from tfadv.attacks.loops.windows import between, signs
from tfadv.attacks.options import SHOWN, check_choice, check_number, check_whole
from tfadv.passes import Passes
from tfadv.tensors import per_example


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class HillClimb(Attack):
    """x' = project(x_best + sigma * eps * d / ||d||), kept where the margin max_{j != y} z_j - z_y rises.

    d is random and new for each query and each example: a square of one sign a channel (`"square"`), one pixel in a
    hundred (`"sparse"`), or all pixels, normally distributed (`"gaussian"`). Fooled images leave the batch.

    Args:
        queries: proposals for each image, at least 1.
        proposal: `"square"`, `"sparse"` or `"gaussian"`.
        sigma: length of a proposal in the norm of the threat model, as a multiple of eps.

    >>> HillClimb(queries=5000)(model, x, y, threat=LInf(8 / 255))  # doctest: +SKIP
    """

    name: typing.ClassVar[str] = "hill_climb"
    on_images: typing.ClassVar[bool] = True
    xla_compatible: typing.ClassVar[bool] = False
    black_box: typing.ClassVar[bool] = True
    seeded: typing.ClassVar[bool] = True

    queries: int = dataclasses.field(default=1000, metadata=SHOWN)
    proposal: str = "square"
    sigma: float = 1.0

    def __post_init__(self):
        check_whole(self, "queries")
        check_choice(self, "proposal", PROPOSALS)
        check_number(self, "sigma", above_zero=True)

    def perturb(self, problem, threat, seed):
        draw = PROPOSALS[self.proposal]

        def propose(t, x, best, better, region):
            direction = draw(tf.shape(x), random.key(seed, t))
            length = threat.distance(direction, tf.zeros_like(direction))
            step = self.sigma * tf.math.divide_no_nan(threat.eps, length)
            return threat.project_into(region, best + per_example(step, x) * direction), region

        return climb(problem, propose, threat.region(problem.x), self.queries)

    def cost(self, classes):
        return Passes(self.queries + 1, 0)


def gaussian(shape, seed):
    return random.normal(shape, seed)


def sparse(shape, seed):
    """1 or -1 in about one of a hundred values, and in at least one."""
    draws = random.uniform(shape, seed)
    # The most extreme draws: which they are says nothing of their signs.
    rank = tf.reshape(tf.abs(draws - 0.5), [shape[0], -1])
    kept = tf.maximum(tf.shape(rank)[1] // 100, 1)
    least = tf.math.top_k(rank, kept).values[:, -1]
    return tf.where(tf.abs(draws - 0.5) >= per_example(least, draws), signs(draws), 0.0)


def square(shape, seed):
    """1 or -1 in a square of up to half of the shorter side, of vectors in up to half; a sign in each channel."""
    n, height, width, channels = tf.unstack(shape)
    draws = random.uniform([n, 3 + channels], seed)
    longest = tf.maximum(tf.where(width == 1, height, tf.minimum(height, width)) // 2, 1)
    side = 1 + tf.cast(draws[:, 0] * tf.cast(longest, tf.float32), tf.int32)
    rows, columns = between(draws[:, 1], side, height), between(draws[:, 2], side, width)
    return rows[:, :, None, None] * columns[:, None, :, None] * signs(draws[:, None, None, 3:])


PROPOSALS = {"square": square, "sparse": sparse, "gaussian": gaussian}
