"""Honest networks: what the standard attacks find is all there is, and nothing about them is to be warned of."""

import functools

import keras
from keras import layers

from specimens import networks
from specimens.networks import SHAPE, cnn, mlp, restored
from specimens.specimen import THREAT, Specimen, following, itself

PLAIN = "linf:0.1"


def linear():
    return mlp((), name="linear")


def batch_normalized():
    return cnn(before=layers.BatchNormalization, name="batch_normalized")


def max_pooled():
    x = inputs = keras.Input(SHAPE)
    for filters in (8, 16):
        x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
        x = layers.MaxPooling2D()(x)
    return keras.Model(inputs, layers.Dense(10)(layers.Flatten()(x)), name="max_pooled")


def deep():
    """Four residual blocks, nine convolutions."""

    def convolved(x, filters, strides=1):
        return layers.BatchNormalization()(layers.Conv2D(filters, 3, strides=strides, padding="same")(x))

    x = inputs = keras.Input(SHAPE)
    x = layers.ReLU()(convolved(x, 8))
    for filters, strides in ((8, 1), (12, 2), (12, 1), (16, 2)):
        way = convolved(layers.ReLU()(convolved(x, filters, strides)), filters)
        if strides > 1:
            x = layers.Conv2D(filters, 1, strides=strides)(x)
        x = layers.ReLU()(layers.Add()([x, way]))
    return keras.Model(inputs, layers.Dense(10)(layers.Flatten()(x)), name="deep")


@functools.cache
def trained(name, build):
    return restored(build(), name)


def honest(name, build, threat):
    return Specimen(functools.partial(trained, name, build), threat, following(itself, restarts=2))


CONTROLS = {
    "plain": honest("plain", cnn, PLAIN),
    "base": Specimen(functools.cache(networks.base), THREAT, following(itself, restarts=2)),
    "trades": honest("trades", cnn, THREAT),
    "linear": honest("linear", linear, PLAIN),
    "mlp": honest("mlp", mlp, THREAT),
    "batch_normalized": honest("batch_normalized", batch_normalized, THREAT),
    "deep": honest("deep", deep, THREAT),
    "max_pooled": honest("max_pooled", max_pooled, "linf:0.15"),
}
