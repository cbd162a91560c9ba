"""MI-FGSM: sign steps along an accumulated gradient, whose results fool other models too.

Dong et al.: Boosting Adversarial Attacks with Momentum, 2018.
"""

import dataclasses
import typing

from tfadv import losses
from tfadv.attacks.base import Attack
from tfadv.attacks.options import SHOWN, check_choice, check_flag, check_number, check_whole
from tfadv.attacks.pgd import PGD


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class MIFGSM(Attack):
    """g <- decay * g + grad L / ||grad L||_1, x <- x + eps / steps * sign(g) (algorithm 1).

    In another norm the step is along its steepest direction for g: g / ||g||_2 in l2, as in section 3.3 of the paper.
    It is `PGD` with this momentum and step, without a random start, and its last point.

    Args:
        steps: number of gradient steps, at least 1.
        decay: of the accumulated gradient; 0 is the iterative FGSM of Kurakin et al. 2017.
        loss: `"ce"`, `"margin"` or `"dlr"`.
        early_stop: leave an image alone once it is misclassified.

    >>> MIFGSM()(model, x, y, threat=LInf(16 / 255))  # doctest: +SKIP
    """

    name: typing.ClassVar[str] = "mi_fgsm"
    on_rows: typing.ClassVar[bool] = True

    steps: int = dataclasses.field(default=10, metadata=SHOWN)
    decay: float = 1.0
    loss: str = "ce"
    early_stop: bool = False

    def __post_init__(self):
        check_whole(self, "steps")
        check_number(self, "decay")
        check_choice(self, "loss", losses.LABEL_LOSSES)
        check_flag(self, "early_stop")

    @property
    def xla_compatible(self):
        return self.as_pgd().xla_compatible

    def as_pgd(self):
        """The same attack, spelled out."""
        return PGD(
            steps=self.steps, step_size="eps/T", random_start=False, momentum=self.decay, loss=self.loss,
            keep_best=False, early_stop=self.early_stop,
        )  # fmt: skip

    def perturb(self, problem, threat, seed):
        return self.as_pgd().perturb(problem, threat, seed)

    def cost(self, classes):
        return self.as_pgd().cost(classes)
