"""SimBA: one direction of an orthonormal basis after another, forwards or else backwards.

Guo, Gardner, You, Wilson, Weinberger: Simple Black-box Adversarial Attacks, 2019.
"""

import dataclasses
import typing

import numpy as np
import tensorflow as tf

from tfadv import random
from tfadv.attacks.base import Attack
from tfadv.attacks.loops.random_search import climb
from tfadv.attacks.options import SHOWN, check_choice, check_number, check_whole
from tfadv.passes import Passes
from tfadv.tensors import per_example

# The share of frequencies, lowest first, of each side (section 4: "1/8 of all frequencies" is 0.35 of each side).
LOW = 0.35


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class SimBA(Attack):
    """x' = project(x_best + a q) for a = step_size, then -step_size, kept where the margin rises (algorithm 1).

    q goes through an orthonormal basis in random order, without replacement, and anew when it is through: single
    values (`"pixel"`), or products of the cosines of low frequency along both sides (`"dct"`). The paper watches the
    probability of the label, which is exactly 1 in float32 where a model is sure; the margin orders images as well
    there. Fooled images leave the batch.

    Args:
        queries: proposals for each image, at least 1; a direction takes one or two.
        basis: `"pixel"` or `"dct"`.
        step_size: length of a step in the norm of the threat model; None is eps where every pixel
            may move by it (l_inf), else eps / 10.

    >>> SimBA(basis="dct")(model, x, y, threat=L2(1.5))  # doctest: +SKIP
    """

    on_images: typing.ClassVar[bool] = True
    xla_compatible: typing.ClassVar[bool] = False
    black_box: typing.ClassVar[bool] = True
    seeded: typing.ClassVar[bool] = True

    queries: int = dataclasses.field(default=1000, metadata=SHOWN)
    basis: str = "pixel"
    step_size: float | None = None

    def __post_init__(self):
        check_whole(self, "queries")
        check_choice(self, "basis", BASES)
        if self.step_size is not None:
            check_number(self, "step_size", above_zero=True)

    def perturb(self, problem, threat, seed):
        n, (height, width, channels) = tf.shape(problem.x)[0], problem.x.shape[1:]
        rows, columns = BASES[self.basis](height), BASES[self.basis](width)
        size = len(rows) * len(columns) * channels
        length = self.step_size or threat.eps / (1 if threat.separable else 10)

        def propose(t, x, best, better, state):
            order, at, sign, region = state
            # A direction is done with once it has helped, or has been tried both ways.
            done = better | (sign < 0)
            at, sign = tf.where(done, (at + 1) % size, at), tf.where(done, 1.0, -1.0)
            which = tf.gather(order, at, batch_dims=1)
            along, across = tf.gather(rows, which // channels // len(columns)), which // channels % len(columns)
            across = (
                tf.gather(columns, across)[:, None, :, None] * tf.one_hot(which % channels, channels)[:, None, None]
            )
            q = along[:, :, None, None] * across
            step = sign * length / threat.distance(q, tf.zeros_like(q))
            return threat.project_into(region, best + per_example(step, x) * q), (order, at, sign, region)

        order = tf.argsort(random.uniform([n, size], seed), axis=1)
        start = (order, tf.fill([n], -1), tf.ones([n]), threat.region(problem.x))
        return climb(problem, propose, start, self.queries)

    def cost(self, classes):
        return Passes(self.queries + 1, 0)


def pixel(length):
    return np.eye(length, dtype="float32")


def dct(length):
    """The rows of the orthonormal DCT-II of low frequency: sqrt(2 / length) cos(pi (i + 1/2) k / length)."""
    k, i = np.arange(length)[:, None], np.arange(length)
    waves = np.sqrt(2 / length) * np.cos(np.pi * (i + 0.5) * k / length)
    waves[0] /= np.sqrt(2)
    return waves[: max(1, round(LOW * length))].astype("float32")


BASES = {"pixel": pixel, "dct": dct}
