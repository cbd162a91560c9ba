"""What the nearest point of a hyperplane inside a box is computed with, exactly, for several norms.

min ||delta||_p subject to w . delta = -gap and x + delta in the box has a solution in closed form (Karush, Kuhn,
Tucker; Croce & Hein 2020, equation 4). Every pixel moves so that the gap closes, by at most the room that the box
leaves it, and

    l_inf   by min(lam, room),
    l_2     by min(lam |w|, room),
    l_1     by all its room, in the order of falling |w|, until the gap is closed; the last ones in part,

with lam such that sum(|w| |delta|) = |gap|. That sum is a concave, piecewise linear function of lam: Newton's method
rises from 0 to its root and ends on it. Neither it nor the order of l_1 needs sorting, which is eight times slower on
CPU (`benchmarks/choices.py`).
"""

import tensorflow as tf

from tfadv.tensors import flat_sum, per_example


def level(limit, pace, full, wanted):
    """The lam with sum(min(lam * pace, full)) = wanted, where lam * pace = full at lam = limit: (n,).

    Newton's method: solve for the pixels that are still free at the last lam. When none of them stops being free, lam
    stays as it is to the last bit.
    """

    def rise(pixels, lam):
        limit, pace, full, wanted = pixels
        free = limit > per_example(lam, limit)
        left = wanted - flat_sum(tf.where(free, 0.0, full))
        higher = tf.maximum(lam, tf.math.divide_no_nan(left, flat_sum(tf.where(free, pace, 0.0))))
        return higher, higher > lam

    # The first step, from 0, where no pixel has used anything.
    first = tf.math.divide_no_nan(wanted, flat_sum(tf.where(limit > 0.0, pace, 0.0)))
    return settle(rise, (limit, pace, full, wanted), first)


def greedy(size, room, wanted):
    """How far each pixel moves if those with the largest `size` take all their room first: like room.

    Two thresholds close in on the size at which the gap is closed: all pixels above `high` are needed, none up to
    `low`. The mean size between them, weighted by room, is the next to try: there the tangents of the dual problem,
    which is concave and piecewise linear, meet. What it does not part has one size and moves in equal shares.
    """

    def close(pixels, bracket):
        size, room, full, wanted = pixels
        high, closed, used, low, closed_low, used_low = tf.unstack(bracket, axis=1)
        pivot = tf.math.divide_no_nan(closed_low - closed, used_low - used)
        # Rounding, where little is left between the two, must not lead out of them, or the loop might never end.
        pivot = tf.clip_by_value(pivot, low, high)
        over = size > per_example(pivot, size)
        at_pivot = [pivot, flat_sum(tf.where(over, full, 0.0)), flat_sum(tf.where(over, room, 0.0))]
        fits = (at_pivot[1] <= wanted)[:, None]
        parts = (at_pivot[1] != closed) & (at_pivot[1] != closed_low)
        at_pivot = tf.stack(at_pivot, axis=1)
        return tf.concat([tf.where(fits, at_pivot, bracket[:, :3]), tf.where(fits, bracket[:, 3:], at_pivot)], 1), parts

    full = size * room
    none = tf.zeros_like(wanted)
    bracket = tf.stack([none + float("inf"), none, none, none, flat_sum(full), flat_sum(room)], axis=1)
    high, closed, _, low, closed_low, _ = tf.unstack(settle(close, (size, room, full, wanted), bracket), axis=1)
    share = tf.clip_by_value(tf.math.divide_no_nan(wanted - closed, closed_low - closed), 0.0, 1.0)
    share = tf.where(size > per_example(low, size), per_example(share, size), 0.0)
    return room * tf.where(size > per_example(high, size), 1.0, share)


def settle(step, rows, state):
    """Repeat a step until it changes nothing; rows that have come to rest drop out, and with them most of the work.

    Args:
        step: (rows, state) to (the next state, which rows moved); rows at rest must stay at rest.
        rows: a tuple of tensors with one row an example; state: a tensor with one row an example.
    """

    def body(found, alive, rows, state):
        state, moves = step(rows, state)

        def shrink():
            at = tf.cast(tf.where(moves)[:, 0], tf.int32)
            given = tf.tensor_scatter_nd_update(found, alive[:, None], state)
            return given, *tf.nest.map_structure(lambda part: tf.gather(part, at), (alive, rows, state))

        # Gathering costs half as much as a step.
        few = 3 * tf.size(moves) > 4 * tf.math.count_nonzero(moves, dtype=tf.int32)
        return tf.cond(few, shrink, lambda: (found, alive, rows, state))

    start = (state, tf.range(tf.shape(state)[0]), rows, state)
    shapes = tf.nest.map_structure(lambda part: tf.TensorShape([None, *part.shape[1:]]), start)
    return tf.while_loop(lambda found, alive, *_: tf.size(alive) > 0, body, start, shape_invariants=shapes)[0]
