"""The exact robustness of linear classifiers: what no attack goes below, and a perfect one reaches."""

import functools

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from tfadv import gradients, validation
from tfadv.errors import invalid
from tfadv.graph.linear import is_linear
from tfadv.options import BATCH
from tfadv.tensors import flat_sum
from tfadv.threat import NORMS, balls


def linear_radius(
    model: keras.Model, x: ArrayLike, y: ArrayLike, norm: str, batch_size: int = BATCH, *, boxed: bool = True
) -> np.ndarray:
    """How far each image is from the nearest point that a linear classifier gets wrong.

    The minimum over j of the distances to the hyperplanes z_y = z_j within [0, 1]^d. Without the box it is the margin
    of a support vector machine, min_j (z_y - z_j) / ||w_y - w_j||_q with 1/p + 1/q = 1. The robust accuracy under eps
    is the share of images whose radius within the box is above eps.

    Args:
        model: a linear `keras.Model`, images to logits.
        x: images, (n, h, w, c) in [0, 1]; y: their labels, (n,) ints.
        norm: `"linf"`, `"l2"` or `"l1"`.
        boxed: whether the point has to be an image, with pixels in [0, 1].

    Returns:
        The radii, (n,) float32: 0 where the model is wrong already, infinite where there is no point that it gets
        wrong.

    Raises:
        TfadvError: if the layers of the model do not prove that it is linear, for an unknown norm, and for images and
            labels that `tfadv.validation` refuses.

    >>> (linear_radius(model, x, y, "linf") > 8 / 255).mean()  # doctest: +SKIP
    """
    if not is_linear(model):
        raise invalid("model", "layers that are linear in the pixels", f"{model.name!r}", "use an attack.")
    if norm not in balls():
        raise invalid("norm", f"one of {', '.join(balls())}", repr(norm))
    x = validation.images(x)
    y = validation.labels(y, len(x), validation.classifier(model, x))
    images, labels = tf.TensorSpec([None, *x.shape[1:]]), tf.TensorSpec([None], tf.int32)
    distance = _boxed_distance if boxed else _distance
    radius = tf.function(
        functools.partial(_radius, gradients.logits_of(model), functools.partial(distance, NORMS[norm](0.0))),
        [images, labels],
        False,
    )
    starts = range(0, len(x), batch_size)
    return np.concatenate([radius(x[i : i + batch_size], y[i : i + batch_size]).numpy() for i in starts])


def _radius(logits_fn, distance, x, y):
    logits, pullback = gradients.logits_and_pullback(logits_fn, x)
    flat = tf.reshape(x, [tf.shape(x)[0], -1])
    nearest = tf.fill(tf.shape(y), float("inf"))
    for j in range(logits.shape[-1]):
        direction = tf.one_hot(y, logits.shape[-1]) - tf.one_hot(j, logits.shape[-1])
        lead = tf.reduce_sum(logits * direction, axis=-1)
        w = tf.reshape(pullback(direction), tf.shape(flat))
        length = tf.where(lead <= 0, 0.0, distance(flat, w, lead))
        nearest = tf.where(y == j, nearest, tf.minimum(nearest, length))
    return nearest


def _distance(threat, x, w, lead):
    """How far x, (n, d), is from where a lead above 0 that rises along w is 0: (n,), infinite where it is nowhere."""
    return lead / threat.dual_length(w)


def _boxed_distance(threat, x, w, lead):
    """The same for points of the box."""
    _, length = threat.displacement(x, w, lead)
    # As far as the box lets the lead fall: at the lower end of pixels that raise it, at the upper of the others.
    lowest = lead - flat_sum(tf.abs(w) * threat.room(x, -tf.sign(w)))
    return tf.where(lowest > 0, float("inf"), length)
