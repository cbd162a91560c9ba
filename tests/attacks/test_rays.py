"""RayS: labels alone, and the way to the nearest corner."""

import numpy as np
import tensorflow as tf

from tfadv import LInf, random
from tfadv.attacks.problem import Problem
from tfadv.attacks.rays import RayS


def crafted(attack, label_of, x, threat):
    """Run eagerly on a model of two classes that says nothing but which; what it was asked about, too."""
    asked = []

    def logits_fn(x):
        asked.append(x.numpy())
        return tf.one_hot(tf.cast(label_of(x), tf.int32), 2)

    problem = Problem(logits_fn, tf.constant(x), tf.zeros(len(x), tf.int32))
    return attack.perturb_projected(problem, threat, random.key(3)).numpy(), asked


def test_finds_the_corner_that_only_labels_lead_to():
    """The nearest misclassified point changes every pixel in its own direction; half of it already fools nobody."""
    rng = np.random.default_rng(0)
    way = np.float32([1, 1, -1, -1, 1, 1, -1, -1]).reshape(1, 2, 4, 1)
    x = rng.uniform(0.45, 0.55, (3, 2, 4, 1)).astype("float32")
    wrong = lambda z: tf.reduce_sum((z - x[:1]) * way, axis=(1, 2, 3)) > 8 * 0.19  # noqa: E731
    found, asked = crafted(RayS(queries=150), wrong, x[:1], LInf(0.2))
    np.testing.assert_allclose(found, x[:1] + 0.2 * way, atol=0.011)
    assert bool(wrong(found)[0]) and 10 < len(asked) <= 152
    far, asked = crafted(RayS(queries=40), wrong, x[:1], LInf(0.1))
    assert len(asked) == 41 and np.abs(far - x[:1]).max() <= 0.1 + 1e-6


def test_an_image_that_is_fooled_is_left_alone():
    x = np.full((2, 2, 2, 1), 0.5, "float32")
    x[1] = 0.9
    found, asked = crafted(RayS(queries=30), lambda z: tf.reduce_mean(z, axis=(1, 2, 3)) > 0.6, x, LInf(0.15))
    assert np.array_equal(found[1], x[1]) and found[0].mean() > 0.6
    assert len(asked) < 31 and all(len(batch) == 1 for batch in asked[1:])
