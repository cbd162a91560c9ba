"""The networks that specimens are made of, and their weights, which `train.py` makes."""

from pathlib import Path

import keras
import numpy as np
from keras import layers

WEIGHTS = Path(__file__).with_name("weights")
SHAPE = (8, 8, 1)
register = keras.saving.register_keras_serializable("specimens")


def restored(model, name):
    """The model with the trained weights of this name."""
    with np.load(WEIGHTS / f"{name}.npz", allow_pickle=False) as stored:
        model.set_weights([stored[key].astype("float32") for key in sorted(stored.files)])
    return model


def base():
    """The network behind most defenses: `cnn`, trained with PGD."""
    return restored(cnn(), "base")


def autoencoder():
    """Images to images, trained to remove noise."""
    return restored(dense_autoencoder(), "autoencoder")


def cnn(activation=layers.ReLU, before=None, shape=SHAPE, name="base"):
    """Two convolutions and the logits: 3,818 parameters.

    Args:
        activation: makes the layer after each convolution.
        before: makes a layer between the convolution and its activation, or None.
        shape: of the images.
    """
    x = inputs = keras.Input(shape)
    for filters, strides in ((8, 1), (16, 2)):
        x = layers.Conv2D(filters, 3, strides=strides, padding="same")(x)
        x = activation()(x if before is None else before()(x))
    return keras.Model(inputs, layers.Dense(10, name="logits")(layers.Flatten()(x)), name=name)


def mlp(hidden=(24,), outputs=10, name="mlp"):
    """Dense layers with ReLU, then the logits."""
    stack = [layers.Dense(width, activation="relu") for width in hidden]
    return keras.Sequential([keras.Input(SHAPE), layers.Flatten(), *stack, layers.Dense(outputs)], name=name)


def dense_autoencoder(code=None):
    """64 pixels to 20 numbers and back to pixels in [0, 1].

    Args:
        code: a layer that the 20 numbers, each in [0, 1], pass through, or None.
    """
    x = inputs = keras.Input(SHAPE)
    x = layers.Dense(20, activation="sigmoid")(layers.Flatten()(x))
    x = layers.Dense(64, activation="sigmoid")(x if code is None else code(x))
    return keras.Model(inputs, layers.Reshape(SHAPE)(x), name="autoencoder")


def behind(layer, network):
    """A functional model of a layer and a network nested in it."""
    x = keras.Input(SHAPE)
    return keras.Model(x, network(layer(x)))
