"""Adversarial training: every batch is replaced by adversarial images of the present model.

Madry et al.: Towards Deep Learning Models Resistant to Adversarial Attacks, 2018.
"""

import typing

import keras
import tensorflow as tf

from tfadv import random
from tfadv.errors import TfadvError, invalid
from tfadv.options import number
from tfadv.passes import summed
from tfadv.training.objective import smoothed
from tfadv.training.shares import check_share, crafted_but_for
from tfadv.training.trainer import Trainer, TrainerOptions

# Folded into the seed of a step: targets must not hang together with what the attack draws from it.
TARGETS = 2**31 - 3


class Adversarial(Trainer):
    """min over weights of E max_{x' in S(x, eps)} L(x', y), the inner maximum by `attack`.

    The images are crafted in inference mode, so that neither BatchNorm statistics nor Dropout seeds move. While
    training, `accuracy` is accuracy on the adversarial images.

    Args:
        attack, threat: required, e.g. `PGD(steps=7)` and `LInf(8/255)`.
        clean: the share of natural images among the adversarial ones, from 0 and below 1 (Goodfellow et al. 2015:
            0.5).
        by: of what it is a share: `"image"`, of the images of each batch (rounded, but neither none nor all), or
            `"batch"`, where whole batches are natural at random.
        targeted: attack towards a wrong class that is drawn anew for each image in each step, min_{x'} L(x', t).
        smoothing: label smoothing s in [0, 1): the labels are (1 - s) onehot(y) + s / classes. It takes a loss that
            knows soft labels, `tfadv.training.objective.Loss` or Keras' categorical ones.

    Raises:
        TfadvError: if attack or threat is missing, and for shares out of range.

    >>> Adversarial(model, attack=PGD(steps=7), threat=LInf(8 / 255), clean=0.05, by="batch")  # doctest: +SKIP
    """

    trains_on_attack = True
    trains_robust = True

    def __init__(
        self,
        classifier: keras.Model,
        *,
        clean: float = 0.0,
        by: str = "image",
        targeted: bool = False,
        smoothing: float = 0.0,
        **options: typing.Unpack[TrainerOptions],
    ):
        if options.get("attack") is None or options.get("threat") is None:
            raise TfadvError(
                f"{type(self).__name__.lower()} training needs an attack and a threat model: "
                '--attack "pgd(steps=7)" --threat linf:8/255.'
            )
        super().__init__(classifier, **options)
        check_share("adversarial", clean, by)
        if not isinstance(targeted, bool):
            raise invalid("adversarial: targeted", "True or False", repr(targeted))
        self.clean, self.by, self.targeted = clean, by, targeted
        self.smoothing = number(
            "adversarial: smoothing", smoothing, "a number from 0 and below 1", lambda s: 0 <= s < 1
        )

    def craft(self, x, y):
        seed = self.noise_seed()

        def craft(x, y):
            targets = self._targets(y, seed) if self.targeted else None
            return self.attacked(self.attack, self.threat, x, y, seed, targets)

        return crafted_but_for(self.clean, self.by, craft, x, y, seed)

    def cost(self, classes):
        return summed(self.attack.cost(classes), self.learning)

    def _targets(self, y, seed):
        """Wrong classes, each as likely as the other: (n,) int32."""
        classes = self.classifier.output_shape[-1]
        seed = random.key(seed, TARGETS)
        ahead = tf.random.stateless_uniform(tf.shape(y), seed, 1, classes, dtype=tf.int32, alg="philox")
        return (y + ahead) % classes

    def labels(self, y):
        return smoothed(y, self.smoothing, self.classifier.output_shape[-1]) if self.smoothing else y
