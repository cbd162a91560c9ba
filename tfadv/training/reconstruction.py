"""Training of autoencoders: each image is to be made again of its code; a variational one keeps its codes near N(0, 1).

Kingma, Welling: Auto-Encoding Variational Bayes, 2014, equation 10.
"""

import typing

import keras
import tensorflow as tf

from tfadv.errors import invalid
from tfadv.models import autoencoders
from tfadv.options import number
from tfadv.training.trainer import Trainer, TrainerOptions


class Reconstruction(Trainer):
    """Minimize the cross-entropy of the pixels, summed over them, and for a variational autoencoder beta times
    KL(N(mu, sigma^2) || N(0, 1)) = 1/2 sum (mu^2 + sigma^2 - 1 - log sigma^2).

    Labels are not used. The metric is `psnr`, the mean peak signal-to-noise ratio in dB: 20 is a mean squared error of
    0.01.

    Args:
        classifier: an autoencoder of `tfadv.models.autoencoders`.
        beta: of the Kullback-Leibler divergence (Higgins et al. 2017; 1 in the original).

    Raises:
        TfadvError: for another model, an attack, and another loss than `ce`.
    """

    learns_labels = False
    watched = "psnr"

    def __init__(self, classifier: keras.Model, *, beta: float = 1.0, **options: typing.Unpack[TrainerOptions]):
        super().__init__(classifier, **options)
        self.beta = number("reconstruction: beta", beta, "a number of at least 0", lambda value: value >= 0)
        if self.validation_attack is not None:
            raise invalid("reconstruction", "no attack, as there is no class to change", str(self.validation_attack))
        drawn = autoencoders.statistics(classifier)
        # A function, as Keras takes no further models once the trainer is built.
        self.statistics = drawn and (lambda x: drawn(x, training=True))

    def compile(self, optimizer="rmsprop", loss=None, **options):
        """The trainer's own, with the loss and the metric of images in the place of those of classes."""
        if getattr(loss, "name", "ce") != "ce":
            raise invalid("reconstruction: loss", "ce, the cross-entropy of pixels", loss.name)
        reduction = getattr(loss, "reduction", "sum_over_batch_size")
        super().compile(optimizer, PixelCrossEntropy(reduction=reduction), **(options | {"metrics": [PSNR()]}))

    def learn(self, batch, y, weight):
        return super().learn(batch, batch["x"], weight)

    def penalty(self, batch, y, logits):
        if self.statistics is None:
            return None
        mean, log_variance = tf.split(self.statistics(batch["x"]), 2, axis=-1)
        return self.beta * tf.reduce_sum(mean**2 + tf.exp(log_variance) - 1 - log_variance, axis=-1) / 2

    def test_step(self, data):
        x, _, weight = keras.utils.unpack_x_y_sample_weight(data)
        return super().test_step((x, x, weight))


class PixelCrossEntropy(keras.losses.Loss):
    """- sum x log y + (1 - x) log(1 - y) over the pixels of images x and y, (n, h, w, c): (n,)."""

    def call(self, y_true, y_pred):
        return tf.reduce_sum(keras.losses.binary_crossentropy(y_true, y_pred), axis=(1, 2)) * y_pred.shape[-1]


class PSNR(keras.metrics.Mean):
    """The mean of - 10 log10 of the mean squared error of each image, in dB."""

    def __init__(self, name="psnr"):
        super().__init__(name=name)

    def update_state(self, y_true, y_pred, sample_weight=None):
        error = tf.reduce_mean(tf.square(tf.cast(y_true, y_pred.dtype) - y_pred), axis=(1, 2, 3))
        return super().update_state(-10 * tf.math.log(tf.maximum(error, 1e-10)) / tf.math.log(10.0), sample_weight)
