"""Tiny classifiers that many tests share, each trained or built once a session, and the digits they see."""

import functools
import random as of_python

import keras
from keras import layers, ops

from tfadv import models, random


@functools.cache
def digits():
    from sklearn.datasets import load_digits

    data = load_digits()
    return (data.images[..., None] / 16).astype("float32"), data.target.astype("int32")


def trained(model, epochs, x=None):
    """Trained on the digits, or on what is made of each of them."""
    pixels, y = digits()
    x = pixels if x is None else x
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss=loss)
    model.fit(x[:1000], y[:1000], batch_size=50, epochs=epochs, shuffle=False, verbose=0)
    return model


def batchnorm_dropout():
    stack = [
        layers.Flatten(),
        layers.Dense(32),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.Dropout(0.5),
    ]
    return keras.Sequential([keras.Input((8, 8, 1)), *stack, layers.Dense(10)])


def ends_in_softmax():
    return keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(10, activation="softmax")])


def constant():
    zeros = layers.Dense(10, kernel_initializer="zeros", bias_initializer=keras.initializers.RandomNormal(seed=1))
    return keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), zeros])


def saturated(model):
    return keras.Model(model.input, layers.Rescaling(1e4)(model.output))


def nan_gradients(image_shape=(8, 8, 1), classes=10):
    """Finite logits; gradients are NaN where a pixel is below 0.5 and infinite where it is 0."""
    x = keras.Input(image_shape)
    roots = ops.concatenate([ops.sqrt(ops.relu(x - 0.5)), ops.sqrt(x)], axis=-1)
    return keras.Model(x, layers.Dense(classes, kernel_initializer=normal(3))(layers.Flatten()(roots)))


def two_classes():
    return keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(2, kernel_initializer=normal(4))])


def normal(seed):
    return keras.initializers.RandomNormal(stddev=0.5, seed=seed)


def autoencoder():
    model, x = models.build("ae(latent=16)", (8, 8, 1), 10), digits()[0][:1000]
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss="mse")
    model.fit(x, x, batch_size=50, epochs=15, shuffle=False, verbose=0)
    return model


MODELS = {
    "linear": lambda: trained(models.build("linear", (8, 8, 1), 10), 3),
    "mlp": lambda: trained(models.build("mlp(hidden=32, init=glorot)", (8, 8, 1), 10), 8),
    "cnn": lambda: trained(models.build("cnn(filters=(8, 16))", (8, 8, 1), 10), 3),
    "batchnorm_dropout": lambda: trained(batchnorm_dropout(), 2),
    "autoencoder": autoencoder,
    "vae": lambda: models.build("vae(latent=4, hidden=8)", (8, 8, 1), 10),
    "softmax": ends_in_softmax,
    "saturated": lambda: saturated(classifier("mlp")),
    "constant": constant,
    "nan_gradients": nan_gradients,
    "two_classes": two_classes,
}


@functools.cache
def classifier(name):
    return drawn(1, MODELS[name])


def drawn(seed, make):
    """What is made with this seed, whatever was drawn before; what is drawn afterwards does not hang on it either."""
    state = of_python.getstate()
    random.seed_python(seed)
    made = make()
    of_python.setstate(state)
    return made
