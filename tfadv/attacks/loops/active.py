"""Loops in which an example that is fooled costs nothing more: the batch shrinks to the active examples.

Graph code, with shapes that change from step to step, so not for XLA.
"""

import dataclasses
import typing

import tensorflow as tf

# With about so many rows a batch takes the least time for each: between 64 and 256 for a small network, about 64 for a
# ResNet-20, on 2 cores (`benchmarks/tail.py`).
FULL = 64


def at_once(rows):
    """How many batches of so many rows make about a full one, at least 1: int32."""
    # A loop asks once more when no row is left.
    return tf.maximum((FULL + rows // 2) // tf.maximum(rows, 1), 1)


class Order(typing.NamedTuple):
    """Rows that make others needless: one that is done ends those of its group with a higher rank. (n,) int32 both."""

    rank: tf.Tensor
    group: tf.Tensor

    def ended(self, done, alive):
        """Which of the rows `alive`, (m,), end once some of them are done, (m,) bool."""
        rank, group = tf.gather(self.rank, alive), tf.gather(self.group, alive)
        lowest = tf.math.unsorted_segment_min(tf.where(done, rank, rank.dtype.max), group, tf.size(self.group))
        return done | (rank > tf.gather(lowest, group))


def loop(problem, step, state, steps, order=None):
    """Take steps until every example is done.

    Args:
        problem: a `Problem` of n examples.
        step: (t, problem, state) to (done, result, state): where `done`, (m,) bool, the attack on an example ends
            with its `result`, (m, h, w, c). The problem is that of the m active examples.
        state: a nested structure of tensors with one row an example; its first tensor, images, is the result of an
            example that is never done.
        steps: the most steps.
        order: an `Order` where an example that is done ends others too, whose results then mean nothing.

    Returns:
        The results (n, h, w, c), and the indices of the examples that were never done, (m,) int32.
    """

    return advance(problem, step, state, lambda t, _: t < steps, order)[:2]


def advance(problem, step, state, going, order=None):
    """`loop` with a condition: it goes on while `going`, (t, rows) to a bool, holds.

    Returns:
        What `loop` returns, then the number of steps taken and the state of the examples that were never done.
    """

    def body(t, found, alive, parts, state):
        done, result, state = step(t, _with(problem, parts), state)
        done = done if order is None else order.ended(done, alive)

        def shrink():
            fallen, left = (tf.cast(tf.where(which)[:, 0], tf.int32) for which in (done, ~done))
            kept = lambda part: tf.gather(part, left)  # noqa: E731
            given = tf.tensor_scatter_nd_update(found, tf.gather(alive, fallen)[:, None], tf.gather(result, fallen))
            return given, kept(alive), *tf.nest.map_structure(kept, (parts, state))

        return t + 1, *tf.cond(tf.reduce_any(done), shrink, lambda: (found, alive, parts, state))

    start = (0, problem.x, tf.range(tf.shape(problem.x)[0]), _parts(problem), state)
    t, found, alive, _, state = tf.while_loop(
        lambda t, found, alive, *_: going(t, tf.size(alive)) & (tf.size(alive) > 0),
        body, start, shape_invariants=free(start),
    )  # fmt: skip
    return tf.tensor_scatter_nd_update(found, alive[:, None], tf.nest.flatten(state)[0]), alive, t, state


def stacked(make, numbers, shape):
    """What `make` makes of each number, float32 rows of this shape: (numbers, rows, *shape)."""
    make = tf.autograph.experimental.do_not_convert(make)  # graph code already
    return tf.map_fn(make, numbers, fn_output_signature=tf.TensorSpec([None, *shape]))


def _parts(problem):
    return (problem.x, problem.labels) if problem.targets is None else (problem.x, problem.labels, problem.targets)


def _with(problem, parts):
    return dataclasses.replace(problem, **dict(zip(("x", "labels", "targets"), parts, strict=False)))


def free(state):
    """Shapes with a free number of rows, for what has rows."""
    rows = lambda part: [None, *part.shape[1:]] if len(getattr(part, "shape", ())) else []  # noqa: E731
    return tf.nest.map_structure(lambda part: tf.TensorShape(rows(part)), state)
