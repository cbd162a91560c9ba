"""Small convolutional classifiers."""

import keras
from keras import layers

from tfadv.models.parts import Parts


def lenet(image_shape: tuple[int, int, int], classes: int, *, seed: int = 0) -> keras.Model:
    """conv5-20, pool, conv5-50, pool, 500, logits; no activation after the convolutions.

    The MNIST network of Deep Defense (Yan, Guo, Zhang 2018), after MatConvNet's.

    >>> lenet((28, 28, 1), 10).count_params()
    431080
    """
    init = _seeded(seed)
    inputs = keras.Input(image_shape)
    x = layers.MaxPooling2D()(layers.Conv2D(20, 5, kernel_initializer=init())(inputs))
    x = layers.MaxPooling2D()(layers.Conv2D(50, 5, kernel_initializer=init())(x))
    x = layers.Dense(500, activation="relu", kernel_initializer=init())(layers.Flatten()(x))
    return keras.Model(inputs, _logits(x, classes, init), name="lenet")


def basicnet(
    image_shape: tuple[int, int, int],
    classes: int,
    *,
    dropout: float = 0.0,
    noise: str | None = None,
    activation: str = "relu",
    seed: int = 0,
) -> keras.Model:
    """conv5-6, pool, conv5-16, pool, 120, 84, logits, with ReLU: the network of PyTorch's tutorial on CIFAR-10.

    It scales pixels to [-1, 1], as the tutorial does. BasicNet of Bigaud, Papereux, Rolland 2021 (table 1).

    Args:
        dropout: share of what the hidden dense layers give that is dropped, in training.
        noise, activation: as `resnet_of_depth` takes them.

    >>> basicnet((32, 32, 3), 10).count_params()
    62006
    """
    parts = Parts(seed, noise, activation)
    inputs = keras.Input(image_shape)
    x = parts.pixels(inputs, 0.5, 0.5)
    for filters in (6, 16):
        x = parts.conv(x, filters, 5, padding="valid", use_bias=True, init=keras.initializers.GlorotUniform)
        x = layers.MaxPooling2D()(parts.active(x))
    x = layers.Flatten()(x)
    for width in (120, 84):
        x = parts.active(parts.dense(x, width))
        x = layers.Dropout(dropout)(x) if dropout else x
    return keras.Model(inputs, parts.logits(x, classes), name="basicnet")


def cnn(
    image_shape: tuple[int, int, int], classes: int, *, filters: tuple[int, ...] = (16, 32), seed: int = 0
) -> keras.Model:
    """Convolutions 4x4 of stride 2 with ReLU, 100, logits: the MNIST net of Wong, Rice, Kolter 2020.

    >>> cnn((28, 28, 1), 10).count_params()
    166406
    """
    init = _seeded(seed)
    inputs = x = keras.Input(image_shape)
    for width in (filters,) if isinstance(filters, int) else filters:
        x = layers.Conv2D(width, 4, strides=2, padding="same", activation="relu", kernel_initializer=init())(x)
    x = layers.Dense(100, activation="relu", kernel_initializer=init())(layers.Flatten()(x))
    return keras.Model(inputs, _logits(x, classes, init), name="cnn")


def cnn_maxpool(
    image_shape: tuple[int, int, int],
    classes: int,
    *,
    filters: tuple[int, ...] = (32, 64),
    hidden: int = 128,
    seed: int = 0,
) -> keras.Model:
    """Convolutions 3x3 with ReLU, each before a max pooling, then a dense layer and logits.

    >>> cnn_maxpool((28, 28, 1), 10).count_params()
    421642
    """
    init = _seeded(seed)
    inputs = x = keras.Input(image_shape)
    for width in (filters,) if isinstance(filters, int) else filters:
        x = layers.Conv2D(width, 3, padding="same", activation="relu", kernel_initializer=init())(x)
        x = layers.MaxPooling2D()(x)
    x = layers.Dense(hidden, activation="relu", kernel_initializer=init())(layers.Flatten()(x))
    return keras.Model(inputs, _logits(x, classes, init), name="cnn")


def _seeded(seed):
    seeds = iter(range(1000 * seed, 1000 * seed + 1000))
    return lambda: keras.initializers.GlorotUniform(next(seeds))


def _logits(x, classes, init):
    return layers.Dense(classes, dtype="float32", name="logits", kernel_initializer=init())(x)
