"""Augmentation of training batches: `(x, seed) -> x`, images in [0, 1], shape kept; built from a spec word.

Keras' own layers (`RandomTranslation`, `RandomFlip`) draw from a generator that lives in the layer: in a
parallel pipeline the draws depend on which batch came first, and after a resume they start anew. Here they
are a pure function of the seed, so that a resumed run sees the same images.
"""

import tensorflow as tf

from tfadv import random
from tfadv.errors import invalid


def none():
    """No augmentation."""


def crop_flip(padding=4):
    """Shift by up to `padding` pixels (black comes in) and mirror half of the images, as customary on CIFAR.

    Source: K. He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, section 4.2 (padding 4).

    Raises:
        TfadvError: if padding is not a whole number from 0.
    """
    if not isinstance(padding, int) or padding < 0:
        raise invalid("padding", "a whole number of pixels from 0", padding)
    return lambda x, seed: _flip(_crop(x, padding, random.key(seed, 0)), random.key(seed, 1))


def _crop(x, padding, seed):
    n, height, width = tf.unstack(tf.shape(x)[:3])
    offsets = _integers((2, n, 1), seed, 2 * padding + 1)
    padded = tf.pad(x, [[0, 0], [padding, padding], [padding, padding], [0, 0]])
    rows = tf.gather(padded, offsets[0] + tf.range(height), axis=1, batch_dims=1)
    return tf.ensure_shape(tf.gather(rows, offsets[1] + tf.range(width), axis=2, batch_dims=1), x.shape)


def _flip(x, seed):
    mirrored = _integers((tf.shape(x)[0], 1, 1, 1), seed, 2) == 1
    return tf.where(mirrored, tf.reverse(x, [2]), x)


def _integers(shape, seed, bound):
    return tf.random.stateless_uniform(shape, seed, maxval=bound, dtype=tf.int32, alg="philox")
