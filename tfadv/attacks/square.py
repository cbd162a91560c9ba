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

# The share of the image that a square covers is halved after so many queries (section 5.1, at 10,000 queries; the
# standard AutoAttack ends after 5,000 of them without rescaling).
HALVED = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)


# How fast a pattern falls off from its center, by the order of the norm.
FALLS = {2: 2, 1: 4}


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
            state, order = (), 2 if threat.norm == "l2" else 1
            start = tiles(problem.x, threat.eps, order, random.key(seed, 0))
            move = functools.partial(gather_mass, eps=threat.eps, order=order, sides=self.sides(box, least=3))

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
    # A step of 1 crosses the ball from wherever in it, as pixels do not go further apart.
    return tf.maximum(tf.minimum(best + square, high), low)


def between(draws, side, length):
    """1.0 on `side` neighbors out of `length`, from a place drawn in (0, 1) for each example: (n, length)."""
    first, at = places(draws, side, length), tf.range(length)
    return tf.cast((at >= first[:, None]) & (at < (first + side)[:, None]), tf.float32)


def places(draws, side, length):
    """Where a window of this side begins, each place equally likely: (n,) int32."""
    return tf.cast(draws * tf.cast(length - side + 1, tf.float32), tf.int32)


def signs(draws):
    return tf.where(draws < 0.5, -1.0, 1.0)


def stage_of(t, table):
    """The row of a table with one row a stage that query t uses."""
    return tf.gather(table, tf.reduce_sum(tf.cast(t > tf.constant(HALVED), tf.int32)))


def tiles(x, eps, order, seed):
    """x with 5 x 5 patterns side by side, of random signs and lying or standing, as long as eps allows."""
    n, (height, width, channels) = tf.shape(x)[0], x.shape[1:]
    side = max(min(height, width) // 5, 1)
    down, across = height // side, width // side
    draws = random.uniform([n, down, across, 1 + channels], seed)
    spread = lambda draws: tf.repeat(tf.repeat(draws, side, axis=1), side, axis=2)  # noqa: E731
    tiled = lambda tile: np.tile(tile, (down, across))[..., None].astype("float32")  # noqa: E731
    tile = pattern(side, order)
    delta = tf.where(spread(draws[..., :1] < 0.5), tiled(tile), tiled(tile.T)) * spread(signs(draws[..., 1:]))
    margins = [
        ((free - used) // 2, (free - used + 1) // 2) for free, used in ((height, down * side), (width, across * side))
    ]
    delta = tf.pad(delta, [(0, 0), *margins, (0, 0)])
    length = tf.reduce_sum(mass(delta, order), axis=3, keepdims=True) ** (1 / order)
    return tf.clip_by_value(x + delta * (within(eps) / length), 0.0, 1.0)


def gather_mass(t, x, best, state, *, seed, eps, order, sides):
    """Empty two windows, and write what they held and what eps leaves unused into the first, as a pattern."""
    n, (height, width, channels) = tf.shape(x)[0], x.shape[1:]
    draws = random.uniform([n, 5 + channels], seed)
    side = stage_of(t, sides)
    here = window(draws[:, 0], draws[:, 1], side, height, width)
    there = window(draws[:, 2], draws[:, 3], side, height, width)
    tile = stage_of(t, np.stack([np.pad(pattern(s, order), (0, max(sides) - s)) for s in sides]))[:side, :side]
    tile = tf.where(draws[:, 4, None, None] < 0.5, tile, tf.transpose(tile))[..., None] * signs(
        draws[:, None, None, 5:]
    )

    delta = best - x
    unused = tf.nn.relu(within(eps) ** order - tf.reduce_sum(mass(delta, order), axis=3, keepdims=True))
    delta = tf.reshape(delta, [-1, channels])
    held, delta = take(delta, here)
    other, delta = take(delta, there)
    # With all of it in the first window, the whole is just as large as eps allows, before the box cuts it.
    moved = mass(held, order) + mass(other, order) + unused / channels
    shape = unit(tile + unit(held, order), order)
    delta = tf.tensor_scatter_nd_update(delta, here[..., None], shape * moved ** (1 / order))
    return tf.clip_by_value(x + tf.reshape(delta, tf.shape(x)), 0.0, 1.0)


def mass(part, order):
    """sum |delta|^order of each channel, (n, 1, 1, channels)."""
    return tf.reduce_sum(part * part if order == 2 else tf.abs(part), axis=[1, 2], keepdims=True)


def unit(part, order):
    return tf.math.divide_no_nan(part, mass(part, order) ** (1 / order))


def within(eps):
    """A little less than eps, so that rounding does not leave the ball."""
    return eps * (1 - 1e-6)


def window(top, left, side, height, width):
    """The pixels of a window of each example, counted through the batch: (n, side, side) int32."""
    first = (tf.range(tf.shape(top)[0]) * height + places(top, side, height)) * width + places(left, side, width)
    along = tf.range(side)
    return first[:, None, None] + along[:, None] * width + along


def take(pixels, where):
    """What stands at some pixels, and the pixels with zeros there."""
    taken = tf.gather(pixels, where)
    return taken, tf.tensor_scatter_nd_update(pixels, where[..., None], tf.zeros_like(taken))


@functools.cache
def pattern(side, order):
    """Two halves of opposite sign and of equal mass, together 1, that fall off from their centers: (side, side).

    A half is sum_k [the k-th square around the center] / (k + 1)^falls, so at distance d (the larger of rows and
    columns) the sum from k = d (section 3.4; their code has the power 4 in l_1).
    """
    steps = np.arange(side // 2 + 1)
    tail = np.append(np.cumsum(1.0 / (steps + 1.0)[::-1] ** FALLS[order])[::-1], 0)
    columns = np.abs(np.arange(side) - side // 2)
    halves = []
    for sign, rows in ((1, side // 2), (-1, side - side // 2)):
        if rows:
            half = tail[np.maximum(np.abs(np.arange(rows) - rows // 2)[:, None], columns)]
            halves.append(sign * half / np.linalg.norm(half.ravel(), order))
    whole = np.concatenate(halves)
    return (whole / np.linalg.norm(whole.ravel(), order)).astype("float32")
