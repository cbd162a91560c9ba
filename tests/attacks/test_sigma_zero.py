"""Against a plain loop over images in float64, and against the fewest pixels that a linear model needs."""

import math

import numpy as np
import pytest
import tensorflow as tf
from relu_network import Relu

from tfadv import random
from tfadv.attacks.problem import Problem
from tfadv.attacks.sigma_zero import SigmaZero, cut
from tfadv.threat import L0


def loop(net, x, label, steps, target=None):
    """The misclassified point with the fewest changed pixels, or else the last one."""
    x0, best, threshold = x, None, 0.3
    mean, squares = np.zeros_like(x), np.zeros_like(x)
    sizes = [0.1 + 0.9 * (1 + math.cos(math.pi * t / steps)) / 2 for t in range(steps + 1)]
    for t in range(steps + 1):
        z, gradients = net(x), net.gradients(x)
        own = label if target is None else target
        rival = max((j for j in range(len(z)) if j != own), key=lambda j: z[j])
        won = (z.argmax() != label) if target is None else (z.argmax() == target)
        if won and (best is None or (x != x0).sum() < (best != x0).sum()):
            best = x
        if t == steps:
            return x if best is None else best
        toward, away = (rival, own) if target is None else (own, rival)
        delta = x - x0
        g = 2 * 1e-3 * delta / (delta**2 + 1e-3) ** 2 / len(x)
        g = g if won else g + gradients[away] - gradients[toward]
        g = g / max(np.abs(g).max(), 1e-300)
        mean, squares = 0.9 * mean + 0.1 * g, 0.999 * squares + 0.001 * g**2
        step = mean / (1 - 0.9 ** (t + 1)) / (np.sqrt(squares / (1 - 0.999 ** (t + 1))) + 1e-8)
        moved = np.clip(x - sizes[t] * step, 0, 1)
        threshold = min(max(threshold + (0.01 if won else -0.01) * sizes[t + 1], 0), 1)
        x = np.where(np.abs(moved - x0) >= threshold, moved, x0)


@pytest.mark.parametrize("targeted", [False, True])
def test_is_the_published_loop(targeted, classifiers, images, predict):
    model = classifiers("mlp")
    y, x = predict(model, images), images.reshape(len(images), -1).astype(float)
    targets = (y + 3) % 10 if targeted else None
    found = SigmaZero(steps=20).minimal(model, images, y, norm="l0", targets=targets).reshape(len(x), -1)
    net, goals = Relu(model), [None] * len(x) if targets is None else targets
    expected = np.stack([loop(net, v, own, 20, t) for v, own, t in zip(x, y, goals, strict=True)])
    # A pixel near the threshold falls to either side of it by rounding, and then the search goes another way.
    same = (np.abs(found - expected) < 1e-3).all(axis=1)
    assert same.mean() > 0.8
    size = lambda z: np.median((np.abs(z - x) > 1e-6).sum(axis=1))  # noqa: E731
    assert size(found) == pytest.approx(size(expected), abs=1)


def test_finds_the_fewest_pixels_of_a_linear_model():
    """Those with the largest |w| times the room that the box leaves, until the gap is closed."""
    rng = np.random.default_rng(0)
    x, w = rng.uniform(0, 1, (40, 6, 6, 1)).astype("float32"), rng.normal(size=(6, 6, 1)).astype("float32")
    bias = -np.sum(x * w, axis=(1, 2, 3)) - rng.uniform(0.5, 5, 40)
    gain = np.sort((np.where(w > 0, 1 - x, x) * np.abs(w)).reshape(40, -1), axis=1)[:, ::-1]
    gap = -(np.sum(x * w, axis=(1, 2, 3)) + bias)
    fewest = 1 + (np.cumsum(gain, axis=1) <= gap[:, None]).sum(axis=1)
    score = lambda z: tf.reduce_sum(z * w, axis=[1, 2, 3]) + tf.constant(bias, tf.float32)  # noqa: E731
    problem = Problem(lambda z: tf.stack([tf.zeros(len(z)), score(z)], 1), tf.constant(x), tf.zeros(40, tf.int32))
    attack = SigmaZero(steps=300)
    found = tf.function(lambda: attack.search(problem, L0(1e9), random.key(0)))()
    size = L0(1).distance(found, x).numpy()
    assert (score(found) > 0).numpy().all() and (size >= fewest).all()
    assert (size == fewest).mean() > 0.8 and size.max() > 3
    # Within three pixels, exactly those fall that need no more.
    within = tf.function(lambda: attack.perturb_projected(problem, L0(3), random.key(0)))()
    assert L0(3).contains(within, x).numpy().all()
    assert (score(within).numpy() > 0).mean() == pytest.approx((fewest <= 3).mean(), abs=0.1)


def test_attacks_vectors_without_a_box():
    """Latent codes: the logits are the code itself."""
    codes = tf.constant(3 * np.random.default_rng(0).normal(size=(8, 5)), tf.float32)
    problem = Problem(tf.identity, codes, tf.argmax(codes, axis=1, output_type=tf.int32))
    found = tf.function(lambda: SigmaZero(steps=60).perturb_projected(problem, L0(2, box=None), random.key(0)))()
    assert problem.reached(found).numpy().all() and L0(2, box=None).contains(found, codes).numpy().all()


@pytest.mark.parametrize("boxes", [(None, None), ((0, 1), (0, 64))])
def test_steps_and_thresholds_grow_with_the_box_or_the_codes(boxes):
    x = tf.constant(np.random.default_rng(0).uniform(0, 1, (4, 6)), tf.float32)

    def steps(scale, box):
        problem = Problem(lambda z: z / scale, scale * x, tf.argmax(x, axis=1, output_type=tf.int32))
        attack, within = SigmaZero(), L0(2, box)
        states = [attack._start(problem.x, within)]
        for t in range(3):
            states.append(attack._step(t, problem, states[-1], within)[1])
        return states

    both = [steps(*given) for given in zip((1.0, 64.0), boxes, strict=True)]  # powers of 2, so that nothing is rounded
    for narrow, wide in zip(*both, strict=True):
        assert np.array_equal(wide.x, 64 * narrow.x) and np.array_equal(wide.threshold, 64 * narrow.threshold)
    assert np.all(np.any(both[0][1].x != x, axis=1)) and np.any(both[0][3].threshold != both[0][0].threshold)


def test_pixels_are_put_back_where_every_channel_changed_by_less():
    x = tf.fill((1, 1, 3, 2), 0.5)
    moved = x + tf.constant([[[[0.1, -0.1], [0.3, 0.0], [0.5, -0.2]]]])
    np.testing.assert_allclose(cut(moved, x, tf.constant([0.2])), [[[[0.5, 0.5], [0.8, 0.5], [1.0, 0.3]]]])


def test_with_early_stop_the_same_examples_fall(classifiers, images, predict):
    model, within = classifiers("cnn"), L0(2)
    y = predict(model, images)
    attack = SigmaZero(steps=60)
    crafted = [one(model, images, y, threat=within) for one in (attack, attack.until_fooled())]
    fooled = [predict(model, x_adv) != y for x_adv in crafted]
    assert 0.1 < fooled[0].mean() < 1 and np.mean(fooled[0] != fooled[1]) < 0.1


def test_leaves_what_is_wrong_already_and_what_has_no_gradient(classifiers, images, predict):
    for name, shift in (("cnn", 1), ("constant", 0)):
        y = (predict(classifiers(name), images) + shift) % 10
        found = SigmaZero(steps=3).minimal(classifiers(name), images, y, norm="l0")
        assert np.array_equal(found, images)
