"""The quick attack: what it leaves, what it costs, where it begins."""

import numpy as np
import pytest
import tensorflow as tf

from tfadv import LInf, attacks, passes, random
from tfadv.attacks.quick import directions

THREAT = LInf(0.05)


def used(attack, model, x, y):
    """Which images withstand it, and the passes that it took."""
    before = passes.counts()
    x_adv = attack(model, x, y, threat=THREAT)
    return np.argmax(model(x_adv), axis=1) == y, sum(passes.counts()) - sum(before)


def test_it_leaves_what_apgd_t_leaves_for_a_fraction_of_the_passes(classifiers, images, labels):
    model = classifiers("cnn")
    left, cost = used(attacks.get("quick"), model, images, labels)
    strong, price = used(attacks.get("apgd_t").until_fooled(), model, images, labels)
    assert strong.any() and left.sum() <= strong.sum() and cost < price / 2


def test_images_that_are_wrong_cost_one_look(classifiers, images, labels):
    model = classifiers("cnn")
    wrong = (np.argmax(model(images), axis=1) + 1) % 10
    x_adv = attacks.get("quick")(model, images, wrong, threat=THREAT)
    assert np.array_equal(x_adv, images)
    assert used(attacks.get("quick"), model, images, wrong)[1] == 2 * len(images)


def test_directions_in_the_logits():
    w = directions(tf.constant([3, 0]), tf.constant([1, 2]), (2, 5), random.key(0)).numpy()
    assert w[0, 3] == w[1, 0] == 1 and w[0, 1] == w[1, 2] == -1
    others = np.delete(w[0], [1, 3]), np.delete(w[1], [0, 2])
    assert (np.abs(others) < 1).all() and len(np.unique(others)) == 6


@pytest.mark.parametrize("norm", ["l1", "l0"])
def test_it_is_for_the_norms_that_it_was_measured_under(norm):
    assert norm not in attacks.get("quick").norms
