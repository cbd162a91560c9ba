"""TRADES: accuracy on clean images, and the same answer all over the ball around them.

Zhang et al.: Theoretically Principled Trade-off between Robustness and Accuracy, 2019.
"""

import dataclasses
import typing

import keras

from tfadv import losses
from tfadv.errors import TfadvError, invalid
from tfadv.options import number
from tfadv.passes import Passes
from tfadv.training.adversarial import Adversarial
from tfadv.training.trainer import TrainerOptions


class Trades(Adversarial):
    """min over weights of CE(z(x), y) + beta KL(softmax z(x) || softmax z(x_adv)), x_adv = argmax of the KL (eq. 5).

    The KL is maximized by `attack` with `loss=kl`, in inference mode; its gradient reaches the weights through both of
    its arguments. The published recipe on CIFAR-10 is `pgd(steps=10, step_size=0.007, random_start=0.001,
    keep_best=False)` at linf:0.031. Validation attacks with `attack` as it is given.

    Args:
        attack, threat: required, e.g. `PGD(steps=10)` and `LInf(8/255)`.
        beta: weight of the KL, at least 0; the paper has 6 on CIFAR-10 and 1 on MNIST.

    Raises:
        TfadvError: if attack or threat is missing, for an attack without the loss `kl`, and for a negative beta.
    """

    learns_clean = True
    learning = Passes(2, 2)

    def __init__(self, classifier: keras.Model, *, beta: float = 6.0, **options: typing.Unpack[TrainerOptions]):
        super().__init__(classifier, **options)
        self.beta = float(number("trades: beta", beta, "a number of at least 0", lambda beta: beta >= 0))
        try:
            self.attack = dataclasses.replace(self.attack, loss="kl")
        except (TypeError, TfadvError) as error:
            raise invalid("trades: attack", "one that takes loss=kl, e.g. pgd(steps=10)", self.attack) from error

    def penalty(self, batch, y, logits):
        return self.beta * losses.kl(logits, self.classifier(batch["x_adv"], training=True))
