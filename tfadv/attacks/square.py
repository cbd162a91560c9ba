"""Square: random search with squares at the border of the ball, which needs nothing but logits.

Andriushchenko, Croce, Flammarion, Hein: Square Attack, a query-efficient black-box adversarial attack via random
search, 2020. In l_1: Croce & Hein: Mind the box, 2021.
"""

import dataclasses
import typing

import tensorflow as tf

from tfadv import random
from tfadv.attacks import square_mass
from tfadv.attacks.base import Attack
from tfadv.attacks.loops.lookahead import climb
from tfadv.attacks.loops.windows import signs, within
from tfadv.attacks.options import SHOWN, check_number, check_whole
from tfadv.errors import invalid
from tfadv.passes import Passes

# The share of the image that a square covers is halved after so many queries (section 5.1, at 10,000 queries; the
# standard AutoAttack ends after 5,000 of them without rescaling).
HALVED = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class Square(Attack):
    """Keep x + delta where the margin max_{j != y} z_j - z_y rises (for targets: the cross-entropy falls).

    In l_inf delta is eps or -eps in every channel of a square (algorithm 2), after a start with vertical stripes. Under
    a patch likewise, with squares within the patch. In l_2 and l_1 the change within two windows moves into one of
    them, in a pattern with a positive and a negative half (algorithm 3), after a start with 5 x 5 such patterns. Every
    example has its own places and signs; the authors' code shares the places within a batch.

    In vectors (n, d) squares and windows are runs of values.

    Fooled images leave the batch, so that queries are spent only where they are needed. Where few images are left, the
    model is asked about several proposals for each at once.

    Args:
        queries: proposals for each image, at least 1.
        p_init: share of the image that the first squares cover, in (0, 1].

    >>> Square()(model, x, y, threat=LInf(8 / 255))  # doctest: +SKIP
    """

    norms: typing.ClassVar[tuple[str, ...]] = ("linf", "l2", "l1", "patch")
    on_images: typing.ClassVar[bool] = True
    xla_compatible: typing.ClassVar[bool] = False
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
        move, start, state, width = (self._painted if threat.separable else self._moved)(problem.x, threat, seed)

        def propose(t, draws, x, best, state):
            return move(tf.reduce_sum(tf.cast(t > tf.constant(HALVED), tf.int32)), draws, x, best, state)

        options = {"loss": "margin" if problem.targets is None else "ce", "breaks": HALVED}
        return climb(problem, propose, width, state, self.queries, start=start, seed=seed, **options)

    def _painted(self, x, threat, seed):
        window = threat.window(x.shape[1:])
        sides = self.sides(window[2:])
        # Enough to cross the ball from wherever in it: two pixels do not differ by more than the box is wide.
        step = 4 * threat.eps if threat.box is None else threat.box[1] - threat.box[0]

        def move(stage, draws, x, best, region):
            return painted(best, draws, tf.gather(sides, stage), *region, window, step)

        each = x.shape[1] if x.shape[2] == 1 else 1  # the values of vectors are columns themselves
        stripes = signs(random.uniform([tf.shape(x)[0], each, x.shape[2], x.shape[3]], random.key(seed, 0)))
        return move, threat.project(x + threat.eps * stripes, x), threat.region(x), 2 + x.shape[3]

    def _moved(self, x, threat, seed):
        sides = self.sides(x.shape[1:], least=3)

        def move(stage, draws, x, best, state):
            side = tf.gather(sides, stage)
            tile = tf.gather(square_mass.patterns(sides, x.shape[2], threat.order), stage)[:side, :side]
            return square_mass.gathered(x, best, draws, side, tile, threat)

        return move, square_mass.tiles(x, threat, random.key(seed, 0)), (), 5 + x.shape[3]

    def sides(self, image_shape, least=1):
        """The side of the squares in each stage; with a least of 3 odd ones, as the patterns have a center.

        In vectors, images of one column, it is the length of a run of values.
        """
        height, width = image_shape[:2]
        shares = (self.p_init / 2**stage for stage in range(len(HALVED) + 1))
        power, longest = (1.0, height) if width == 1 else (0.5, min(height, width))
        sides = (max(round((share * height * width) ** power), least) for share in shares)
        return [min(side | 1 if least == 3 else side, longest) for side in sides]

    def cost(self, classes):
        return Passes(self.queries + 2, 0)


def painted(best, draws, side, low, high, window, step=1.0):
    """Each example with a square of it at one side of the ball, channel by channel.

    Args:
        draws: in (0, 1), (n, 2 + channels): where the square is, and on which side.
        low, high: the ends of the ball, as far as the box lets it go; step: at least their distance.
        window: where squares lie, the top row, left column, height and width of a part of the image.
    """
    rows, columns = (within(draws[:, k], side, window[k], window[k + 2], best.shape[k + 1]) for k in (0, 1))
    square = rows[:, :, None, None] * (columns[:, :, None] * (step * signs(draws[:, None, 2:])))[:, None]
    return tf.maximum(tf.minimum(best + square, high), low)
