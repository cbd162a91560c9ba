"""Short ascents, a walk along the boundary and random search, for a fraction of the passes of AutoAttack.

It is not AutoAttack: it may leave a few images that the ensemble breaks.

The ascents follow Adaptive AutoAttack (Liu et al. 2022) and the probability margin attack (Xie et al. 2024), the walk
is FAB (Croce & Hein 2020), see `quick_ascents`. The search is the Square Attack (Andriushchenko et al. 2020).
"""

import dataclasses
import typing

from tfadv.attacks.base import Attack
from tfadv.attacks.loops import together
from tfadv.attacks.options import SHOWN, check_whole
from tfadv.attacks.quick_ascents import Ascents
from tfadv.attacks.square import Square
from tfadv.passes import Passes


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class Quick(Attack):
    """`Ascents` with a walk along the boundary, then Square, which needs no gradients, on what is still right.

    Args:
        steps: of a long ascent, at least 1; short ones have 30 % of it.
        target_classes: how many classes the short ascents try at most. Given targets, all lead to those.
        queries: of Square; 0 leaves it out.

    >>> Quick()(model, x, y, threat=LInf(8 / 255))  # doctest: +SKIP
    """

    norms: typing.ClassVar[tuple[str, ...]] = Ascents.norms
    xla_compatible: typing.ClassVar[bool] = False
    seeded: typing.ClassVar[bool] = True

    steps: int = dataclasses.field(default=65, metadata=SHOWN)
    target_classes: int = dataclasses.field(default=9, metadata=SHOWN)
    queries: int = dataclasses.field(default=700, metadata=SHOWN)

    def __post_init__(self):
        check_whole(self, "steps", "target_classes")
        check_whole(self, "queries", least=0)

    def perturb(self, problem, threat, seed):
        return together.in_turn(problem, self._parts(), threat, seed)

    def _parts(self):
        ascents = Ascents(steps=self.steps, target_classes=self.target_classes)
        return (ascents, Square(queries=self.queries)) if self.queries else (ascents,)

    def cost(self, classes):
        costs = [part.cost(classes) for part in self._parts()]
        own = 1 + len(costs)  # a look at the images, and at what each part found
        return Passes(own + sum(cost.forward for cost in costs), sum(cost.backward for cost in costs))
