"""Defenses that optimize at test time: the image is moved towards its own prediction before it is classified.

Alfarra et al. 2021: Combating adversaries with anti-adversaries. What an attack gains on the network behind it, the
defense makes firmer: attack that network.
"""

import functools

import keras
import tensorflow as tf
from keras import layers, ops

from specimens.networks import SHAPE, base, behind, register
from specimens.noisy import TestTimeNoise
from specimens.specimen import THREAT, Specimen, following, itself


def moved(network, x, steps, size):
    """x after signed steps that lower the cross-entropy of the network's prediction for x."""
    predicted = tf.argmax(network(x), axis=-1)
    for _ in range(steps):
        with tf.GradientTape() as tape:
            tape.watch(x)
            surprise = tf.nn.sparse_softmax_cross_entropy_with_logits(predicted, network(x))
        x = x - size * tf.sign(tape.gradient(surprise, x))
    return x


@register
class AntiAdversary(keras.Model):
    """As published: two steps, without a gradient of their own."""

    def __init__(self, network, steps=2, size=0.15, **options):
        super().__init__(**options)
        self.network, self.steps, self.size = network, steps, size

    def call(self, x):
        return self.network(x + tf.stop_gradient(moved(self.network, x, self.steps, self.size) - x))

    def get_config(self):
        nested = keras.saving.serialize_keras_object(self.network)
        return {"network": nested, "steps": self.steps, "size": self.size, "name": self.name}

    @classmethod
    def from_config(cls, config):
        return cls(keras.saving.deserialize_keras_object(config.pop("network")), **config)


@register
class Firmer(layers.Layer):
    """The logits of a network at an image moved towards its prediction, as a layer of a functional model."""

    def __init__(self, inner, steps=3, size=0.1, **options):
        super().__init__(**options)
        self.inner, self.steps, self.size = inner, steps, size

    def call(self, x):
        return self.inner(ops.stop_gradient(moved(self.inner, x, self.steps, self.size) - x) + x)

    def get_config(self):
        own = {"inner": keras.saving.serialize_keras_object(self.inner), "steps": self.steps, "size": self.size}
        return super().get_config() | own

    @classmethod
    def from_config(cls, config):
        return cls(keras.saving.deserialize_keras_object(config.pop("inner")), **config)


@functools.cache
def anti_adversary():
    model = AntiAdversary(base())
    model.build((None, *SHAPE))
    return model


@functools.cache
def anti_adversary_with_noise():
    """Behind noise that changes no clean prediction."""
    return behind(TestTimeNoise(0.02), Firmer(base(), name="firmer"))


def hidden_network(model):
    return model.get_layer("firmer").inner


SPECIMENS = {
    "anti_adversary": Specimen(anti_adversary, THREAT, following(lambda model: model.network, itself)),
    "anti_adversary_with_noise": Specimen(
        anti_adversary_with_noise, THREAT, following(hidden_network, steps=30, goals=4, draws=10)
    ),
}
