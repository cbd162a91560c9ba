"""Random search that asks about several proposals for an example at once: the outcome is that of one after another.

A proposal depends on the number of its query, on the best image so far and on random numbers alone. So the next ones
are all made from the present best, and asked about in one pass of the model. The first that is better counts; those
after it are made again. While the batch is full, or proposals are often better, it asks about one at a time.
"""

import typing

import tensorflow as tf

from tfadv import random
from tfadv.attacks.loops import active
from tfadv.attacks.loops.random_search import asked, begun, height_of, reached, rows_where

# After so many queries one more proposal at once: the longer a search lasts, the fewer of them are better. With 50 more
# than half were asked about in vain for the last two images of a ResNet-20 (`benchmarks/tail.py`).
PATIENCE = 200
# A window of queries is so many times as long as what is asked about at once: its end waits for the last example.
WINDOW = 8


class Search(typing.NamedTuple):
    """Where each example stands in a window of queries; one row an example."""

    query: tf.Tensor  # the next one, counted from the beginning of the window
    fell: tf.Tensor  # the one that reached the goal, or the length of the window
    best: tf.Tensor
    height: tf.Tensor  # of the best image: infinite where it reaches what the attacker wants


def climb(problem, propose, width, state, queries, *, start, seed, loss, breaks=()):
    """Ask `queries` times about each example, or until it is fooled; then it leaves the batch.

    Images that are misclassified already come back as they are.

    Args:
        problem: a `Problem` of n examples.
        propose: (t, draws, x, best, state) to images to ask about; draws in (0, 1), (m, width), one row an example. It
            may depend on t only by how many of `breaks` it is above.
        state: what `propose` knows of the examples: a nested structure of tensors with one row each.
        queries: how often each example is asked about, besides x and `start`.
        start: where to begin, (n, h, w, c).
        seed: query t draws with the key t + 1 of it.
        loss: what rises, a name of `losses.LOSSES`.

    Returns:
        Images (n, h, w, c): what fooled the model, or the best proposal.
    """

    def one(t, problem, carried):
        best, height, state = carried
        x_adv = propose(t, _drawn(seed, t, tf.size(height), width), problem.x, best, state)
        best, height, _ = asked(problem, loss, x_adv, best, height)
        return reached(height), best, (best, height, state)

    busy = lambda t, rows: (t < queries) & (_ahead(t, rows) == 1)  # noqa: E731
    found, alive, t, state = active.advance(problem, one, (*begun(problem, loss, start), state), busy)
    few = _few(problem.only(alive), propose, width, state, t, queries, seed=seed, loss=loss, breaks=breaks)
    return tf.tensor_scatter_nd_update(found, alive[:, None], few)


def _ahead(t, rows):
    """How many proposals for each example are asked about at once."""
    return tf.minimum(active.at_once(rows), 1 + t // PATIENCE)


def _few(problem, propose, width, state, t, queries, *, seed, loss, breaks):
    """The rest of `climb`, from query t on: window after window."""
    ends = tf.constant(sorted({t + 1 for t in breaks if t + 1 < queries} | {queries}))

    def window(_, problem, carried):
        best, height, state, done = carried
        t, rows = done[0], tf.size(height)  # all are at the same query
        ahead = _ahead(t, rows)
        length = tf.minimum(WINDOW * ahead, tf.reduce_min(tf.where(ends > t, ends, queries)) - t)
        draws = active.stacked(lambda t: _drawn(seed, t, rows, width), t + tf.range(length), [width])

        def made(query, place, *examples):
            return propose(t, tf.gather_nd(draws, tf.stack([query, place], axis=1)), *examples)

        begin = Search(tf.zeros_like(problem.labels), tf.fill([rows], length), best, height)
        found = _through(problem, made, state, begin, length, ahead, loss)
        done += length
        return (found.fell < length) | (done == queries), found.best, (found.best, found.height, state, done)

    return active.loop(problem, window, (*state, tf.fill(tf.shape(problem.labels), t)), queries - t)[0]


def _drawn(seed, t, rows, width):
    """What the examples draw in query t, (rows, width)."""
    return random.uniform([rows, width], random.key(seed, t + 1))


def _through(problem, made, state, begin, length, ahead, loss):
    """Go through a window of queries."""

    def turn(search):
        rows = tf.where(_open(search, ahead, length))
        example, query = tf.cast(rows[:, 0], tf.int32), tf.cast(rows[:, 1], tf.int32)
        query += tf.gather(search.query, example)
        of = lambda part: tf.gather(part, example)  # noqa: E731
        best = of(search.best)
        x_adv = made(query, _place(search, example, query), of(problem.x), best, tf.nest.map_structure(of, state))
        height = height_of(problem.only(example), loss, x_adv)
        return [_renewed(begin, search, _advanced(search, example, query, x_adv, height), length)]

    going = lambda search: tf.reduce_any(_waiting(search, length))  # noqa: E731
    return tf.while_loop(going, turn, [begin], shape_invariants=active.free([begin]))[0]


def _waiting(search, length):
    return (search.query < length) & (search.fell == length)


def _open(search, ahead, length):
    """Which of the next `ahead` queries of each example lie in the window: (m, ahead) bool."""
    within = search.query[:, None] + tf.range(ahead) < length
    return within & _waiting(search, length)[:, None]


def _place(search, example, query):
    """The places of rows among the examples that are active in their query: what they draw depends on it."""
    others = tf.range(tf.size(search.query))
    gone = (others < example[:, None]) & (search.fell < query[:, None])
    return example - tf.math.count_nonzero(gone, axis=1, dtype=tf.int32)


def _advanced(search, example, query, x_adv, heights):
    """The search after some proposals: each example at the first that was better, or past its last one."""
    rows, examples = tf.size(example), tf.size(search.query)
    better = heights > tf.gather(search.height, example)
    row = tf.math.unsorted_segment_min(tf.where(better, tf.range(rows), rows), example, examples)
    past = tf.maximum(search.query, tf.math.unsorted_segment_max(query + 1, example, examples))
    rose = tf.where(row < rows)
    row = tf.gather(row, rose[:, 0])
    height, at = tf.gather(heights, row), tf.gather(query, row)
    given = lambda part, values: tf.tensor_scatter_nd_update(part, rose, values)  # noqa: E731
    return Search(
        query=given(past, at + 1),
        fell=given(search.fell, tf.where(reached(height), at, tf.gather(search.fell, rose[:, 0]))),
        best=given(search.best, tf.gather(x_adv, row)),
        height=given(search.height, height),
    )


def _renewed(begin, before, search, length):
    """The search with examples back at the begin of the window that have drawn as if an earlier one had not fallen."""

    def renew():
        order = tf.range(tf.size(search.fell))
        new = tf.where(search.fell < before.fell, search.fell, length)
        first = tf.reduce_min(tf.where(order < order[:, None], new, length), axis=1)
        again = search.query > first + 1
        back = lambda old, now: rows_where(again, old, now)  # noqa: E731
        return tf.nest.map_structure(back, begin, search)

    return tf.cond(tf.reduce_any(search.fell < before.fell), renew, lambda: search)
