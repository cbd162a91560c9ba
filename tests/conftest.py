"""What many tests share: a few digits and tiny classifiers, each trained or built once a session."""

import functools
import os

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from tfadv import models


def pytest_collection_modifyitems(items):
    if os.environ.get("TFDS_DATA_DIR"):
        return
    skip = pytest.mark.skip(reason="needs prepared data sets: set TFDS_DATA_DIR")
    for item in items:
        if item.get_closest_marker("real_data"):
            item.add_marker(skip)


@functools.cache
def digits():
    from sklearn.datasets import load_digits

    data = load_digits()
    return (data.images[..., None] / 16).astype("float32"), data.target.astype("int32")


def trained(model, epochs):
    x, y = digits()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss=loss)
    model.fit(x[:1000], y[:1000], batch_size=50, epochs=epochs, verbose=0)
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


MODELS = {
    "linear": lambda: trained(models.build("linear", (8, 8, 1), 10), 3),
    "mlp": lambda: trained(models.build("mlp(hidden=32, init=glorot)", (8, 8, 1), 10), 8),
    "cnn": lambda: trained(models.build("cnn(filters=(8, 16))", (8, 8, 1), 10), 3),
    "batchnorm_dropout": lambda: trained(batchnorm_dropout(), 2),
    "softmax": ends_in_softmax,
    "saturated": lambda: saturated(classifier("mlp")),
    "constant": constant,
    "nan_gradients": nan_gradients,
    "two_classes": two_classes,
}


@functools.cache
def classifier(name):
    keras.utils.set_random_seed(1)
    return MODELS[name]()


@pytest.fixture(scope="session")
def classifiers():
    """A function from a name of `MODELS` to that model, built once."""
    return classifier


@pytest.fixture(scope="session")
def images():
    """32 digits the classifiers were not trained on, (32, 8, 8, 1)."""
    return digits()[0][1000:1032]


@pytest.fixture(scope="session")
def labels():
    return digits()[1][1000:1032]


@pytest.fixture(scope="session")
def gray():
    """16 images so far from 0 and 1 that no attack within 0.2 meets the box, (16, 8, 8, 1)."""
    return np.random.default_rng(0).uniform(0.4, 0.6, (16, 8, 8, 1)).astype("float32")


@pytest.fixture(scope="session")
def predict():
    """A function from a model and images to predicted labels, int32."""
    return lambda model, x: tf.argmax(model(x, training=False), -1, output_type=tf.int32).numpy()
