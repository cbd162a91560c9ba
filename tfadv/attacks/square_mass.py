"""What Square proposes in l_2 and l_1: the change within two windows, gathered in one of them.

Andriushchenko et al. 2020, algorithm 3 and section 3.4; in l_1 after the authors' code for Croce & Hein: Mind the box!,
2021. Mass is the sum of |delta|^order.
"""

import functools

import numpy as np
import tensorflow as tf

from tfadv import random
from tfadv.attacks.loops.windows import pixels, signs

# By order, the p of l_p: how fast a pattern falls off from its center.
FALLS = {2: 2, 1: 4}
# By order: how much longer what was gathered becomes, before all is fitted into the ball. In l_1 that makes the change
# sparse. The authors take the number of channels; with one, 3 instead leaves 50% of 200 digits at eps = 10 after 1,000
# queries, 1 leaves 74%.
GAIN = {2: 1.0, 1: 3.0}
# Newton's steps towards the threshold in l_1; a last rescaling makes up for what they leave.
NEWTON = 3


def tiles(x, threat, seed):
    """x with 5 x 5 patterns (5 in vectors) of random signs, lying or standing, as long as eps allows."""
    n, (height, width, channels), order, eps = tf.shape(x)[0], x.shape[1:], threat.order, threat.eps
    side = max((height if width == 1 else min(height, width)) // 5, 1)
    broad = min(side, width)
    down, across = height // side, width // broad
    draws = random.uniform([n, down, across, 1 + channels], seed)
    spread = lambda part: tf.repeat(tf.repeat(part, side, axis=1), broad, axis=2)  # noqa: E731
    tiled = lambda tile: np.tile(tile, (down, across))[..., None]  # noqa: E731
    tile = pattern(side, broad, order)
    lying = tile if width == 1 else tile.T
    delta = tf.where(spread(draws[..., :1] < 0.5), tiled(tile), tiled(lying)) * spread(signs(draws[..., 1:]))
    free = (height - down * side, width - across * broad)
    delta = tf.pad(delta, [(0, 0), *((space // 2, (space + 1) // 2) for space in free), (0, 0)])
    length = tf.reduce_sum(mass(delta, order), axis=3, keepdims=True) ** (1 / order)
    return fitted(x, delta * (GAIN[order] * within(eps) / length), threat)


def gathered(x, best, draws, side, tile, threat):
    """Empty two windows, and write what they held and what eps leaves unused into the first, as a pattern.

    Args:
        draws: in (0, 1), (n, 5 + channels): where the windows are, how the pattern lies, its sign in each channel.
        side, tile: of the windows, and the pattern of this side, (side, side).
    """
    (height, width, channels), order, eps = x.shape[1:], threat.order, threat.eps
    here, there = (pixels(draws[:, k : k + 2], side, height, width) for k in (0, 2))
    lying = tile if width == 1 else tf.transpose(tile)
    tile = tf.where(draws[:, 4, None, None] < 0.5, tile, lying)[..., None]
    delta = best - x
    unused = tf.nn.relu(within(eps) ** order - tf.reduce_sum(mass(delta, order), axis=3, keepdims=True))
    delta = tf.reshape(delta, [-1, channels])
    held, delta = take(delta, here)
    other, delta = take(delta, there)
    length = (mass(held, order) + mass(other, order) + unused / channels) ** (1 / order)
    new = unit(tile * signs(draws[:, None, None, 5:]) + unit(held, order), order) * (GAIN[order] * length)
    delta = tf.tensor_scatter_nd_update(delta, here[..., None], new)
    return fitted(x, tf.reshape(delta, tf.shape(x)), threat)


def fitted(x, delta, threat):
    """A point of ball and box near x + delta. In l_2 delta is no longer than eps, and the box is all that matters.

    In l_1, sign(delta) * (v - threshold)+ for the v = |delta| that the box leaves and the threshold at which the sum is
    eps. It is found by Newton's method from below, as the exact projection would sort all pixels in each query.
    """
    if threat.order == 2:
        return threat.clip(x + delta)
    eps, room = threat.eps, tf.minimum(tf.abs(delta), threat.room(x, tf.sign(delta)))
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
    """The values at some pixels, and all values with zeros there."""
    taken = tf.gather(values, at)
    return taken, tf.tensor_scatter_nd_update(values, at[..., None], tf.zeros_like(taken))


def patterns(sides, width, order):
    """The pattern of each side in the corner of an array of the largest: (len(sides), largest, largest or width)."""
    most = max(sides)
    corners = [((0, most - side), (0, min(most, width) - min(side, width))) for side in sides]
    return np.stack(
        [np.pad(pattern(side, min(side, width), order), at) for side, at in zip(sides, corners, strict=True)]
    )


@functools.cache
def pattern(side, width, order):
    """Two halves of opposite sign and equal mass, together 1, that fall off from their centers: (side, width).

    A half is sum_k [the k-th square around its center] / (k + 1)^falls, so at distance d, the larger of rows and
    columns, the sum from k = d on.
    """
    tail = np.cumsum(1.0 / (np.arange(side // 2 + 1) + 1.0)[::-1] ** FALLS[order])[::-1]
    columns = np.abs(np.arange(width) - width // 2)
    halves = []
    for sign, rows in ((1, side // 2), (-1, side - side // 2)):
        if rows:
            half = tail[np.maximum(np.abs(np.arange(rows) - rows // 2)[:, None], columns)]
            halves.append(sign * half / np.linalg.norm(half.ravel(), order))
    whole = np.concatenate(halves)
    return (whole / np.linalg.norm(whole.ravel(), order)).astype("float32")
