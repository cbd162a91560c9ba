"""Auto-PGD in l_1: sparse steps whose sparsity follows the best point, and a ball that shrinks from 3 eps to eps.

Croce & Hein: Mind the box: l_1-APGD for sparse adversarial attacks on image classifiers, 2021, algorithm 1.
"""

import math
import typing

import tensorflow as tf

from tfadv import random
from tfadv.attacks.loops import active
from tfadv.attacks.loops.best import remembered
from tfadv.tensors import finite_or, flat_sum, per_example

# (multiple of eps, share of the steps)
STAGES = ((3.0, 0.3), (2.0, 0.3), (1.0, 0.4))
FIRST_SHARE = 0.2  # of the pixels that a step moves
SPARSER = 1.5
SMALLEST_STEP = 10.0  # in parts of eps


class Climb(typing.NamedTuple):
    """The state of the ascent of each example; one row an example."""

    best: tf.Tensor
    best_gradient: tf.Tensor
    top: tf.Tensor
    x: tf.Tensor
    step_size: tf.Tensor
    share: tf.Tensor  # of the pixels that a step moves
    changed: tf.Tensor  # how many pixels the best point changed at the last checkpoint
    region: tuple
    fooling: tf.Tensor | tuple  # the last misclassified point, and whether there is one; (), () with early stop
    fooled: tf.Tensor | tuple


def start(x, seed):
    """Where an ascent begins: images (n, h, w, c)."""
    return x + random.normal(tf.shape(x), seed)


def climb(problem, threat, point, steps, loss, early_stop, order=None):
    """One ascent of `steps` steps in three stages, from `start` or elsewhere; returns images (n, h, w, c)."""
    lengths = [math.ceil(share * steps) for _, share in STAGES[:-1]]
    lengths.append(max(steps - sum(lengths), 1))
    x = problem.x
    for (multiple, _), length in zip(STAGES, lengths, strict=True):
        within = threat.with_eps(multiple * threat.eps)
        point = within.project(point, x)
        last = multiple == 1.0
        point = _stage(problem, within, point, length, loss, early_stop and last, order, is_first=multiple == 3.0)
    return point


def _stage(problem, threat, start, steps, loss, early_stop, order, is_first):
    step = _step(threat, loss, max(int(0.04 * steps), 1))
    begin = _begin(problem.x, start, threat, early_stop, is_first)
    if early_stop:
        return active.loop(problem, step, begin, steps + 1, order)[0]
    body = lambda t, climb: (t + 1, step(t, problem, climb)[2])  # noqa: E731
    end = tf.while_loop(lambda t, _: t <= steps, body, (0, begin), maximum_iterations=steps + 1)[1]
    # In a ball that is too large, misclassified means nothing yet.
    won = end.fooled & (threat.distance(end.fooling, problem.x) <= threat.eps)
    return tf.where(per_example(won, end.best), end.fooling, end.best)


def _begin(x, start, threat, early_stop, is_first):
    rows = tf.shape(x)[:1]
    changed = _changed(start, x)
    share = tf.fill(rows, FIRST_SHARE) if is_first else changed / _pixels(x) / SPARSER
    return Climb(
        best=start, best_gradient=tf.zeros_like(start), top=tf.fill(rows, -float("inf")), x=start,
        step_size=tf.fill(rows, 1.0 * threat.eps), share=share,
        changed=tf.fill(rows, _pixels(x)) if is_first else changed, region=threat.region(x),
        fooling=() if early_stop else start, fooled=() if early_stop else tf.zeros(rows, tf.bool),
    )  # fmt: skip


def _step(threat, loss, interval):
    def step(t, problem, climb):
        logits, height, gradient = problem.ascend(loss, climb.x)
        fooled, point = problem.reached(logits), climb.x
        gradient = finite_or(0.0, gradient)
        climb = remembered(climb, height, gradient, fooled)
        due = (t > 0) & (t % interval == 0)
        adapt = lambda: _adapt(problem.x, climb, gradient, threat.eps)  # noqa: E731
        climb, gradient = tf.cond(due, adapt, lambda: (climb, gradient))
        moved = climb.x + per_example(climb.step_size, climb.x) * sparse(gradient, climb.share)
        return fooled, point, climb._replace(x=threat.project_into(climb.region, moved))

    return step


def _adapt(x, climb, gradient, eps):
    """Where the best point became sparser: its sparsity, the full step and back to it; else a smaller step."""
    changed = _changed(climb.best, x)
    sparser = changed < 0.95 * climb.changed
    at = per_example(sparser, x)
    smaller = tf.maximum(climb.step_size / SPARSER, eps / SMALLEST_STEP)
    climb = climb._replace(
        x=tf.where(at, climb.best, climb.x),
        step_size=tf.where(sparser, tf.ones_like(smaller) * eps, smaller),
        share=changed / _pixels(x) / SPARSER,
        changed=changed,
    )
    return climb, tf.where(at, climb.best_gradient, gradient)


def sparse(gradient, share):
    """The step of l_1 length 1 along the signs of the `share` of pixels (n,) with the largest gradients."""
    size = tf.reshape(tf.abs(gradient), [tf.shape(gradient)[0], -1])
    count = tf.shape(size)[1]
    ordered = tf.sort(size, axis=1)
    at = tf.cast(tf.math.ceil((1 - share) * tf.cast(count, tf.float32)), tf.int32)
    at = tf.clip_by_value(at, 0, count - 1)
    least = tf.gather(ordered, at, axis=1, batch_dims=1)
    sign = tf.where(tf.abs(gradient) >= per_example(least, gradient), tf.sign(gradient), 0.0)
    return tf.math.divide_no_nan(sign, per_example(flat_sum(tf.abs(sign)), sign))


def _changed(point, x):
    return flat_sum(tf.cast(point != x, tf.float32))


def _pixels(x):
    return tf.cast(tf.size(x[0]), tf.float32)
