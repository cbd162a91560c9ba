"""Which images no attack fools, as bounds prove that follow from the layers: interval bounds, then linear ones."""

import functools

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from tfadv import validation
from tfadv.errors import invalid
from tfadv.evaluation import metrics
from tfadv.graph.bounds import margin_bounds, proven, unbounded
from tfadv.graph.linear_bounds import has_linear_bounds, linear_margins
from tfadv.threat import ThreatModel
from tfadv.threat.base import TOLERANCE

# More at a time is no faster, and takes the memory of a kernel of the last layer for each image.
BATCH = 100


def bounds_apply(model: keras.Model, threat: ThreatModel) -> bool:
    """Whether the layers of a model have interval bounds, and each pixel moves by itself under a threat model."""
    return threat.separable and unbounded(model) is None


def interval_certified(model: keras.Model, x: ArrayLike, y: ArrayLike, threat: ThreatModel) -> np.ndarray:
    """Which images the model classifies correctly wherever they are moved to, as bounds of its logits prove.

    The share of them is a lower bound of the robust accuracy: no attack, known or not, goes below it. What is not
    proven may be robust all the same; on networks that were not trained for it the bounds often prove nothing.

    Interval bounds take two forward passes. Where they prove nothing of an image, linear bounds are tried (CROWN) on
    networks of dense and convolutional layers with ReLU, which take a backward pass a class.

    The pixels may move by what `ThreatModel.contains` tolerates beyond ball and box, and the rounding of float32 is on
    the attacker's side (`tfadv.graph.bounds`).

    Args:
        model: a `keras.Model`, images to logits, whose layers have bounds.
        x: images, (n, h, w, c) in the box; y: their labels, (n,) ints.
        threat: a threat model that moves each pixel by itself: `LInf`, `Patch`.

    Returns:
        (n,) bool.

    Raises:
        TfadvError: for a layer without bounds, which is named, for another threat model, and for images and labels
            that `tfadv.validation` refuses.

    >>> interval_certified(model, x, y, LInf(0.1)).mean()  # doctest: +SKIP
    0.953
    """
    if not threat.separable:
        raise invalid("threat", "one that moves each pixel by itself, as linf", str(threat), "judge it by attacks.")
    x = validation.images(x)
    y = validation.labels(y, len(x), validation.classifier(model, x))
    certified = _proven(margin_bounds, model, x, y, threat)
    left = np.flatnonzero(~certified & metrics.correct(model, x, y))
    if left.size and has_linear_bounds(model):
        certified[left] = _proven(linear_margins, model, x[left], y[left], threat)
    return certified


def _proven(margins, model, x, y, threat):
    # A partial, as TensorFlow takes functions of one name for one function that is traced again and again.
    prove = functools.partial(_prove, margins, model, threat)
    run = tf.function(prove, [tf.TensorSpec([None, *x.shape[1:]]), tf.TensorSpec([None], tf.int32)], False)
    return np.concatenate([run(x[i : i + BATCH], y[i : i + BATCH]).numpy() for i in range(0, len(x), BATCH)])


def _prove(margins, model, threat, x, y):
    low, high = threat.region(x)
    slack = TOLERANCE * max(1.0, threat.eps)
    return proven(margins(model, low - slack, high + slack, y), y)
