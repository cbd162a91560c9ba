"""The quick attack: what it leaves, what it costs, where it begins."""

import numpy as np
import pytest
import tensorflow as tf

from tfadv import LInf, attacks, passes, random
from tfadv.attacks.problem import Problem
from tfadv.attacks.quick import Quick
from tfadv.attacks.quick_ascents import Ascents, directions

THREAT = LInf(0.05)


def used(attack, model, x, y):
    """Which images withstand it, and the passes that it took."""
    before = passes.counts()
    x_adv = attack(model, x, y, threat=THREAT)
    return np.argmax(model(x_adv), axis=1) == y, sum(passes.counts()) - sum(before)


def test_it_leaves_what_apgd_t_leaves_for_a_fifth_of_the_passes_of_the_ensemble(classifiers, images, labels):
    model, quick = classifiers("cnn"), attacks.get("quick")
    left, cost = used(quick, model, images, labels)
    strong, _ = used(attacks.get("apgd_t").until_fooled(), model, images, labels)
    assert strong.any() and left.sum() <= strong.sum()
    ensemble = sum(sum(member.cost(10)) for member in attacks.get("autoattack").members(10, "linf"))
    assert 5 * sum(quick.cost(10)) < ensemble and 5 * cost < left.sum() * ensemble


def test_images_that_are_wrong_cost_one_look(classifiers, images, labels):
    model = classifiers("cnn")
    wrong = (np.argmax(model(images), axis=1) + 1) % 10
    x_adv = attacks.get("quick")(model, images, wrong, threat=THREAT)
    assert np.array_equal(x_adv, images)
    assert used(attacks.get("quick"), model, images, wrong)[1] == len(images)


def test_what_the_walk_does_not_break_stays_as_it_was_found():
    x = tf.constant([[0.5, 0.5], [0.3, 0.3]])  # in l_inf 0.02 and 0.22 away from the boundary
    logits_fn = lambda x: tf.stack([tf.zeros_like(x[:, 0]), tf.reduce_sum(x, axis=1) - 1.04], axis=1)  # noqa: E731
    problem, found = Problem(logits_fn, x, tf.zeros(2, tf.int32)), x - 0.01
    ended = Ascents(steps=8, target_classes=1)._walk(problem, found, THREAT, random.key(0))
    assert problem.reached(logits_fn(ended)).numpy().tolist() == [True, False]
    assert np.array_equal(ended[1], found[1])


@pytest.mark.parametrize("queries", [0, 60])
def test_the_search_needs_no_gradients(queries):
    x = tf.fill([6, 4, 4, 1], 0.48)
    bright = lambda x: tf.reduce_sum(tf.round(x), axis=[1, 2, 3]) - 15.5  # noqa: E731
    problem = Problem(lambda x: tf.stack([0 * bright(x), bright(x)], axis=1), x, tf.zeros(6, tf.int32))
    attack = Quick(steps=1, target_classes=1, queries=queries)
    fooled = problem.reached(problem.logits_fn(attack.perturb_projected(problem, THREAT, random.key(0))))
    assert fooled.numpy().any() == (queries > 0)


def test_directions_in_the_logits():
    w = directions(tf.constant([3, 0]), tf.constant([1, 2]), (2, 5), random.key(0)).numpy()
    assert w[0, 3] == w[1, 0] == 1 and w[0, 1] == w[1, 2] == -1
    others = np.delete(w[0], [1, 3]), np.delete(w[1], [0, 2])
    assert (np.abs(others) < 1).all() and len(np.unique(others)) == 6


@pytest.mark.parametrize("norm", ["l1", "l0"])
def test_it_is_for_the_norms_that_it_was_measured_under(norm):
    assert norm not in attacks.get("quick").norms
