"""Against a plain loop over images in float64, written from algorithm 1 of the paper."""

import math

import numpy as np
import pytest
import tensorflow as tf
from relu_network import Relu

from tfadv import L2, passes
from tfadv.attacks.ddn import DDN
from tfadv.errors import TfadvError


def uphill(net, x, label):
    """The gradient of the cross-entropy."""
    z = net(x)
    p = np.exp(z - z.max())
    return (p / p.sum() - np.eye(len(z))[label]) @ net.gradients(x)


def loop(net, x, label, steps, target=None, gamma=0.05, radius=1.0, levels=None):
    """The nearest point that wins, or else the last one."""
    wins = lambda v: np.argmax(net(v)) != label if target is None else np.argmax(net(v)) == target  # noqa: E731
    delta, best = np.zeros_like(x), None
    for k in range(steps):
        step = 0.01 + 0.99 * (1 + math.cos(math.pi * k / steps)) / 2
        won = wins(x + delta)
        if won and (best is None or np.linalg.norm(delta) < np.linalg.norm(best)):
            best = delta
        g = uphill(net, x + delta, label) if target is None else -uphill(net, x + delta, target)
        delta = delta + step * g / np.linalg.norm(g)
        radius = min(radius * (1 - gamma if won else 1 + gamma), np.linalg.norm(np.maximum(x, 1 - x)))
        delta = np.clip(x + radius * delta / np.linalg.norm(delta), 0, 1) - x
        if levels:
            delta = np.round((x + delta) * (levels - 1)) / (levels - 1) - x
    if wins(x + delta) and (best is None or np.linalg.norm(delta) < np.linalg.norm(best)):
        best = delta
    return x + (delta if best is None else best)


@pytest.mark.parametrize("options", [{}, {"gamma": 0.1, "radius": 0.3}, {"levels": 17}, {"target": True}])
def test_is_the_published_loop(options, classifiers, images, predict):
    model = classifiers("mlp")
    y, x = predict(model, images), images.reshape(len(images), -1).astype(float)
    targets = (y + 3) % 10 if options.pop("target", False) else None
    named = {"init_eps" if k == "radius" else k: v for k, v in options.items()}
    found = DDN(steps=15, **named).minimal(model, images, y, targets=targets).reshape(len(x), -1)
    net, goals = Relu(model), [None] * len(x) if targets is None else targets
    expected = [loop(net, v, own, 15, t, **options) for v, own, t in zip(x, y, goals, strict=True)]
    gap = np.linalg.norm(found - expected, axis=1) / np.linalg.norm(expected - x, axis=1)
    # An image may take another turn where float32 and float64 disagree on the side of a boundary.
    assert np.mean(gap < 1e-3) > 0.9 and np.median(gap) < 1e-5


def test_confident_models_do_not_stop_it(classifiers, images, predict):
    """Logits times 1e4: the gradient of the cross-entropy is 0 in float32, its direction is not."""
    model = classifiers("saturated")
    y = predict(model, images)
    logits = tf.cast(model(images), tf.float32)
    assert np.mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits) == 0) > 0.9
    assert (predict(model, DDN(steps=30).minimal(model, images, y)) != y).all()


def test_the_margin_leads_to_the_nearest_boundary_of_a_linear_model(classifiers, gray, predict):
    model = classifiers("linear")
    kernel, z, y = model.layers[-1].kernel.numpy(), model(gray).numpy(), predict(model, gray)
    length = np.linalg.norm(kernel.T[None] - kernel.T[y][:, None], axis=2)
    gap = z[np.arange(len(y)), y][:, None] - z
    exact = np.divide(gap, length, out=np.full_like(gap, np.inf), where=length > 0).min(axis=1)
    ratios = []
    for loss in ("margin", "ce"):
        found = DDN(loss=loss, init_eps=0.1, steps=200).minimal(model, gray, y)
        ratios.append(np.linalg.norm((found - gray).reshape(len(y), -1), axis=1) / exact)
    assert (ratios[0] > 1 - 1e-4).all() and np.median(ratios[0]) < 1.01
    assert np.median(ratios[1]) > 1.05


def test_quantized_images_fool(classifiers, images, predict):
    model, x = classifiers("cnn"), np.round(images * 255) / 255
    y = predict(model, x)
    found = DDN(steps=40, levels=256).minimal(model, x.astype("float32"), y)
    assert np.allclose(found * 255, np.round(found * 255), atol=1e-4)
    assert np.mean(predict(model, found) != y) > 0.95


def test_with_early_stop_the_same_examples_fall_at_less_cost(classifiers, images, predict):
    model, within = classifiers("cnn"), L2(0.5)
    y = predict(model, images)
    fooled, spent = [], []
    for attack in (DDN(steps=40), DDN(steps=40).until_fooled()):
        before = np.array(passes.counts())
        fooled.append(predict(model, attack(model, images, y, threat=within)) != y)
        spent.append(np.array(passes.counts()) - before)
    assert 0.2 < fooled[0].mean() < 0.9
    # The projection of what the full run finds a little outside may fool too.
    assert (fooled[1] <= fooled[0]).all() and np.mean(fooled[0] != fooled[1]) < 0.1
    assert (spent[1] < 0.9 * spent[0]).all()


def test_leaves_what_is_wrong_already_and_what_has_no_gradient(classifiers, images, predict):
    for name, shift in (("cnn", 1), ("constant", 0)):
        y = (predict(classifiers(name), images) + shift) % 10
        assert np.array_equal(DDN(steps=3).minimal(classifiers(name), images, y), images)


def test_refuses_a_radius_that_vanishes():
    with pytest.raises(TfadvError, match="ddn: gamma: expected a number below 1, received 1.0"):
        DDN(gamma=1)
