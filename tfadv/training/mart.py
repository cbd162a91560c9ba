"""MART: adversarial training that minds most the images that are misclassified already.

Wang et al.: Improving Adversarial Robustness Requires Revisiting Misclassified Examples, ICLR 2020.
"""

import typing

import keras
import tensorflow as tf

from tfadv import losses
from tfadv.options import number
from tfadv.passes import Passes
from tfadv.training.adversarial import Adversarial
from tfadv.training.trainer import TrainerOptions


class Mart(Adversarial):
    """L = -log p_y(x') - log(1 - max_{k != y} p_k(x')) + lam KL(p(x) || p(x')) (1 - p_y(x)), p = softmax z (eq. 11).

    x' is what `attack` makes of x by raising the cross-entropy, in inference mode; the gradient reaches the weights
    through p(x) too. The first term is the compiled loss. The published attack is `pgd(steps=10, step_size=0.007,
    random_start=0.001, keep_best=False)` at linf:0.031. A step costs two forward and backward passes besides the
    attack.

    Args:
        attack, threat: required, e.g. `PGD(steps=10)` and `LInf(8/255)`.
        lam: weight of the last term, at least 0; the paper has 5.

    Raises:
        TfadvError: if attack or threat is missing, and for a negative lam.

    >>> Mart(model, attack=PGD(steps=10), threat=LInf(8 / 255))  # doctest: +SKIP
    """

    learning = Passes(2, 2)

    def __init__(self, classifier: keras.Model, *, lam: float = 5.0, **options: typing.Unpack[TrainerOptions]):
        super().__init__(classifier, **options)
        self.lam = float(number("mart: lam", lam, "a number of at least 0", lambda lam: lam >= 0))

    def penalty(self, batch, y, logits):
        clean = self.classifier(batch["x"], training=True)
        right = losses.true_logit(y, tf.nn.softmax(clean))
        wrong = losses.best_other(y, tf.nn.softmax(logits))
        # The authors' code adds what keeps the logarithm finite.
        return -tf.math.log(1.0001 - wrong) + self.lam * losses.kl(clean, logits) * (1 - right)
