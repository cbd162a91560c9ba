import keras
import numpy as np
import pytest
import tensorflow as tf

from tfadv import L2, LInf, random
from tfadv.attacks.problem import Problem
from tfadv.attacks.simba import BASES, SimBA


def gray(n, *shape):
    return np.random.default_rng(0).uniform(0.4, 0.6, (n, *shape)).astype("float32")


def linear(w):
    return lambda x: tf.stack([tf.zeros(len(x)), tf.reduce_sum(x * w, axis=[1, 2, 3]) - 100], axis=1)


def queries_of(attack, logits_fn, x, threat):
    asked = []

    def watched(x):
        asked.append(x.numpy())
        return logits_fn(x)

    attack.perturb_projected(Problem(watched, tf.constant(x), tf.zeros(len(x), tf.int32)), threat, random.key(1))
    return asked


@pytest.mark.parametrize("length", [1, 2, 8, 28])
def test_bases_are_orthonormal(length):
    for basis in BASES.values():
        rows = basis(length)
        assert np.allclose(rows @ rows.T, np.eye(len(rows)), atol=1e-6)
    assert len(BASES["pixel"](length)) == length
    assert len(BASES["dct"](length)) == max(1, round(0.35 * length))
    assert np.allclose(BASES["dct"](length)[0], length**-0.5)


def test_every_pixel_is_tried_once_and_both_ways_where_needed():
    w, x = np.random.default_rng(1).normal(size=(3, 2, 2)).astype("float32"), gray(4, 3, 2, 2)
    asked = queries_of(SimBA(queries=24, step_size=0.01), linear(w), x, L2(5))
    best = asked[0]
    pixels = [[] for _ in x]
    for proposed in asked[1:]:
        for i, (old, new) in enumerate(zip(best, proposed, strict=True)):
            [place] = np.argwhere(new != old)
            pixels[i].append((*place, np.sign((new - old)[tuple(place)])))
            assert np.isclose(np.abs(new - old).max(), 0.01, atol=1e-6)
        score = lambda images: (images * w).sum(axis=(1, 2, 3))  # noqa: E731
        best = np.where((score(proposed) > score(best))[:, None, None, None], proposed, best)
    for tried in pixels:
        # Forwards; backwards where that had not helped.
        expected, k = [], 0
        while k < len(tried):
            *place, sign = tried[k]
            assert sign > 0 and place not in expected
            if w[tuple(place)] < 0 and k + 1 < len(tried):
                assert tried[k + 1] == (*place, -1)
                k += 1
            expected.append(place)
            k += 1
            if len(expected) == 12:
                expected = []


def test_reaches_the_best_corner_for_a_linear_model_in_two_queries_a_pixel():
    w, x = np.random.default_rng(1).normal(size=(4, 4, 1)).astype("float32"), gray(4, 4, 4, 1)
    model = keras.Sequential([keras.Input(w.shape), keras.layers.Flatten(), keras.layers.Dense(2)])
    model.set_weights([np.stack([0 * w.ravel(), w.ravel()], axis=1), np.float32([0, -100])])
    x_adv = SimBA(queries=2 * 16)(model, x, [0] * 4, threat=LInf(0.1))
    assert np.allclose(x_adv, x + 0.1 * np.sign(w), atol=1e-6)


def test_dct_directions_are_products_of_low_cosines():
    x = gray(6, 8, 8, 2)
    still = lambda x: tf.tile([[9.0, 0.0]], [len(x), 1])  # noqa: E731
    asked = queries_of(SimBA(queries=40, basis="dct", step_size=0.1), still, x, L2(5))
    low = BASES["dct"](8)
    for proposed in asked[1:]:
        delta = proposed - x
        assert np.allclose(np.sqrt((delta**2).sum(axis=(1, 2, 3))), 0.1, atol=1e-5)
        energy = np.einsum("uh,nhwc,vw->nuvc", low, delta, low) ** 2
        assert np.allclose(energy.max(axis=(1, 2, 3)), 0.01, atol=1e-5)


@pytest.mark.parametrize("basis", BASES)
def test_more_queries_fool_more(basis, classifiers, images, labels, predict):
    model = classifiers("cnn")
    fooled = [
        predict(model, SimBA(queries=queries, basis=basis)(model, images, labels, threat=L2(1.0))) != labels
        for queries in (1, 300)
    ]
    assert (fooled[1] >= fooled[0]).all() and fooled[1].mean() > fooled[0].mean() + 0.1
