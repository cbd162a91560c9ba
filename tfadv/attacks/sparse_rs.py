"""Sparse-RS: random search over which few pixels to paint in the colors at the corners of the box.

Croce, Andriushchenko, Singh, Flammarion, Hein: Sparse-RS, a versatile framework for query-efficient sparse black-box
adversarial attacks, 2022.
"""

import dataclasses
import typing

import tensorflow as tf

from tfadv import random
from tfadv.attacks.base import Attack
from tfadv.attacks.loops.random_search import climb
from tfadv.attacks.options import SHOWN, check_number, check_whole
from tfadv.errors import invalid
from tfadv.passes import Passes
from tfadv.threat.l0 import as_pixels, largest, per_pixel

# After so many of 10,000 queries the share of pixels that change place is alpha_init divided by the next number
# (the authors' code; with another number of queries both are stretched).
SCHEDULE = {0: 2, 50: 4, 200: 5, 500: 6, 1000: 8, 2000: 10, 4000: 12, 6000: 15, 8000: 20}


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class SparseRS(Attack):
    """Keep what raises the margin max_{j != y} z_j - z_y (for targets: lowers the cross-entropy).

    Begins with eps pixels in random colors of {0, 1}^channels. Each query puts alpha * eps of them back, at least one,
    and paints as many other pixels in random colors (algorithm 1 and section 4.1); alpha falls from alpha_init / 2 to
    alpha_init / 20. A pixel is never painted in the color that it has in the image. Every example has its own pixels;
    the authors' code shares their numbers within a batch.

    Fooled images leave the batch, so that queries are spent only where they are needed.

    Args:
        queries: proposals for each image, at least 1.
        alpha_init: share of the eps pixels that change place, in (0, 1].

    >>> SparseRS()(model, x, y, threat=L0(24))  # doctest: +SKIP
    """

    name: typing.ClassVar[str] = "sparse_rs"
    norms: typing.ClassVar[tuple[str, ...]] = ("l0",)
    xla_compatible: typing.ClassVar[bool] = False
    black_box: typing.ClassVar[bool] = True
    seeded: typing.ClassVar[bool] = True

    queries: int = dataclasses.field(default=10_000, metadata=SHOWN)
    alpha_init: float = 0.3

    def __post_init__(self):
        check_whole(self, "queries")
        check_number(self, "alpha_init", above_zero=True)
        if self.alpha_init > 1:
            raise invalid("sparse_rs: alpha_init", "a number above 0 and at most 1", self.alpha_init)

    def perturb(self, problem, threat, seed):
        if threat.box is None:
            raise invalid("sparse_rs: box", "a box, whose corners are tried", "none", "give the threat model one.")
        eps = tf.floor(threat.eps)

        def propose(t, x, best, better, state):
            last, painted = state
            painted = tf.where(better[:, None], last, painted)
            swapped, new = swap(painted, self._swaps(t, eps), random.key(seed, t + 1, 0))
            proposal = tf.where(as_pixels(swapped, x), best, x)
            proposal = tf.where(as_pixels(new, x), colors(x, threat.box, random.key(seed, t + 1, 1)), proposal)
            return proposal, (swapped, painted)

        first = largest(random.uniform(tf.shape(per_pixel(problem.x)), random.key(seed, 0, 0)), eps)
        start = tf.where(as_pixels(first, problem.x), colors(problem.x, threat.box, random.key(seed, 0, 1)), problem.x)
        loss = "margin" if problem.targets is None else "ce"
        return climb(problem, propose, (first, first), self.queries, start=start, loss=loss)

    def _swaps(self, t, eps):
        """How many pixels change place in query t, at least one if there are any."""
        at = tf.cast(t + 1, tf.float32) * (10_000 / self.queries)
        stage = tf.reduce_sum(tf.cast(at > tf.constant(list(SCHEDULE), tf.float32), tf.int32)) - 1
        share = self.alpha_init / tf.gather(tf.constant(list(SCHEDULE.values()), tf.float32), stage)
        return tf.minimum(tf.maximum(tf.floor(share * eps), 1.0), eps)

    def cost(self, classes):
        return Passes(self.queries + 2, 0)


def swap(painted, count, seed):
    """Put `count` of the painted pixels back, and choose as many others.

    Where fewer others are left, pixels that were put back are painted anew.

    Args:
        painted: which pixels are, (n, pixels) bool.

    Returns:
        The pixels that are painted next, and which of them are new: both (n, pixels) bool.
    """
    draws = random.uniform(tf.shape(painted), seed)
    back = painted & largest(tf.where(painted, draws, -1.0), count)
    # Draws lie in (0, 1).
    rank = tf.where(painted, tf.where(back, 0.0, -1.0), draws)
    new = ~(painted & ~back) & largest(rank, count)
    return (painted & ~back) | new, new


def colors(x, box, seed):
    """A corner of the box for each pixel, equally likely; the opposite one where the image has that color already."""
    low, high = box
    drawn = tf.where(random.uniform(tf.shape(x), seed) < 0.5, high, low)
    same = drawn == x if len(x.shape) == 2 else tf.reduce_all(drawn == x, axis=-1, keepdims=True)
    return tf.where(same, low + high - drawn, drawn)
