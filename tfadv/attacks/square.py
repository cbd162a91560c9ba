"""Square: random search with squares at the border of the ball, which needs nothing but logits.

Andriushchenko, Croce, Flammarion, Hein: Square Attack, a query-efficient black-box adversarial attack via random
search, 2020. In l_1: Croce & Hein: Mind the box, 2021.
"""

import dataclasses
import functools
import typing

import numpy as np
import tensorflow as tf

from tfadv import random
from tfadv.attacks.base import Attack, Passes
from tfadv.attacks.options import SHOWN, check_number, check_whole
from tfadv.attacks.random_search import climb
from tfadv.errors import invalid
from tfadv.threat import flat_sum, per_example

# The share of the image that a square covers is halved after so many queries (section 5.1, at 10,000 queries; the
# standard AutoAttack ends after 5,000 of them without rescaling).
HALVED = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)


class Kind(typing.NamedTuple):
    """What differs between l_2 and l_1: how mass is measured, and how fast the pattern falls off from its center."""

    mass: object
    amount: object
    falls: int


KINDS = {
    "l2": Kind(mass=tf.square, amount=tf.sqrt, falls=2),
    "l1": Kind(mass=tf.abs, amount=tf.identity, falls=4),
}


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class Square(Attack):
    """Keep x + delta where the margin max_{j != y} z_j - z_y rises (for targets: the cross-entropy falls).

    In l_inf delta is eps or -eps in every channel of a square (algorithm 2), after a start with vertical stripes. In
    l_2 and l_1 the change within two windows moves into one of them, in a pattern with a positive and a negative half
    (algorithm 3), after a start with 5 x 5 such patterns. Every example has its own places and signs; the authors' code
    shares the places within a batch.

    Fooled images leave the batch, so that queries are spent only where they are needed.

    Args:
        queries: proposals for each image, at least 1.
        p_init: share of the image that the first squares cover, in (0, 1].

    >>> Square()(model, x, y, threat=LInf(8 / 255))  # doctest: +SKIP
    """

    static: typing.ClassVar[bool] = False
    black_box: typing.ClassVar[bool] = True
    seeded: typing.ClassVar[bool] = True

    queries: int = dataclasses.field(default=5000, metadata=SHOWN)
    p_init: float = 0.8

    def __post_init__(self):
        check_whole(self, "queries")
        check_number(self, "p_init", above_zero=True)
        if self.p_init > 1:
            raise invalid("square: p_init", "a number above 0 and at most 1", self.p_init)

    def perturb(self, problem, threat, seed):
        box = problem.x.shape[1:]
        if threat.norm == "linf":
            state = threat.region(problem.x)
            start = stripes(problem.x, threat, random.key(seed, 0))
            move = functools.partial(repaint, sides=self.sides(box, least=1))
        else:
            state, kind = (), KINDS[threat.norm]
            start = tiles(problem.x, threat.eps, kind, random.key(seed, 0))
            move = functools.partial(gather_mass, eps=threat.eps, kind=kind, sides=self.sides(box, least=3))

        def propose(t, x, best, better, state):
            return move(t, x, best, state, seed=random.key(seed, t + 1)), state

        loss = "margin" if problem.targets is None else "ce"
        return climb(problem, propose, state, self.queries, start=start, loss=loss)

    def sides(self, image_shape, least):
        """The side of the squares in each stage, 10 whole numbers; odd ones, where there is a least of 3."""
        height, width = image_shape[:2]
        sides = []
        for stage in range(len(HALVED) + 1):
            side = max(round((self.p_init / 2**stage * height * width) ** 0.5), least)
            sides.append(min(side | 1 if least == 3 else side, height, width))
        return sides

    def cost(self, classes):
        return Passes(self.queries + 2, 0)


def stripes(x, threat, seed):
    """x with each column of each channel moved to one side of the ball."""
    n, width, channels = tf.shape(x)[0], x.shape[2], x.shape[3]
    return threat.project(x + threat.eps * signs(random.uniform([n, 1, width, channels], seed)), x)


def repaint(t, x, best, region, *, seed, sides):
    """A square of each example at one side of the ball, channel by channel."""
    low, high = region
    draws = random.uniform([tf.shape(x)[0], 2 + x.shape[3]], seed)
    side = stage_of(t, sides)
    rows = between(draws[:, 0], side, x.shape[1])
    columns = between(draws[:, 1], side, x.shape[2])
    square = rows[:, :, None, None] * (columns[:, :, None] * signs(draws[:, None, 2:]))[:, None]
    # Past the border on its side, from wherever in the ball.
    return tf.maximum(tf.minimum(best + 4 * square, high), low)


def between(draws, side, length):
    """1.0 on `side` neighbors out of `length`, from a place drawn in (0, 1) for each example: (n, length)."""
    first = places(draws, side, length)[:, None]
    at = tf.range(length)
    return tf.cast((at >= first) & (at < first + side), tf.float32)


def places(draws, side, length):
    """Where a window of this side begins, each place equally likely: (n,) int32."""
    return tf.cast(draws * tf.cast(length - side + 1, tf.float32), tf.int32)


def signs(draws):
    return tf.where(draws < 0.5, -1.0, 1.0)


def stage_of(t, table):
    """The row of a table with one row a stage that query t uses."""
    return tf.gather(table, tf.reduce_sum(tf.cast(t > tf.constant(HALVED), tf.int32)))
