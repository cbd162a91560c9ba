"""Natural images among the crafted ones: a share of the images of each batch, or of all batches."""

from collections.abc import Callable

import tensorflow as tf

from tfadv import random
from tfadv.errors import invalid
from tfadv.options import number

UNITS = ("image", "batch")
# Folded into the seed of a step, so that who is natural does not hang together with what attacks draw from it.
SALT = 2**31 - 2


def check_share(method: str, clean: float, by: str) -> None:
    """Raises TfadvError unless `clean` is a share from 0 and below 1, and `by` is one of `UNITS`."""
    number(f"{method}: clean", clean, "a share of natural images from 0 and below 1", lambda share: 0 <= share < 1)
    if by not in UNITS:
        raise invalid(f"{method}: by", " or ".join(UNITS), repr(by))


def crafted_but_for(
    clean: float, by: str, craft: Callable[[tf.Tensor, tf.Tensor], tf.Tensor], x: tf.Tensor, y: tf.Tensor, seed
) -> tf.Tensor:
    """What `craft` makes of the images, but for a share that stays as it is and costs nothing.

    Args:
        clean: the share; of the images of each batch (rounded, but neither none nor all; a single image is crafted), or
            the probability of a batch that none of its images is crafted.
        by: `"image"` or `"batch"`.
        craft: images (n, h, w, c) and labels (n,) to images.
        seed: of this step, (2,) int32.
    """
    if not clean:
        return craft(x, y)
    seed = random.key(seed, SALT)
    if by == "batch":
        return tf.cond(random.uniform([1], seed)[0] < clean, lambda: x, lambda: craft(x, y))
    n = x.shape[0] or tf.shape(x)[0]
    # A number where the size of the batch is known: XLA needs it.
    natural = min(max(1, round(clean * n)), n - 1) if isinstance(n, int) else _natural(clean, n)
    at = tf.argsort(random.uniform([n], seed))[natural:, None]
    return tf.tensor_scatter_nd_update(x, at, craft(tf.gather_nd(x, at), tf.gather_nd(y, at)))


def _natural(clean, n):
    return tf.minimum(tf.maximum(1, tf.cast(tf.round(clean * tf.cast(n, tf.float32)), tf.int32)), n - 1)
