"""Forward and backward passes: what an attack may cost, and what it did cost, counted in compiled loops too."""

import typing

import tensorflow as tf

# One counter for each thread that attacks at the same time: XLA locks the variables that it writes.
COUNTERS = 2
_counters = []


class Passes(typing.NamedTuple):
    """How many forward and backward passes one image costs at most; a gradient is one of each."""

    forward: int
    backward: int


def summed(*parts):
    """The `Passes` of several parts together.

    >>> summed(Passes(1, 1), Passes(2, 0))
    Passes(forward=3, backward=1)
    """
    return Passes(*map(sum, zip(*parts, strict=True)))


def counts():
    """(forward, backward): images passed since the process began, also while an attack is running."""
    return tuple(int(value) for value in sum(counter.numpy() for counter in counters()))


def counted(logits_fn, counter):
    """`logits_fn` that counts the images which pass through it, and the gradients that pass back.

    Args:
        counter: the handle of one of the `counters`, a resource tensor.
    """

    def add(forward, backward):
        tf.raw_ops.AssignAddVariableOp(resource=counter, value=tf.stack([forward, backward]))

    @tf.custom_gradient
    def passed(logits):
        def backward(upstream):
            add(tf.constant(0, tf.int64), tf.shape(upstream, tf.int64)[0])
            return upstream

        return logits, backward

    def count(x):
        add(tf.shape(x, tf.int64)[0], tf.constant(0, tf.int64))
        return passed(logits_fn(x))

    return count


def counters():
    """The variables that count, [forward, backward] each; made when they are first asked for."""
    while len(_counters) < COUNTERS:
        _counters.append(tf.Variable([0, 0], trainable=False, dtype=tf.int64))
    return _counters
