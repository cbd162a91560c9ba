"""Attempt after attempt on what resists; several at once where few examples are left, so that the batch is full.

The outcome is that of one after another.
"""

import typing

import tensorflow as tf

from tfadv import random
from tfadv.attacks.loops import active
from tfadv.attacks.problem import Problem


class Wave(typing.NamedTuple):
    """Attempts that run at once; the rows of their batch are all examples for the first, then all for the second ...

    Attributes:
        numbers: those of the attempts, ascending, (k,) int32.
        alive: the m active examples, indices into those that the attack was given, (m,) int32.
        here: the `Problem` of the active examples; rows: that of all k * m rows.
        order: which attempt each row belongs to, and whose later attempts end when it fools, for `active.loop`.
    """

    numbers: tf.Tensor
    alive: tf.Tensor
    here: Problem
    rows: Problem
    order: active.Order

    @property
    def number(self):
        """That of the first attempt, and of the only one where they run one by one."""
        return self.numbers[0]

    def each(self, start):
        """Where each row begins: `start` takes the number of an attempt to images like those of `here`."""
        image = self.here.x.shape[1:]
        return tf.reshape(active.stacked(start, self.numbers, image), [-1, *image])

    def of_each(self, choices, restarts):
        """The choice of each row; `choices`, (n, choices, ...), of all examples, each for so many attempts in turn."""
        chosen = tf.gather(tf.gather(choices, self.alive), self.numbers // restarts, axis=1)
        by_attempt = tf.transpose(chosen, [1, 0, *range(2, len(choices.shape))])
        return tf.reshape(by_attempt, [-1, *choices.shape[2:]])


def attempts(problem, attempt, times, *, drawn=True, at_once=True, judged=None):
    """Attempt after attempt, each on the examples that none before it has broken; several at once where few are left.

    Args:
        problem: a `Problem` of n examples; those that are won from the start are left as they are.
        attempt: a `Wave` to images, one a row.
        times: the most attempts.
        drawn: whether attempts draw random numbers. What an example draws depends on its place among the active ones,
            so attempts after one that broke something begin anew. That would waste much where much breaks: attempts
            run one by one until one of them breaks nothing, and then half as many at once.
        at_once: whether several may run at once; else each wave is one attempt, on the `Problem` that is its `here`.
        judged: (wave, images) to which rows are broken, and how much the others are preferred, both (k * m,); None
            judges by the margin.

    Returns:
        Images (n, h, w, c): of the first attempt that broke the example, or else the preferred one.
    """
    judged = judged or _by_margin

    def body(r, found, highest, alive, calm):
        fit = active.at_once(tf.size(alive) * (2 if drawn else 1))
        count = tf.where(calm, tf.minimum(fit, times - r), 1) if at_once else 1
        wave = _wave(problem, r, count, alive, drawn)
        x_adv = attempt(wave)
        broken, score = (tf.reshape(part, [count, -1]) for part in judged(wave, x_adv))
        fell, numbers = tf.reduce_any(broken), tf.range(count)
        last = _first(tf.reduce_any(broken, axis=1), count) if drawn else count - 1
        score = tf.where(numbers[:, None] > last, -float("inf"), tf.where(broken, float("inf"), score))
        top = tf.reduce_max(score, axis=0)
        row = _first(score == top, count) * tf.size(alive) + tf.range(tf.size(alive))
        better = tf.where(top > tf.gather(highest, alive))[:, 0]
        at = tf.gather(alive, better)[:, None]
        found = tf.tensor_scatter_nd_update(found, at, tf.gather(x_adv, tf.gather(row, better)))
        highest = tf.tensor_scatter_nd_update(highest, at, tf.gather(top, better))
        return r + last + 1, found, highest, tf.boolean_mask(alive, top != float("inf")), ~(fell & drawn)

    resists = ~problem.reached(problem.logits_fn(problem.x))
    lowest = tf.fill(tf.shape(problem.x)[:1], -float("inf"))
    start = (0, problem.x, lowest, tf.cast(tf.where(resists)[:, 0], tf.int32), tf.constant(not drawn))
    return tf.while_loop(
        lambda r, found, highest, alive, calm: (r < times) & (tf.size(alive) > 0),
        body, start, shape_invariants=active.free(start), maximum_iterations=times,
    )[1]  # fmt: skip


def in_turn(problem, members, threat, seed):
    """Attack after attack, each on the examples that none before it has broken: images (n, h, w, c).

    Args:
        members: the attacks; that with the number k draws with the key k of the seed.
    """

    def attempt(wave):
        runs = [
            lambda k=k, member=member: member.perturb_projected(wave.here, threat, random.key(seed, k))
            for k, member in enumerate(members)
        ]
        return tf.switch_case(wave.number, runs)

    return attempts(problem, attempt, len(members), at_once=False)


def _wave(problem, first, count, alive, drawn):
    places = tf.range(tf.size(alive))
    here, every = problem.only(alive), tf.tile(places, [count])
    order = active.Order(tf.repeat(tf.range(count), tf.size(alive)), tf.zeros_like(every) if drawn else every)
    return Wave(first + tf.range(count), alive, here, here.only(every), order)


def _first(which, count):
    """The first index along the first axis where it holds; the last one, `count` - 1, where it nowhere does."""
    index = tf.reshape(tf.range(count), [-1] + [1] * (len(which.shape) - 1))
    return tf.reduce_min(tf.where(which, index, count - 1), axis=0)


def _by_margin(wave, x_adv):
    logits = wave.rows.logits_fn(x_adv)
    margin = wave.rows.margin(logits)
    return wave.rows.reached(logits), tf.where(tf.math.is_nan(margin), -float("inf"), margin)
