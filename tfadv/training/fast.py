"""Fast adversarial training: one gradient step from a random start, and a guard against catastrophic overfitting.

Wong, Rice, Kolter: Fast is better than free, Revisiting adversarial training, ICLR 2020 (RS-FGSM). Noise twice as wide:
de Jorge et al.: Make Some Noise, Reliable and Efficient Single-Step Adversarial Training, NeurIPS 2022 (N-FGSM).
"""

import typing

import keras

from tfadv.attacks.fgsm import FGSM
from tfadv.errors import TfadvError, invalid
from tfadv.passes import summed
from tfadv.training.overfitting_guard import OverfittingGuard
from tfadv.training.trainer import Trainer, TrainerOptions


class Variant(typing.NamedTuple):
    """The radius of the noise and the size of the step, in eps, and whether the result is projected into the ball."""

    noise: float
    step: float
    project: bool


VARIANTS = {"rs_fgsm": Variant(1.0, 1.25, True), "n_fgsm": Variant(2.0, 1.0, False)}


class Fast(Trainer):
    """x_adv = project(x + u + 1.25 eps sign(grad L(x + u, y))), u ~ U[-eps, eps] (RS-FGSM).

    Or, with `variant="n_fgsm"`, x_adv = x + u + eps sign(grad L(x + u, y)), u ~ U[-2 eps, 2 eps], which may leave the
    ball by up to 2 eps. Both keep to the box, both of x + u and of x_adv; in other norms u is a random point of the
    ball and the step its steepest direction. A step costs two forward and two backward passes.

    Single-step training may fail within an epoch: the network withstands the single step, and nothing else
    (catastrophic overfitting). See `OverfittingGuard`.

    Args:
        threat: required, e.g. `LInf(8/255)`.
        attack: that of validation; training has its own.
        variant: `"rs_fgsm"` or `"n_fgsm"`.
        guard: go back to the weights of the epoch before where overfitting is noticed.

    Raises:
        TfadvError: without a threat model, and for another variant.

    >>> Fast(model, threat=LInf(8 / 255), variant="n_fgsm")  # doctest: +SKIP
    """

    trains_robust = True

    def __init__(
        self,
        classifier: keras.Model,
        *,
        variant: str = "rs_fgsm",
        guard: bool = True,
        **options: typing.Unpack[TrainerOptions],
    ):
        if options.get("threat") is None:
            raise TfadvError("fast adversarial training needs a threat model: --threat linf:8/255.")
        super().__init__(classifier, **options)
        if variant not in VARIANTS:
            raise invalid("fast: variant", " or ".join(VARIANTS), repr(variant))
        if not isinstance(guard, bool):
            raise invalid("fast: guard", "True or False", repr(guard))
        self.variant, self.guard, self.guards = VARIANTS[variant], guard, ()

    def prepare(self, split):
        if self.guard:
            self.guards = (OverfittingGuard(self, split),)
        return split

    def watchers(self):
        return [*self.guards, *super().watchers()]

    def remarks(self, history):
        return [remark for guard in self.guards for remark in guard.remarks(history)]

    def cost(self, classes):
        return summed(FGSM().cost(classes), self.learning)

    def craft(self, x, y):
        seed, threat = self.noise_seed(), self.ramped(self.threat)
        start = threat.with_eps(self.variant.noise * threat.eps).random_start(x, seed)
        step = self.threat.with_eps(self.variant.step * self.threat.eps)
        x_adv = self.attacked(FGSM(), step, start, y, seed)
        return threat.project(x_adv, x) if self.variant.project else x_adv
