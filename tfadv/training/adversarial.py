"""Adversarial training: every batch is replaced by adversarial images of the present model.

Madry et al.: Towards Deep Learning Models Resistant to Adversarial Attacks, 2018.
"""

import typing

import keras

from tfadv.errors import TfadvError
from tfadv.training.trainer import Trainer, TrainerOptions


class Adversarial(Trainer):
    """min over weights of E max_{x' in S(x, eps)} L(x', y), the inner maximum by `attack`.

    The images are crafted in inference mode, so that neither BatchNorm statistics nor Dropout seeds move. While
    training, `accuracy` is accuracy on the adversarial images.

    Args:
        attack, threat: required, e.g. `PGD(steps=7)` and `LInf(8/255)`.

    Raises:
        TfadvError: if attack or threat is missing.
    """

    trains_on_attack = True

    def __init__(self, classifier: keras.Model, **options: typing.Unpack[TrainerOptions]):
        if options.get("attack") is None or options.get("threat") is None:
            raise TfadvError(
                'adversarial training needs an attack and a threat model: --attack "pgd(steps=7)" --threat linf:8/255.'
            )
        super().__init__(classifier, **options)

    def craft(self, x, y):
        return self.attacked(self.attack, self.threat, x, y, self.noise_seed())
