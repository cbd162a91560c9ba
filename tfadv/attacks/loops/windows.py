"""Random windows and signs, as random search proposes them: each example has its own."""

import tensorflow as tf


def places(draws, side, length):
    """Where a window of this side begins, each place equally likely; `draws` in (0, 1), (n,), to (n,) int32.

    A window that is longer than the axis begins at 0 or before, and covers all of it.
    """
    return tf.cast(draws * tf.cast(length - side + 1, tf.float32), tf.int32)


def between(draws, side, length):
    """1.0 within a window and 0.0 beside it, along one axis: (n, length)."""
    first, at = places(draws, side, length), tf.range(length)
    return tf.cast((at >= first[:, None]) & (at < (first + side)[:, None]), tf.float32)


def within(draws, side, first, length, whole):
    """`between` in the part of an axis that begins at `first` and has this length, 0.0 beside it: (n, whole)."""
    return tf.pad(between(draws, side, length), [(0, 0), (first, whole - first - length)])


def pixels(draws, side, height, width):
    """The pixels of a square window, counted through the whole batch; `draws`, (n, 2), to (n, side, side) int32.

    In images of one column the window has one as well, (n, side, 1).
    """
    across = 1 if width == 1 else side
    top, left = places(draws[:, 0], side, height), places(draws[:, 1], across, width)
    first = (tf.range(tf.shape(draws)[0]) * height + top) * width + left
    return first[:, None, None] + tf.range(side)[:, None] * width + tf.range(across)


def signs(draws):
    """1.0 or -1.0."""
    return tf.where(draws < 0.5, -1.0, 1.0)
