"""The tensor words that many files need: one row an example, everything else is summed over or broadcast."""

import tensorflow as tf


def per_example(values, like):
    """Give `values` of shape (n,) the rank of `like`, so that it broadcasts over the pixels. A float does as it is."""
    return values if isinstance(values, float) else tf.reshape(values, [-1] + [1] * (len(like.shape) - 1))


def finite_or(instead, values):
    """`values` with `instead` wherever they are NaN or infinite."""
    return tf.where(tf.math.is_finite(values), values, instead)


def flat_sum(x):
    """Sum over everything but the batch: (n, ...) -> (n,)."""
    return tf.reduce_sum(x, axis=range(1, len(x.shape)))
