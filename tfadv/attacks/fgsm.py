"""The fast gradient sign method, generalized to every norm.

Goodfellow, Shlens, Szegedy: Explaining and Harnessing Adversarial Examples, 2015.
"""

import dataclasses
import typing

from tfadv import losses
from tfadv.attacks.base import Attack
from tfadv.attacks.options import check_choice
from tfadv.passes import Passes
from tfadv.threat import NORMS


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class FGSM(Attack):
    """x_adv = clip(x + eps * sign(grad_x L(x, y))); in another norm, eps times its steepest direction.

    Args:
        loss: `"ce"`, `"margin"` or `"dlr"`.

    >>> FGSM()(model, x, y, threat=LInf(0.1))  # doctest: +SKIP
    """

    on_rows: typing.ClassVar[bool] = True
    norms: typing.ClassVar[tuple[str, ...]] = tuple(NORMS)

    loss: str = "ce"

    def __post_init__(self):
        check_choice(self, "loss", losses.LABEL_LOSSES)

    def perturb(self, problem, threat, seed):
        _, _, gradient = problem.ascend(self.loss, problem.x)
        return problem.x + threat.eps * threat.steepest(gradient, problem.x)

    def cost(self, classes):
        return Passes(1, 1)
