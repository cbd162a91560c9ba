"""Where APGD begins."""

import numpy as np
import tensorflow as tf

from tfadv import LInf, random
from tfadv.attacks.apgd import towards_images
from tfadv.attacks.problem import Problem

X = tf.constant(np.linspace(0, 1, 4, dtype="float32")[:, None, None, None] * np.ones((4, 2, 2, 1), "float32"))
LABELS = tf.constant([0, 0, 1, 1])


def starts(seed, **wanted):
    return towards_images(Problem(None, X, LABELS, **wanted), LInf(0.1), random.key(seed)).numpy()


def test_starts_lie_as_near_as_the_ball_allows_to_an_image_of_another_class():
    for seed in range(3):
        ways = np.sign([1, 1, -1, -1])[:, None, None, None]
        np.testing.assert_allclose(starts(seed), X.numpy() + 0.1 * ways, atol=1e-6)


def test_targets_say_which_and_where_there_is_none_the_start_is_random():
    found = starts(0, targets=tf.constant([0, 1, 1, 5]))
    assert found[1].mean() > X[1].numpy().mean() + 0.09  # towards images of the class 1
    assert np.unique(found[3]).size > 1 and np.abs(found[3] - X[3]).max() <= 0.1 + 1e-6
    assert not np.array_equal(starts(1, targets=tf.constant([5, 5, 5, 5])), starts(2, targets=tf.constant([5] * 4)))
