"""Uniform noise: the control of every attack. What noise of the same size does is not the attack's doing."""

import dataclasses
import typing

from tfadv import random
from tfadv.attacks.base import Attack
from tfadv.attacks.loops.random_search import climb
from tfadv.attacks.options import SHOWN, check_whole
from tfadv.passes import Passes
from tfadv.threat import NORMS


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class UniformNoise(Attack):
    """The worst of several random points of the ball: the first that fools, or the one of the largest margin.

    In l_inf and l_2 the points are uniform in the ball, in l_1 their directions are uniform on its surface and their
    lengths between 0 and eps; the box then cuts them. In l_0 random pixels get uniform values, under a patch its own.

    Args:
        draws: random points for each image, at least 1.

    >>> UniformNoise(draws=1000)(model, x, y, threat=LInf(8 / 255))  # doctest: +SKIP
    """

    name: typing.ClassVar[str] = "noise"
    norms: typing.ClassVar[tuple[str, ...]] = tuple(NORMS)
    xla_compatible: typing.ClassVar[bool] = False
    black_box: typing.ClassVar[bool] = True
    seeded: typing.ClassVar[bool] = True

    draws: int = dataclasses.field(default=10, metadata=SHOWN)

    def __post_init__(self):
        check_whole(self, "draws")

    def perturb(self, problem, threat, seed):
        def propose(t, x, best, better, state):
            return threat.random_start(x, random.key(seed, t)), state

        return climb(problem, propose, (), self.draws)

    def cost(self, classes):
        return Passes(self.draws + 1, 0)
