"""Defenses with an autoencoder: purification, a switch for suspicious images, a detector that rejects them."""

import functools

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from specimens.by_hand import averaged, joined
from specimens.networks import SHAPE, autoencoder, base, dense_autoencoder, register, restored
from specimens.quantizing import Quantize
from specimens.specimen import THREAT, Specimen, following, itself, part
from tfadv.data import datasets
from tfadv.graph.reject import with_reject

ALARMS = 0.05  # of clean training images


@register
class Reroute(layers.Layer):
    """The reformed image where it differs by more than `threshold` on average, else the image.

    Meng & Chen 2017: MagNet.
    """

    def __init__(self, reformer, threshold, **options):
        super().__init__(**options)
        self.reformer, self.threshold = reformer, threshold

    def call(self, x):
        reformed = self.reformer(x)
        suspicious = difference(x, reformed) > self.threshold
        return tf.where(suspicious[:, None, None, None], reformed, x)

    def get_config(self):
        nested = keras.saving.serialize_keras_object(self.reformer)
        return super().get_config() | {"reformer": nested, "threshold": self.threshold}

    @classmethod
    def from_config(cls, config):
        return cls(keras.saving.deserialize_keras_object(config.pop("reformer")), **config)


def difference(x, reformed):
    """The mean absolute difference, (n,)."""
    return ops.mean(ops.abs(x - reformed), axis=(1, 2, 3))


def threshold(reformer):
    """What a share of `ALARMS` of the clean training images exceeds."""
    x = datasets.load("digits").train.x
    return float(np.quantile(difference(x, reformer(x)), 1 - ALARMS))


@functools.cache
def purified():
    """Nested models: an autoencoder whose code is rounded, then the base network."""
    x = keras.Input(SHAPE)
    return keras.Model(x, base()(restored(dense_autoencoder(Quantize(levels=5, name="code")), "autoencoder")(x)))


@functools.cache
def rerouted():
    reformer = autoencoder()
    x = keras.Input(SHAPE)
    return keras.Model(x, base()(Reroute(reformer, threshold(reformer), name="reroute")(x)))


@functools.cache
def rejecting():
    """A detector by what the autoencoder does not reproduce, made steep; its alarm is the highest logit."""
    x, reformer = keras.Input(SHAPE), autoencoder()
    error = ops.reshape(difference(x, reformer(x)), (-1, 1))
    alarm = layers.Rescaling(200.0, offset=-200.0 * threshold(reformer))(error)
    return with_reject(base(), keras.Model(x, alarm))


def purified_softly(model):
    network, purify = model.get_layer("base"), autoencoder()
    return lambda x: network(purify(x))


def purified_straight(model):
    """As purified, with the gradient of the identity for the whole autoencoder."""
    purify, network = model.get_layer("autoencoder"), model.get_layer("base")
    return lambda x: network(x + tf.stop_gradient(purify(x) - x))


def rounded_straight(model):
    """As purified, with the gradient of the identity for the rounding."""
    network, (_, *inner) = model.get_layer("base"), model.get_layer("autoencoder").layers

    def logits_fn(x):
        for layer in inner:
            new = layer(x)
            x = x + tf.stop_gradient(new - x) if layer.name == "code" else new
        return network(x)

    return logits_fn


def both_paths(join):
    """The classifier of the image and of the reformed image together."""

    def surrogate(model):
        reformer, network = model.get_layer("reroute").reformer, model.get_layer("base")
        return join(network, lambda x: network(reformer(x)))

    return surrogate


def reformed(model):
    return lambda x: model.get_layer("base")(model.get_layer("reroute").reformer(x))


SPECIMENS = {
    "purified": Specimen(
        purified, "linf:0.12", following(rounded_straight, purified_softly, purified_straight, part("base"))
    ),
    "rerouted": Specimen(
        rerouted, "linf:0.15", following(part("base"), both_paths(joined), both_paths(averaged), reformed, itself)
    ),
    "rejecting": Specimen(rejecting, THREAT, following(itself, restarts=3)),
}
