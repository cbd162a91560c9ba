"""Defenses that round or smooth the image: their gradients are zero or missing, and the identity stands in for them."""

import functools

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from specimens.networks import SHAPE, base, behind, register, restored
from specimens.specimen import THREAT, Specimen, following, itself, part


@register
class Quantize(layers.Layer):
    """Few gray levels (Xu et al. 2018: feature squeezing)."""

    def __init__(self, levels=4, **options):
        super().__init__(**options)
        self.levels = levels

    def call(self, x):
        return ops.round(x * self.levels) / self.levels

    def get_config(self):
        return super().get_config() | {"levels": self.levels}


@register
class BlockCosines(layers.Layer):
    """JPEG's way with one block of 8 x 8 pixels: cosine coefficients, rounded to multiples of `step` (Guo et al. 2018).

    High frequencies are rounded more coarsely.
    """

    def __init__(self, step=0.25, **options):
        super().__init__(**options)
        self.step = step
        k = np.arange(8)
        basis = np.sqrt(2 / 8) * np.cos(np.pi * (2 * k + 1) * k[:, None] / 16)
        basis[0] /= np.sqrt(2)
        self.basis = basis.astype("float32")
        self.steps = (step * (1 + (k[:, None] + k) / 4)).astype("float32")

    def call(self, x):
        cosines = ops.einsum("ij,njkc,lk->nilc", self.basis, x, self.basis)
        steps = self.steps[:, :, None]
        return ops.einsum("ij,nikc,kl->njlc", self.basis, ops.round(cosines / steps) * steps, self.basis)

    def get_config(self):
        return super().get_config() | {"step": self.step}


@register
class DeadZone(layers.Layer):
    """What differs little from the mean of its neighborhood becomes that mean."""

    def __init__(self, width=0.2, **options):
        super().__init__(**options)
        self.width = width
        self.mean = layers.AveragePooling2D(3, strides=1, padding="same")

    def call(self, x):
        detail = x - self.mean(x)
        return x - detail + ops.where(ops.abs(detail) > self.width, detail, 0.0)

    def get_config(self):
        return super().get_config() | {"width": self.width}


@register
class SmoothedVariation(keras.Model):
    """A few steps down the total variation of the image before it is classified (Guo et al. 2018).

    A subclassed model that holds its classifier.
    """

    def __init__(self, classifier, steps=4, size=0.05, **options):
        super().__init__(**options)
        self.classifier, self.steps, self.size = classifier, steps, size

    def call(self, x):
        return self.classifier(self.smooth(x))

    def smooth(self, x):
        """The image as it is classified."""
        for _ in range(self.steps):
            x = x - self.size * self.slope(x)
        return ops.round(x * 8) / 8

    def slope(self, x):
        """The sign of each pixel less its four neighbors, on average."""
        around = ops.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], mode="reflect")
        shifted = around[:, :-2, 1:-1], around[:, 2:, 1:-1], around[:, 1:-1, :-2], around[:, 1:-1, 2:]
        return sum(ops.sign(x - other) for other in shifted) / 4

    def get_config(self):
        nested = keras.saving.serialize_keras_object(self.classifier)
        return {"classifier": nested, "steps": self.steps, "size": self.size, "name": self.name}

    @classmethod
    def from_config(cls, config):
        return cls(keras.saving.deserialize_keras_object(config.pop("classifier")), **config)


@register
class Thermometer(layers.Layer):
    """Each pixel as 8 bits, bit k saying whether it is above k / 8 (Buckman et al. 2018)."""

    def __init__(self, levels=8, hard=True, **options):
        super().__init__(**options)
        self.levels, self.hard = levels, hard

    def call(self, x):
        above = x - ops.arange(self.levels, dtype="float32") / self.levels
        return ops.cast(above > 0, "float32") if self.hard else ops.clip(above * self.levels, 0.0, 1.0)

    def get_config(self):
        return super().get_config() | {"levels": self.levels, "hard": self.hard}


@functools.cache
def quantized():
    return behind(Quantize(), base())


@functools.cache
def jpeg():
    return behind(BlockCosines(), base())


@functools.cache
def dead_zone():
    return behind(DeadZone(), base())


@functools.cache
def smoothed_variation():
    model = SmoothedVariation(base())
    model.build((None, *SHAPE))
    return model


def thermometer_network(hard=False):
    """Trained with soft bits."""
    inputs = keras.Input(SHAPE)
    x = layers.Conv2D(8, 3, padding="same", activation="relu")(Thermometer(hard=hard, name="thermometer")(inputs))
    x = layers.Conv2D(16, 3, strides=2, padding="same", activation="relu")(x)
    return keras.Model(inputs, layers.Dense(10)(layers.Flatten()(x)))


@functools.cache
def thermometer():
    return restored(thermometer_network(hard=True), "thermometer")


def identity_for(defense, network):
    """A classifier behind a defense that keeps the shape, which has the gradient of the identity."""
    return lambda x: network(x + tf.stop_gradient(defense(x) - x))


def identity_for_the_first(model):
    """Of a functional model of a layer and the classifier."""
    return identity_for(model.layers[1], model.get_layer("base"))


def identity_for_smoothing(model):
    return identity_for(model.smooth, model.classifier)


def soft_bits(model):
    return restored(thermometer_network(hard=False), "thermometer")


def hard_bits_soft_gradient(model):
    """The bits as they are, with the gradient of the soft ones; what comes after them is the model's own."""
    hard = model.get_layer("thermometer")
    soft, *after = Thermometer(hard=False), *model.layers[2:]

    def logits_fn(x):
        bits = soft(x) + tf.stop_gradient(hard(x) - soft(x))
        for layer in after:
            bits = layer(bits)
        return bits

    return logits_fn


SMALLER = "linf:0.15"  # rounding leaves little at 0.2
BEHIND = following(identity_for_the_first, part("base"))
SPECIMENS = {
    "quantized": Specimen(quantized, SMALLER, BEHIND),
    "jpeg": Specimen(jpeg, SMALLER, BEHIND),
    "dead_zone": Specimen(dead_zone, SMALLER, following(identity_for_the_first, itself, part("base"))),
    "smoothed_variation": Specimen(
        smoothed_variation, SMALLER, following(identity_for_smoothing, lambda model: model.classifier)
    ),
    "thermometer": Specimen(thermometer, THREAT, following(hard_bits_soft_gradient, soft_bits)),
}
