"""Augmentation of training batches, built from spec words: functions `(x, y, seed) -> (x, y)` of one batch.

Images are in [0, 1] and keep their shape; labels are (n,) int32, or soft, (n, classes), after `mixup`.

Keras' own layers (`RandomTranslation`, `RandomFlip`) draw from a generator that lives in the layer: in a
parallel pipeline the draws depend on which batch came first, and after a resume they start anew. Here they
are a pure function of the seed, so that a resumed run sees the same images.
"""

import tensorflow as tf

from tfadv import random
from tfadv.options import number

# Folded into the seed of a batch for the second augmentation and those after it.
LATER = 1000


def none():
    """No augmentation."""


def crop_flip(padding=4):
    """Shift by up to `padding` pixels (black comes in) and mirror half of the images, as customary on CIFAR.

    Source: K. He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, section 4.2 (padding 4).

    Raises:
        TfadvError: if padding is not a whole number from 0.
    """
    number("crop_flip: padding", padding, "a whole number of pixels from 0", lambda pixels: pixels >= 0, (int,))
    return lambda x, y, seed: (_flip(_crop(x, padding, random.key(seed, 0)), random.key(seed, 1)), y)


def cutout(size=14):
    """Paint a square of `size` pixels black, its center drawn anywhere in the image, so that it may be cut off.

    Source: DeVries, Taylor, "Improved Regularization of Convolutional Neural Networks with Cutout", 2017 (16 on
    CIFAR-10); Rice, Wong, Kolter, "Overfitting in adversarially robust deep learning", 2020 (14).

    Raises:
        TfadvError: if size is not a whole number of at least 1, and when it is called, if images are smaller.
    """
    number("cutout: size", size, "a whole number of pixels of at least 1", lambda pixels: pixels >= 1, (int,))

    def cut(x, y, seed):
        number("cutout: size", size, f"at most {min(x.shape[1:3])}, the shorter side", lambda k: k <= min(x.shape[1:3]))
        n, height, width = tf.unstack(tf.shape(x)[:3])
        rows = _inside(n, height, size, random.key(seed, 0))[:, :, None, None]
        columns = _inside(n, width, size, random.key(seed, 1))[:, None, :, None]
        return tf.where(rows & columns, 0.0, x), y

    return cut


def mixup(alpha=1.0):
    """Mix each image with another of its batch: lam x_i + (1 - lam) x_j, and so the labels; lam ~ Beta(alpha, alpha).

    One lam a batch, as in the authors' code. Attacks that train on mixed images aim away from the likelier label.

    Source: H. Zhang et al., "mixup: Beyond Empirical Risk Minimization", ICLR 2018 (1 on CIFAR-10); Rice, Wong, Kolter,
    "Overfitting in adversarially robust deep learning", 2020 (1.4).

    Raises:
        TfadvError: if alpha is not above 0.
    """
    number("mixup: alpha", alpha, "a number above 0", lambda alpha: alpha > 0)

    def mix(x, y, seed):
        drawn = tf.random.stateless_gamma([2], random.key(seed, 0), alpha)
        share = drawn[0] / tf.reduce_sum(drawn)
        others = tf.random.experimental.stateless_shuffle(tf.range(tf.shape(x)[0]), random.key(seed, 1), alg="philox")
        return tuple(share * part + (1 - share) * tf.gather(part, others) for part in (x, y))

    mix.soft = True
    return mix


def in_turn(augmentations, classes):
    """One augmentation of several, each with draws of its own; None where there is none.

    Args:
        augmentations: what the functions above return, in the order in which they are applied.
        classes: how many there are; labels become soft before the first augmentation that wants them so.
    """
    steps = [step for step in augmentations if step is not None]

    def augment(x, y, seed):
        for k, step in enumerate(steps):
            if getattr(step, "soft", False) and y.shape.rank == 1:
                y = tf.one_hot(y, classes)
            x, y = step(x, y, random.key(seed, LATER + k) if k else seed)
        return x, y

    return augment if steps else None


def _crop(x, padding, seed):
    n, height, width = tf.unstack(tf.shape(x)[:3])
    offsets = _integers((2, n, 1), seed, 2 * padding + 1)
    padded = tf.pad(x, [[0, 0], [padding, padding], [padding, padding], [0, 0]])
    rows = tf.gather(padded, offsets[0] + tf.range(height), axis=1, batch_dims=1)
    return tf.ensure_shape(tf.gather(rows, offsets[1] + tf.range(width), axis=2, batch_dims=1), x.shape)


def _flip(x, seed):
    mirrored = _integers((tf.shape(x)[0], 1, 1, 1), seed, 2) == 1
    return tf.where(mirrored, tf.reverse(x, [2]), x)


def _inside(n, length, size, seed):
    """Which places of a side lie within a window of `size` around one drawn from it: (n, length) bool."""
    first = _integers((n, 1), seed, length) - size // 2
    places = tf.range(length)[None]
    return (places >= first) & (places < first + size)


def _integers(shape, seed, bound):
    return tf.random.stateless_uniform(shape, seed, maxval=bound, dtype=tf.int32, alg="philox")
