"""Batches for training and evaluation, a pure function of (seed, epoch, step): resumed runs are exact."""

import tensorflow as tf

from tfadv import random
from tfadv.errors import invalid

FOREVER = 2**31 - 1  # epochs are folded into seeds as int32


def batches(split, batch_size, *, seed=0, epochs=None, first_epoch=0, shuffle=True, drop_remainder=True, augment=None):
    """Training batches `(x, y)`: x float32 in [0, 1], y int32, or soft as the augmentation makes them.

    Args:
        split: a Split; its arrays stay in memory as they are stored, and batches are cut out and scaled.
        seed: with the epoch it determines the order, with epoch and step the augmentation.
        epochs: how many to yield, counted from `first_epoch`; None never ends (`fit` needs steps_per_epoch).
        first_epoch: where to go on after an interruption; add `.skip(step)` to go on in mid-epoch.
        drop_remainder: leave out the examples that fill no batch: others in every epoch, as each is shuffled.
        augment: `(x, y, seed) -> (x, y)`, as the registry AUGMENTATIONS builds them, or None.

    Raises:
        TfadvError: for a batch size below 1, or above the number of examples where the remainder is dropped.

    >>> from tfadv.data.datasets import load
    >>> next(iter(batches(load("digits").train, 128)))[0].shape
    TensorShape([128, 8, 8, 1])
    """
    n = len(split)
    steps = steps_per_epoch(n, batch_size, drop_remainder)
    last = FOREVER if epochs is None else first_epoch + epochs
    fetch = _fetcher(split, batch_size if drop_remainder else None, seed, augment)

    def epoch_steps(epoch):
        order = _permutation(n, seed, epoch) if shuffle else tf.range(n)
        steps_of_epoch = tf.data.Dataset.range(steps)
        return steps_of_epoch.map(lambda step: (order[step * batch_size : (step + 1) * batch_size], epoch, step))

    indices = tf.data.Dataset.range(first_epoch, last).flat_map(epoch_steps)
    count = tf.data.INFINITE_CARDINALITY if epochs is None else epochs * steps
    indices = indices.apply(tf.data.experimental.assert_cardinality(count))
    result = indices.map(fetch, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True).prefetch(2)
    return result.with_options(_shard_by_data())


def ordered(split, batch_size):
    """Every example once, in data order, for evaluation: `(x, y)` batches, the last one smaller."""
    return batches(split, batch_size, epochs=1, shuffle=False, drop_remainder=False)


def steps_per_epoch(n, batch_size, drop_remainder=True):
    """How many batches `n` examples make.

    >>> steps_per_epoch(10, 4), steps_per_epoch(10, 4, drop_remainder=False)
    (2, 3)

    Raises:
        TfadvError: if there would be none.
    """
    if batch_size < 1 or (drop_remainder and batch_size > n):
        raise invalid("batch size", f"1 to {n}, the number of examples", batch_size, "give a smaller one.")
    return n // batch_size if drop_remainder else -(-n // batch_size)


def _permutation(n, seed, epoch):
    return tf.random.experimental.stateless_shuffle(tf.range(n), random.key(seed, epoch), alg="philox")


def _fetcher(split, batch_size, seed, augment):
    with tf.device("CPU:0"):  # a data set as large as a GPU's memory must not move there
        images, labels = tf.constant(split.images), tf.constant(split.labels)

    @tf.autograph.experimental.do_not_convert  # which would wrap our errors into its own
    def fetch(indices, epoch, step):
        indices = tf.ensure_shape(indices, (batch_size,))
        x = tf.gather(images, indices)
        if x.dtype == tf.uint8:
            x = tf.cast(x, tf.float32) / 255
        y = tf.gather(labels, indices)
        return (x, y) if augment is None else augment(x, y, random.key(seed, epoch, step))

    return fetch


def _shard_by_data():
    options = tf.data.Options()
    # There are no files to divide among workers; without this, tf.distribute tries and warns.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return options
