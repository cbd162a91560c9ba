"""Fully connected classifiers."""

import keras
import numpy as np
from keras import layers

from tfadv.errors import TfadvError, invalid


def linear(
    image_shape: tuple[int, int, int],
    classes: int,
    *,
    center: bool = False,
    images: np.ndarray | None = None,
    seed: int = 0,
) -> keras.Model:
    """One affine layer: the classifier on which every attack has a closed form.

    With `--loss hinge` and weight decay it is a multi-class support vector machine.

    Args:
        center: subtract the mean of the training images.

    >>> linear((8, 8, 1), 10).count_params()
    650
    """
    inputs = x = keras.Input(image_shape)
    if center:
        x = centered(x, images)
    logits = _logits(layers.Flatten()(x), classes, keras.initializers.GlorotUniform(seed))
    return keras.Model(inputs, logits, name="linear")


def mlp(
    image_shape: tuple[int, int, int],
    classes: int,
    *,
    hidden: tuple[int, ...] = (100,),
    init: str = "truncated_normal",
    activation: str | tuple[str, ...] = "relu",
    seed: int = 0,
) -> keras.Model:
    """784-100-10 with ReLU and weights and biases from a truncated normal distribution of deviation 0.01.

    The network of Deng, Zhang, Zhao 2019 (section 2.2.1).

    Args:
        hidden: widths of the hidden layers.
        init: `"truncated_normal"` (deviation 0.01) or `"glorot"`.
        activation: of the hidden layers, `"relu"` or `"linear"`, or one for each of them.

    >>> mlp((28, 28, 1), 10).count_params()
    79510
    """
    if isinstance(hidden, int):
        hidden = (hidden,)
    if not hidden or not all(isinstance(width, int) and width > 0 for width in hidden):
        raise invalid("mlp: hidden", "widths of at least 1, e.g. (500, 150)", repr(hidden))
    if init not in ("truncated_normal", "glorot"):
        raise invalid("mlp: init", "truncated_normal or glorot", repr(init))
    kinds = (activation,) * len(hidden) if isinstance(activation, str) else activation
    if len(kinds) != len(hidden) or not {*kinds} <= {"relu", "linear"}:
        expected = f"relu or linear, or one for each of the {len(hidden)} hidden layers"
        raise invalid("mlp: activation", expected, repr(activation))
    seeds = iter(range(1000 * seed, 1000 * seed + 1000))
    draw = lambda: _initializer(init, next(seeds))  # noqa: E731
    bias = draw if init == "truncated_normal" else keras.initializers.Zeros
    inputs = keras.Input(image_shape)
    x = layers.Flatten()(inputs)
    for width, kind in zip(hidden, kinds, strict=True):
        x = layers.Dense(width, activation=kind, kernel_initializer=draw(), bias_initializer=bias())(x)
    return keras.Model(inputs, _logits(x, classes, draw(), bias()), name="mlp")


def mlp_mnist(image_shape: tuple[int, int, int], classes: int, *, seed: int = 0) -> keras.Model:
    """784-500-150-10, the MNIST network of Deep Defense (Yan, Guo, Zhang 2018).

    >>> mlp_mnist((28, 28, 1), 10).count_params()
    469160
    """
    return mlp(image_shape, classes, hidden=(500, 150), init="glorot", seed=seed)


def centered(x: keras.KerasTensor, images: np.ndarray | None) -> keras.KerasTensor:
    """Images (n, h, w, c) less the mean of these, by a layer of Keras' own that holds it.

    Args:
        images: (m, h, w, c), uint8 or float in [0, 1].

    Raises:
        TfadvError: if there are none.
    """
    mean = mean_image(images)
    return layers.Normalization(axis=(1, 2, 3), mean=mean, variance=np.ones_like(mean), name="mean_image")(x)


def mean_image(images: np.ndarray | None) -> np.ndarray:
    """The mean of images (m, h, w, c), uint8 or float in [0, 1]: (h, w, c) float32 in [0, 1].

    Raises:
        TfadvError: if there are none.
    """
    if images is None:
        raise TfadvError("the model subtracts the mean of its training images: build(..., images=x_train) gives them.")
    mean = np.mean(images, axis=0, dtype=np.float64)
    return (mean / 255 if images.dtype == np.uint8 else mean).astype(np.float32)


def _initializer(name, seed):
    if name == "glorot":
        return keras.initializers.GlorotUniform(seed)
    return keras.initializers.TruncatedNormal(stddev=0.01, seed=seed)


def _logits(x, classes, kernel, bias="zeros"):
    return layers.Dense(classes, dtype="float32", name="logits", kernel_initializer=kernel, bias_initializer=bias)(x)
