"""What Square proposes in l_2 and l_1: the change within two windows, gathered in one of them.

Andriushchenko et al. 2020, algorithm 3 and section 3.4; in l_1 after the authors' code for Croce & Hein: Mind the box!,
2021. Mass is the sum of |delta|^order.
"""

import functools

import numpy as np
import tensorflow as tf

from tfadv import random
from tfadv.attacks.loops.windows import pixels, signs

ORDERS = {"l2": 2, "l1": 1}
# By order: how fast a pattern falls off from its center.
FALLS = {2: 2, 1: 4}
# By order: how much longer what was gathered becomes, before all is fitted into the ball. In l_1 that makes the change
# sparse. The authors take the number of channels; with one, 3 instead leaves 50% of 200 digits at eps = 10 after 1,000
# queries, 1 leaves 74%.
GAIN = {2: 1.0, 1: 3.0}
# Newton's steps towards the threshold in l_1; a last rescaling makes up for what they leave.
NEWTON = 3


def tiles(x, eps, order, seed):
    """x with 5 x 5 patterns side by side, of random signs and lying or standing, as long as eps allows."""
    n, (height, width, channels) = tf.shape(x)[0], x.shape[1:]
    side = max(min(height, width) // 5, 1)
    down, across = height // side, width // side
    draws = random.uniform([n, down, across, 1 + channels], seed)
    spread = lambda part: tf.repeat(tf.repeat(part, side, axis=1), side, axis=2)  # noqa: E731
    tiled = lambda tile: np.tile(tile, (down, across))[..., None]  # noqa: E731
    tile = pattern(side, order)
    delta = tf.where(spread(draws[..., :1] < 0.5), tiled(tile), tiled(tile.T)) * spread(signs(draws[..., 1:]))
    free = (height - down * side, width - across * side)
    delta = tf.pad(delta, [(0, 0), *((space // 2, (space + 1) // 2) for space in free), (0, 0)])
    length = tf.reduce_sum(mass(delta, order), axis=3, keepdims=True) ** (1 / order)
    return fitted(x, delta * (GAIN[order] * within(eps) / length), eps, order)


def gathered(x, best, draws, side, tile, eps, order):
    """Empty two windows, and write what they held and what eps leaves unused into the first, as a pattern.

    Args:
        draws: in (0, 1), (n, 5 + channels): where the windows are, how the pattern lies, its sign in each channel.
        side, tile: of the windows, and the pattern of this side, (side, side).
    """
    height, width, channels = x.shape[1:]
    here, there = (pixels(draws[:, k : k + 2], side, height, width) for k in (0, 2))
    tile = tf.where(draws[:, 4, None, None] < 0.5, tile, tf.transpose(tile))[..., None]
    delta = best - x
    unused = tf.nn.relu(within(eps) ** order - tf.reduce_sum(mass(delta, order), axis=3, keepdims=True))
    delta = tf.reshape(delta, [-1, channels])
    held, delta = take(delta, here)
    other, delta = take(delta, there)
    length = (mass(held, order) + mass(other, order) + unused / channels) ** (1 / order)
    new = unit(tile * signs(draws[:, None, None, 5:]) + unit(held, order), order) * (GAIN[order] * length)
    delta = tf.tensor_scatter_nd_update(delta, here[..., None], new)
    return fitted(x, tf.reshape(delta, tf.shape(x)), eps, order)


def fitted(x, delta, eps, order):
    """A point of ball and box near x + delta. In l_2 delta is no longer than eps, and the box is all that matters.

    In l_1, sign(delta) * (v - threshold)+ for the v = |delta| that the box leaves and the threshold at which the sum is
    eps. It is found by Newton's method from below, as the exact projection would sort all pixels in each query.
    """
    if order == 2:
        return tf.clip_by_value(x + delta, 0.0, 1.0)
    room = tf.minimum(tf.abs(delta), tf.where(delta > 0, 1 - x, x))
    total = lambda part: tf.reduce_sum(part, axis=[1, 2, 3], keepdims=True)  # noqa: E731
    threshold = 0.0
    for _ in range(NEWTON):
        above = tf.cast(room > threshold, tf.float32)
        threshold = tf.nn.relu(tf.math.divide_no_nan(total(above * room) - within(eps), total(above)))
    room = tf.nn.relu(room - threshold)
    return x + tf.sign(delta) * room * tf.minimum(1.0, tf.math.divide_no_nan(within(eps), total(room)))


def within(eps):
    """A little less than eps, so that rounding does not leave the ball."""
    return eps * (1 - 1e-6)


def mass(part, order):
    """sum |delta|^order of each channel, (n, 1, 1, channels)."""
    return tf.reduce_sum(part * part if order == 2 else tf.abs(part), axis=[1, 2], keepdims=True)


def unit(part, order):
    return tf.math.divide_no_nan(part, mass(part, order) ** (1 / order))


def take(values, at):
    """What stands at some pixels, and the values with zeros there."""
    taken = tf.gather(values, at)
    return taken, tf.tensor_scatter_nd_update(values, at[..., None], tf.zeros_like(taken))


def patterns(sides, order):
    """The pattern of each side in the corner of an array of the largest: (len(sides), largest, largest)."""
    return np.stack([np.pad(pattern(side, order), (0, max(sides) - side)) for side in sides])


@functools.cache
def pattern(side, order):
    """Two halves of opposite sign and equal mass, together 1, that fall off from their centers: (side, side).

    A half is sum_k [the k-th square around its center] / (k + 1)^falls, so at distance d, the larger of rows and
    columns, the sum from k = d on.
    """
    tail = np.cumsum(1.0 / (np.arange(side // 2 + 1) + 1.0)[::-1] ** FALLS[order])[::-1]
    columns = np.abs(np.arange(side) - side // 2)
    halves = []
    for sign, rows in ((1, side // 2), (-1, side - side // 2)):
        if rows:
            half = tail[np.maximum(np.abs(np.arange(rows) - rows // 2)[:, None], columns)]
            halves.append(sign * half / np.linalg.norm(half.ravel(), order))
    whole = np.concatenate(halves)
    return (whole / np.linalg.norm(whole.ravel(), order)).astype("float32")
