"""The nearest point of a hyperplane inside the box [0, 1]^d, exactly, in the norms l_inf, l_2 and l_1.

min ||delta||_p subject to w . delta = -gap and 0 <= x + delta <= 1 has a solution in closed form (Karush, Kuhn,
Tucker; Croce & Hein 2020, equation 4). Every pixel moves so that the gap closes, by at most the room that the box
leaves it, and

    l_inf   by min(lam, room),
    l_2     by min(lam |w|, room),
    l_1     by all its room, in the order of falling |w|, until the gap is closed; the last ones in part,

with lam such that sum(|w| |delta|) = |gap|. That sum is a concave, piecewise linear function of lam: Newton's method,
begun at 0, rises to the root in a handful of passes over the pixels and ends on it. The order of l_1 needs no sorting
either. Measured on 2 CPU cores, 500 images of 784 pixels: 3 ms, 4 ms and 6 ms; by sorting 55 ms and more.
"""

import tensorflow as tf

from tfadv.threat import flat_sum, per_example


def displacement(x, w, gap, norm):
    """The smallest change of x that brings w . x down (or up) by `gap` without leaving the box.

    Where the box does not reach the hyperplane, all the room there is. Pixels with w = 0 stay.

    Args:
        x: points of [0, 1]^d, (n, ...).
        w: normals of the hyperplanes, like x, finite.
        gap: w . x - b, (n,).
        norm: `"linf"`, `"l2"` or `"l1"`.

    Returns:
        The change, like x, and its length in this norm, (n,).

    >>> delta, length = displacement(tf.constant([[0.9, 0.5]]), tf.constant([[1.0, 1.0]]), tf.constant([-0.5]), "l2")
    >>> delta.numpy().round(4).tolist(), length.numpy().round(4).tolist()
    ([[0.1, 0.4]], [0.4123])
    """
    way = -tf.sign(w) * per_example(tf.sign(gap), w)
    room = tf.nn.relu(way) - way * x
    size, wanted = tf.abs(w), tf.abs(gap)
    if norm == "linf":
        lam = level(room, size, size * room, wanted)
        moved = tf.minimum(room, per_example(lam, room))
        length = tf.reduce_max(moved, axis=range(1, len(x.shape)))
    elif norm == "l2":
        # 0 / 0 where w is 0: such a pixel never compares as free.
        lam = level(room / size, size * size, size * room, wanted)
        moved = tf.minimum(room, per_example(lam, room) * size)
        length = tf.sqrt(flat_sum(moved * moved))
    else:
        moved = greedy(size, room, wanted)
        length = flat_sum(moved)
    return way * moved, length


def level(limit, pace, full, wanted):
    """The lam with sum(min(lam * pace, full)) = wanted, where lam * pace = full at lam = limit: (n,).

    Newton's method from below. Each step solves for the pixels that are still free at the last lam; when no pixel
    stops being free, lam stays as it is to the last bit, and the loop ends.
    """

    def solved(lam):
        free = limit > per_example(lam, limit)
        left = wanted - flat_sum(tf.where(free, 0.0, full))
        return tf.math.divide_no_nan(left, flat_sum(tf.where(free, pace, 0.0)))

    start = tf.zeros_like(wanted)
    rises = lambda lam, last: tf.reduce_any(lam > last)  # noqa: E731
    return tf.while_loop(rises, lambda lam, _: (tf.maximum(lam, solved(lam)), lam), (solved(start), start))[0]


def greedy(size, room, wanted):
    """How far each pixel moves if those with the largest `size` take all their room first, like room.

    Two thresholds close in on the size at which the gap is closed: all pixels above `high` are needed, none below
    `low`. The mean size between them, weighted by room, is the next threshold to try. It is where the two tangents of
    the dual problem, which is concave and piecewise linear, meet. What cannot be parted any more has one size and is
    used in equal shares.
    """
    full = size * room
    nothing = tf.zeros_like(wanted)

    def closer(high, low, above, below, _):
        (closed, used), (closed_low, used_low) = above, below
        # Rounding, where what is between the two is little, must not lead out of it: the loop might never end.
        pivot = tf.clip_by_value(tf.math.divide_no_nan(closed_low - closed, used_low - used), low, high)
        over = size > per_example(pivot, size)
        here = flat_sum(tf.where(over, full, 0.0)), flat_sum(tf.where(over, room, 0.0))
        parts = (here[0] != closed) & (here[0] != closed_low)
        fits = here[0] <= wanted
        chosen = lambda yes, no: tuple(tf.where(fits, a, b) for a, b in zip(yes, no, strict=True))  # noqa: E731
        high, low = chosen((pivot, low), (high, pivot))
        return high, low, chosen(here, above), chosen(below, here), parts

    start = (nothing + float("inf"), nothing, (nothing, nothing), (flat_sum(full), flat_sum(room)), nothing == 0)
    high, low, (closed, _), (closed_low, _), _ = tf.while_loop(lambda *state: tf.reduce_any(state[-1]), closer, start)
    share = tf.clip_by_value(tf.math.divide_no_nan(wanted - closed, closed_low - closed), 0.0, 1.0)
    share = tf.where(size > per_example(low, size), per_example(share, size), 0.0)
    return room * tf.where(size > per_example(high, size), 1.0, share)
