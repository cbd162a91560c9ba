"""Random numbers as pure functions of a seed: alike with and without XLA, on any device, after any resume."""

import numbers
import random

import numpy as np
import tensorflow as tf


def key(seed, *salts):
    """A stateless seed, shape (2,) int32, from an integer (or a seed) and integers folded into it.

    All 64 bits of a Python integer count.
    """
    if isinstance(seed, numbers.Integral):
        seed = [_signed(seed), _signed(int(seed) >> 32)]
    pair = tf.cast(seed, tf.int32)
    if pair.shape.rank == 0:
        pair = tf.stack([pair, 0])
    for salt in salts:
        # The default algorithm is another one under XLA.
        pair = tf.random.experimental.stateless_fold_in(pair, tf.cast(salt, tf.int32), alg="philox")
    return pair


def _signed(value):
    """The low 32 bits as an int32."""
    return ((int(value) + 2**31) & 0xFFFFFFFF) - 2**31


def uniform(shape, seed):
    """Uniform draws in (0, 1) of 16 bits, float32: two from each word, as drawing is what a short attack waits for.

    Integers are drawn and scaled: float draws with a run-time seed differ between XLA and plain TensorFlow.
    """
    size = tf.reduce_prod(shape)
    words = tf.random.stateless_uniform([(size + 1) // 2], seed, minval=None, maxval=None, dtype=tf.int32, alg="philox")
    halves = tf.reshape(tf.bitcast(words, tf.uint16), [-1])[:size]
    return (tf.cast(tf.reshape(halves, shape), tf.float32) + 0.5) * 2.0**-16


def normal(shape, seed):
    """Standard normal draws, float32, by the inverse of the normal distribution function."""
    return tf.math.ndtri(uniform(shape, seed))


def seed_python(seed):
    """Begin Python's and NumPy's random numbers anew: all that Keras' own layers draw follows from Python's.

    `keras.utils.set_random_seed` sets TensorFlow's seed too, and then TensorFlow forgets how to run what is compiled:
    each attack is optimized once more, which takes longer than to trace it.
    """
    random.seed(seed)
    np.random.seed(seed)
