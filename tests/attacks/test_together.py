"""Several attempts, or several proposals, at once: the outcome is that of one after another, to the last bit.

The logits are sums row by row, whose bits do not depend on the batch; those of a matrix product may.
"""

import numpy as np
import pytest
import tensorflow as tf

from tfadv import L2, LInf, random
from tfadv.attacks.apgd import APGD, APGDT
from tfadv.attacks.fab import FABT
from tfadv.attacks.loops import active, lookahead, random_search
from tfadv.attacks.problem import Problem
from tfadv.attacks.square import HALVED, Square

CLASSES, PIXELS = 6, (6, 6, 1)


def crafted(attack, threat, n=10, spread=0.5, seed=5):
    """Run eagerly on a curved classifier; the images fall at different times. Returns x_adv, and the batches seen."""
    rng = np.random.default_rng(0)
    w = tf.constant(rng.normal(size=(CLASSES, *PIXELS)), tf.float32)
    x = tf.constant(rng.uniform(0.2, 0.8, (n, *PIXELS)), tf.float32)
    lead = tf.constant(rng.uniform(0.2, spread, n), tf.float32)
    batches = []

    def logits_fn(images):
        batches.append(len(images))
        shape = [-1, 1, *PIXELS]
        z = tf.reduce_sum(w * tf.sin(3 * tf.reshape(images, shape)), axis=[2, 3, 4])
        near = tf.reduce_sum(tf.square(tf.reshape(images, [-1, 1, 36]) - tf.reshape(x, [1, n, 36])), axis=2)
        mine = tf.gather(own, tf.argmin(near, axis=1))
        return z - tf.gather(start, tf.argmin(near, axis=1)) + mine

    own, start = tf.zeros([n, CLASSES]), tf.zeros([n, CLASSES])
    # Each image is of its first class by a lead of its own.
    own, start = lead[:, None] * tf.one_hot(tf.zeros(n, tf.int32), CLASSES), logits_fn(x)
    batches.clear()
    problem = Problem(logits_fn, x, tf.zeros(n, tf.int32))
    found = attack.perturb_projected(problem, threat, random.key(seed)).numpy()
    calls = list(batches)
    return found, calls, problem.reached(logits_fn(tf.constant(found))).numpy()


ATTACKS = {
    "apgd_t": (APGDT(steps=8, target_classes=4, early_stop=True), LInf(0.06), 10.0),
    "apgd": (APGD(steps=6, restarts=5, early_stop=True), L2(0.25), 6.0),
    "fab_t": (FABT(steps=6, target_classes=5, early_stop=True), LInf(0.06), 10.0),
    "restarted": (FABT(steps=4, target_classes=3, restarts=2, early_stop=True), L2(0.25), 6.0),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_attempts_at_once_end_as_one_after_another(name, monkeypatch):
    attack, threat, spread = ATTACKS[name]
    found, calls, fooled = crafted(attack, threat, spread=spread)
    monkeypatch.setattr(active, "FULL", 1)
    single, one_by_one, _ = crafted(attack, threat, spread=spread)
    np.testing.assert_array_equal(found, single)
    assert 0.2 < fooled.mean() < 0.9
    assert max(one_by_one) == 10 < max(calls) and len(calls) < 0.85 * len(one_by_one)


def sequential(problem, propose, width, state, queries, *, start, seed, loss, breaks):
    """The same search, each time with one proposal for each example."""
    assert breaks == HALVED

    def one(t, x, best, better, state):
        return propose(t, random.uniform([tf.shape(x)[0], width], random.key(seed, t + 1)), x, best, state), state

    return random_search.climb(problem, one, state, queries, start=start, loss=loss)


@pytest.mark.parametrize(("threat", "spread"), [(LInf(0.05), 2.0), (L2(0.3), 3.0)])
def test_proposals_at_once_end_as_one_after_another(threat, spread, monkeypatch):
    attack = Square(queries=150)
    monkeypatch.setattr("tfadv.attacks.square.climb", sequential)
    expected, one_by_one, fooled = crafted(attack, threat, spread=spread)
    monkeypatch.undo()
    # So that it looks far ahead soon, and images fall while others have drawn as if they would not.
    monkeypatch.setattr(lookahead, "PATIENCE", 5)
    found, calls, _ = crafted(attack, threat, spread=spread)
    # In l_2 a proposal is put together from sums over all rows, whose last bit depends on how many they are.
    np.testing.assert_allclose(found, expected, rtol=0, atol=0 if threat.separable else 2e-7)
    assert 0.2 < fooled.mean() < 0.9
    assert max(calls) > 4 * max(one_by_one) and len(calls) < 0.7 * len(one_by_one)
    assert sum(calls) < 1.8 * sum(one_by_one)


def test_the_first_of_several_draws_does_not_depend_on_how_many():
    for shape, more in (([3, 5], [9, 5]), ([1, 7], [2, 7])):
        few, many = (random.uniform(s, random.key(4, 2)).numpy() for s in (shape, more))
        np.testing.assert_array_equal(few, many[: len(few)])
