"""Forward and backward passes: what an attack may cost, and what it did cost, counted in compiled loops too."""

import typing

import tensorflow as tf

_counts = []


class Passes(typing.NamedTuple):
    """How many forward and backward passes one image costs at most; a gradient is one of each."""

    forward: int
    backward: int


def counts():
    """(forward, backward): images passed since the process began, also while an attack is running.

    The first call must come before what it counts is traced: `tf.function` traces again where variables were made.
    """
    return tuple(int(value) for value in _variable().numpy())


def counted(logits_fn):
    """`logits_fn` that counts the images which pass through it, and the gradients that pass back."""
    variable = _variable()

    @tf.custom_gradient
    def passed(logits):
        def backward(upstream):
            variable.assign_add([0, tf.shape(upstream, tf.int64)[0]])
            return upstream

        return logits, backward

    def count(x):
        variable.assign_add([tf.shape(x, tf.int64)[0], 0])
        return passed(logits_fn(x))

    return count


def _variable():
    if not _counts:
        _counts.append(tf.Variable([0, 0], trainable=False, dtype=tf.int64))
    return _counts[0]
