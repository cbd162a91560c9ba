"""Adversarial training that is watched under another eps than it trains with, epoch by epoch."""

from tfadv.attacks import PGD
from tfadv.training.adversarial import Adversarial


class Watched(Adversarial):
    """`Adversarial` whose `val_adv_accuracy` is under PGD with 10 steps at another eps.

    Args:
        at: that eps, of the same norm.

    >>> Watched(model, at=0.03, attack=PGD(steps=3), threat=LInf(0.06))  # doctest: +SKIP
    """

    def __init__(self, classifier, *, at: float, **options):
        super().__init__(classifier, **options)
        self.validation_attack, self.at = PGD(steps=10), at

    def validation_adversaries(self):
        return ((self.validation_attack, self.threat.with_eps(self.at)),)
