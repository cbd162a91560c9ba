"""The exact robustness of linear classifiers: what no attack goes below, and a perfect one reaches."""

import functools

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from tfadv import boundary, gradients
from tfadv.attacks.hyperplane import displacement
from tfadv.errors import invalid
from tfadv.structure import made_of
from tfadv.threat import NORMS, flat_sum

# Layers that are linear in what they are given, if their activation is, they are not quantized, and they do not round.
# Not dropout and batch normalization: a model may have fixed them in the way they work in training.
LINEAR = (
    layers.InputLayer, layers.Flatten, layers.Reshape, layers.Permute, layers.Dense, layers.Conv2D,
    layers.DepthwiseConv2D, layers.AveragePooling2D, layers.GlobalAveragePooling2D, layers.ZeroPadding2D,
    layers.Cropping2D, layers.Rescaling, layers.Normalization, layers.Add, layers.Subtract, layers.Average,
    layers.Concatenate, layers.Activation,
)  # fmt: skip


def is_linear(model):
    """Whether the logits are linear functions of the pixels, up to a constant, as the kinds of its layers prove.

    >>> is_linear(keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(10)]))
    True
    """
    return made_of(model, _is_straight)


def _is_straight(layer):
    straight = keras.activations.linear
    return (
        type(layer) in LINEAR
        and getattr(layer, "activation", straight) is straight
        and getattr(layer, "quantization_mode", None) is None
        and layer.compute_dtype in ("float32", "float64")
    )


def linear_radius(model, x, y, norm, batch_size=500):
    """How far each image is from the nearest point of [0, 1]^d that a linear classifier gets wrong.

    The minimum over j of the distances to the hyperplanes z_y = z_j within the box. Without the box it is the margin of
    a support vector machine, min_j (z_y - z_j) / ||w_y - w_j||_q with 1/p + 1/q = 1. The robust accuracy under eps is
    the share of images whose radius is above eps.

    Args:
        model: a linear `keras.Model`, images to logits.
        x: images, (n, h, w, c) in [0, 1]; y: their labels, (n,) ints.
        norm: `"linf"`, `"l2"` or `"l1"`.

    Returns:
        The radii, (n,) float32: 0 where the model is wrong already, infinite where the box holds no point that it gets
        wrong.

    Raises:
        TfadvError: if the layers of the model do not prove that it is linear, for an unknown norm, and for images and
            labels that `tfadv.boundary` refuses.

    >>> (linear_radius(model, x, y, "linf") > 8 / 255).mean()  # doctest: +SKIP
    """
    if not is_linear(model):
        raise invalid("model", "layers that are linear in the pixels", f"{model.name!r}", "use an attack.")
    if norm not in NORMS:
        raise invalid("norm", f"one of {', '.join(NORMS)}", repr(norm))
    x = boundary.images(x)
    y = boundary.labels(y, len(x), boundary.classifier(model, x))
    images, labels = tf.TensorSpec([None, *x.shape[1:]]), tf.TensorSpec([None], tf.int32)
    radius = tf.function(functools.partial(_radius, gradients.logits_of(model), norm), [images, labels], False)
    starts = range(0, len(x), batch_size)
    return np.concatenate([radius(x[i : i + batch_size], y[i : i + batch_size]).numpy() for i in starts])


def _radius(logits_fn, norm, x, y):
    logits, pullback = gradients.logits_and_pullback(logits_fn, x)
    flat = tf.reshape(x, [tf.shape(x)[0], -1])
    nearest = tf.fill(tf.shape(y), float("inf"))
    for j in range(logits.shape[-1]):
        direction = tf.one_hot(y, logits.shape[-1]) - tf.one_hot(j, logits.shape[-1])
        lead = tf.reduce_sum(logits * direction, axis=-1)
        w = tf.reshape(pullback(direction), tf.shape(flat))
        _, length = displacement(flat, w, lead, norm)
        # As far as the box lets the lead fall: at the lower end of pixels that raise it, at the upper of the others.
        lowest = lead - flat_sum(tf.where(w > 0, w * flat, w * (flat - 1)))
        length = tf.where(lead < 0, 0.0, tf.where(lowest > 0, float("inf"), length))
        nearest = tf.where(y == j, nearest, tf.minimum(nearest, length))
    return nearest
