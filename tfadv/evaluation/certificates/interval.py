"""Which images no attack fools, as bounds prove that follow from the layers: interval bounds, then linear ones."""

import functools
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from tfadv import validation
from tfadv.errors import TfadvError
from tfadv.evaluation import metrics
from tfadv.graph.bounds import margin_bounds, numbers, proven, rounds_coarsely, unbounded
from tfadv.graph.linear_bounds import has_linear_bounds, linear_margins
from tfadv.progress import silent
from tfadv.threat import ThreatModel
from tfadv.threat.base import TOLERANCE

# More images at a time are no faster.
BATCH = 100
# That are bounded at a time: linear bounds hold some 40 bytes for each, so 0.7 GB.
NUMBERS = 2**24
COARSE = (
    "proofs are for float32, and a GPU rounds to TF32: tf.config.experimental.enable_tensor_float_32_execution(False)"
)


def refused(model: keras.Model, threat: ThreatModel) -> str | None:
    """Why bounds prove nothing of a model under a threat model; None where they may."""
    if not threat.separable:
        return f"bounds are for a threat model that moves each pixel by itself, as linf, not for {threat}"
    if found := unbounded(model):
        return f"bounds are for layers that have interval bounds, not for {found}"
    if numbers(model) > NUMBERS:
        return f"bounds are for layers of fixed size, with {NUMBERS:,} outputs an image at most"
    if rounds_coarsely():
        return COARSE
    return None


def interval_certified(
    model: keras.Model,
    x: ArrayLike,
    y: ArrayLike,
    threat: ThreatModel,
    *,
    batch_size: int = BATCH,
    progress: Callable[..., None] = silent,
) -> np.ndarray:
    """Which images the model classifies correctly wherever they are moved to, as bounds of its logits prove.

    The share of them is a lower bound of the robust accuracy: no attack, known or not, goes below it. What is not
    proven may be robust all the same; on networks that were not trained for it the bounds often prove nothing.

    Interval bounds (Gowal et al. 2019) take two forward passes. Where they prove nothing of an image that is right,
    linear bounds are tried (CROWN, Zhang et al. 2018): two forward passes and one backward a class, in float64, on
    networks that `has_linear_bounds`.

    The pixels may move by what `ThreatModel.contains` tolerates beyond ball and box, and the rounding of float32 is on
    the attacker's side (`tfadv.graph.bounds`).

    Args:
        model: a `keras.Model`, images to logits (n, classes), whose layers have bounds (`tfadv.graph.bounds`).
        x: images, (n, h, w, c) floats in [0, 1]; y: their labels, (n,) ints in [0, classes).
        threat: a threat model that moves each pixel by itself: `LInf`, `Patch`.
        batch_size: images at a time at most, fewer of large networks; at least 1. No proof depends on it.
        progress: see `tfadv.progress`; it is told how many images are done with.

    Returns:
        (n,) bool; False where the model is wrong already.

    Raises:
        TfadvError: where bounds prove nothing, as `refused` says, and for images and labels that `tfadv.validation`
            refuses.

    >>> interval_certified(model, x, y, LInf(0.1)).mean()  # doctest: +SKIP
    0.953
    """
    return Bounding(model, threat).certified(x, y, batch_size=batch_size, progress=progress)


class Bounding:
    """`interval_certified` of one model under one threat model, for images that come in blocks: traced once.

    Args:
        model, threat: as `interval_certified` takes them, and errors as it raises them.
    """

    def __init__(self, model: keras.Model, threat: ThreatModel):
        if why := refused(model, threat):
            raise TfadvError(f"{why}. Judge it by attacks.")
        self.model, self.threat, self._traced = model, threat, {}

    def certified(
        self, x: ArrayLike, y: ArrayLike, *, batch_size: int = BATCH, progress: Callable[..., None] = silent
    ) -> np.ndarray:
        """Which images are certified, (n,) bool; the arguments are those of `interval_certified`."""
        model, x = self.model, validation.images(x)
        y = validation.labels(y, len(x), validation.classifier(model, x))
        size = max(1, int(min(BATCH, batch_size, NUMBERS // max(1, numbers(model)))))
        linear, n = has_linear_bounds(model), len(x)
        # How many images are done with: linear bounds follow where interval bounds prove nothing, and take far longer.
        first = lambda seen, proven: progress("bounds", proven if linear else seen, n)  # noqa: E731
        certified = self._proven(margin_bounds, x, y, size, first)
        left = np.flatnonzero(~certified & metrics.correct(model, x, y))
        if left.size and linear:
            after = lambda seen, proven: progress("bounds", n - len(left) + seen, n)  # noqa: E731
            certified[left] = self._proven(linear_margins, x[left], y[left], size, after)
        elif linear:  # all others are wrong already
            progress("bounds", n, n)
        return certified

    def _proven(self, margins, x, y, size, tell):
        if margins not in self._traced:
            specs = tf.TensorSpec([None, *x.shape[1:]]), tf.TensorSpec([None], tf.int32)
            prove = functools.partial(_prove, margins, self.model, self.threat)
            self._traced[margins] = tf.function(prove, autograph=False).get_concrete_function(*specs)
        run, proven = self._traced[margins], np.zeros(len(x), bool)
        tell(0, 0)
        for i in range(0, len(x), size):
            at = slice(i, i + size)
            proven[at] = run(tf.constant(x[at]), tf.constant(y[at])).numpy()
            tell(min(i + size, len(x)), int(proven.sum()))
        return proven


def _prove(margins, model, threat, x, y):
    low, high = threat.region(x)
    slack = TOLERANCE * max(1.0, threat.eps)
    return proven(margins(model, low - slack, high + slack, y), y)
