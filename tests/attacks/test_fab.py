"""Against a plain loop over images in float64, written from the paper; the nearest points by a search on lam."""

import numpy as np
import pytest
import tensorflow as tf
from relu_network import Relu

from tfadv import L2, DeepFool, LInf, passes, random
from tfadv.attacks.fab import FAB, FABT
from tfadv.attacks.problem import Problem
from tfadv.errors import TfadvError
from tfadv.evaluation.certificates.linear import linear_radius
from tfadv.gradients import logits_of
from tfadv.threat import NORMS, balls

ORDER = {"linf": np.inf, "l2": 2, "l1": 1}


class Walk(FAB):
    """Without the final search."""

    final = 0


class WalkT(FABT):
    final = 0


def length(delta, norm):
    return np.linalg.norm(delta, ORDER[norm], axis=-1)


def towards(x, w, gap, norm):
    """From x to the nearest point of w . v = w . x - gap in the box."""
    way = -np.sign(w) * np.sign(gap)
    size, free = np.abs(w), np.where(way > 0, 1 - x, np.where(way < 0, x, 0))
    if norm == "l1":
        moved, left = np.zeros_like(x), abs(gap)
        for i in np.argsort(-size):
            moved[i] = min(free[i], left / size[i]) if size[i] else 0
            left -= size[i] * moved[i]
        return way * moved
    pace, low, high = (size if norm == "l2" else np.sign(size)), 0.0, 1e6
    for _ in range(100):
        mid = (low + high) / 2
        low, high = (mid, high) if size @ np.minimum(mid * pace, free) < abs(gap) else (low, mid)
    return way * np.minimum(high * pace, free)


def loop(net, x0, norm, steps, rivals, wins):
    """One run on one image: the nearest point, before the final search, and the present one."""
    own, x, best = np.argmax(net(x0)), x0, None
    for _ in range(steps):
        z, g = net(x), net.gradients(x)
        dual = {"linf": 1, "l2": 2, "l1": np.inf}[norm]
        k = min(rivals, key=lambda k: abs(z[k] - z[own]) / np.linalg.norm(g[k] - g[own], dual))
        w, gap = g[k] - g[own], z[k] - z[own]
        d1, d2 = towards(x, w, gap, norm), towards(x0, w, gap + w @ (x0 - x), norm)
        a = min(length(d1, norm) / (length(d1, norm) + length(d2, norm)), 0.1)
        x = np.clip((1 - a) * (x + 1.05 * d1) + a * (x0 + 1.05 * d2), 0, 1)
        if wins(np.argmax(net(x))):
            if best is None or length(x - x0, norm) < length(best - x0, norm):
                best = x
            x = x0 + 0.9 * (x - x0)
    return best, x


def compare(found, expected, x):
    gap = np.linalg.norm(found - expected, axis=1) / np.linalg.norm(expected - x, axis=1)
    # An image may take another turn where float32 and float64 disagree on the side of a boundary.
    assert np.mean(gap < 1e-3) > 0.85 and np.median(gap) < 1e-4


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize("norm", balls())
def test_is_the_published_loop(norm, classifiers, images, predict):
    model = classifiers("mlp")
    y, net, x = predict(model, images), Relu(model), images.reshape(len(images), -1).astype(float)
    found = Walk(steps=6).minimal(model, images, y, norm=norm).reshape(len(images), -1)
    runs = [
        loop(net, v, norm, 6, [k for k in range(10) if k != own], lambda p, own=own: p != own)
        for v, own in zip(x, y, strict=True)
    ]
    compare(found, np.stack([last if best is None else best for best, last in runs]), x)


@pytest.mark.parametrize("norm", balls())
def test_each_run_of_the_targeted_form_is_one_class(norm, classifiers, images, predict):
    """The nearest of the runs towards the second, third and fourth class of the image."""
    model, n = classifiers("mlp"), 12
    y, net, x = predict(model, images[:n]), Relu(model), images[:n].reshape(n, -1).astype(float)
    found = WalkT(steps=6, target_classes=3).minimal(model, images[:n], y, norm=norm).reshape(n, -1)
    expected = []
    for v, own in zip(x, y, strict=True):
        runs = [loop(net, v, norm, 6, [k], lambda p, own=own: p != own) for k in np.argsort(-net(v))[1:4]]
        ends = [best for best, _ in runs if best is not None] or [runs[-1][1]]
        expected.append(min(ends, key=lambda end, v=v: length(end - v, norm)))
    compare(found, np.stack(expected), x)


def test_the_final_search_only_comes_nearer(classifiers, images, predict, norm="l1"):
    model = classifiers("cnn")
    y = predict(model, images)
    searched = FABT(steps=8, target_classes=2).minimal(model, images, y, norm=norm)
    plain = WalkT(steps=8, target_classes=2).minimal(model, images, y, norm=norm)
    fooled = predict(model, plain) != y
    ratio = (length((v - images).reshape(len(y), -1), norm)[fooled] for v in (searched, plain))
    ratio = np.divide(*ratio)
    assert fooled.mean() > 0.9 and (predict(model, searched)[fooled] != y[fooled]).all()
    assert (ratio < 1 + 1e-3).all() and np.mean(ratio < 0.9999) > 0.5


def test_with_early_stop_the_same_examples_fall_at_less_cost(classifiers, images, predict):
    model = classifiers("cnn")
    y, within = predict(model, images), LInf(0.07)
    fooled, spent = [], []
    for attack in (FABT(steps=20, target_classes=4), FABT(steps=20, target_classes=4).until_fooled()):
        before = np.array(passes.counts())
        x_adv = attack(model, images, y, threat=within)
        spent.append(np.array(passes.counts()) - before)
        fooled.append(predict(model, x_adv) != y)
        assert (within.contains(tf.constant(x_adv), images)).numpy().all()
    assert 0.2 < fooled[0].mean() < 0.9
    # What the full run finds a little outside, its projection or the final search may bring in.
    assert (fooled[1] <= fooled[0]).all() and np.mean(fooled[0] != fooled[1]) < 0.1
    assert (spent[1] < 0.9 * spent[0]).all()


def test_with_early_stop_what_lies_beyond_eps_is_not_the_end(classifiers, images, predict):
    """Every first point lies 5% beyond the boundary of a linear model; the walk comes nearer than 2%."""
    model = classifiers("linear")
    y = predict(model, images)
    eps = 1.02 * linear_radius(model, images, y, "linf")
    for k in range(4):
        problem = Problem(logits_of(model), tf.constant(images[k : k + 1]), tf.constant(y[k : k + 1])).flattened()
        found = FABT(steps=20, early_stop=True).perturb(problem, LInf(tf.constant(eps[k])), seed=0)
        assert problem.reached(problem.logits_fn(found)) and LInf(0).distance(found, problem.x) <= eps[k]


def test_comes_nearer_than_deepfool(classifiers, images, predict):
    model = classifiers("cnn")
    y = predict(model, images)
    reach = [
        np.median(length((attack.minimal(model, images, y) - images).reshape(len(y), -1), "l2"))
        for attack in (FAB(steps=30), DeepFool(clip=True))
    ]
    assert reach[0] < 0.98 * reach[1]


@pytest.mark.usefixtures("eagerly")
def test_two_classes_leave_one_run(classifiers, images, predict):
    model = classifiers("two_classes")
    y = predict(model, images)
    one, other = (attack.minimal(model, images, y, norm="linf") for attack in (FAB(steps=5), FABT(steps=5)))
    assert np.array_equal(one, other) and (predict(model, one) != y).all()
    assert FABT(steps=5).cost(2) == FAB(steps=5).cost(2) and FABT().cost(4).backward == 300
    assert FAB().cost(10).backward == 900


@pytest.mark.parametrize("attack", [FAB(steps=20), FABT(steps=20), FABT(steps=20, early_stop=True)])
def test_targets_are_reached(attack, classifiers, images, predict):
    model = classifiers("mlp")
    y = predict(model, images)
    targets = (y + 1 + np.arange(len(y)) % 9) % 10
    found = attack.minimal(model, images, y, targets=targets)
    assert np.mean(predict(model, found) == targets) > 0.95


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize("attack", [FAB(steps=3), FABT(steps=3, early_stop=True)])
def test_leaves_what_is_wrong_already_and_what_has_no_boundary(attack, classifiers, images, predict):
    for name, shift in (("cnn", 1), ("constant", 0)):
        y = (predict(classifiers(name), images) + shift) % 10
        assert np.array_equal(attack.minimal(classifiers(name), images, y), images)


@pytest.mark.usefixtures("eagerly")
def test_restarts_only_come_nearer(classifiers, images, predict):
    model = classifiers("cnn")
    y = predict(model, images)
    reach = [
        length((FAB(steps=4, restarts=r).minimal(model, images, y) - images).reshape(32, -1), "l2") for r in (1, 3)
    ]
    assert (reach[1] <= reach[0] * (1 + 1e-3)).all() and (reach[1] < 0.999 * reach[0]).any()


@pytest.mark.parametrize("norm", balls())
def test_runs_begin_at_the_image_then_at_half_the_reach(norm):
    x0 = tf.fill([4, 50], 0.5)
    attack, reach = FABT(steps=10, restarts=2), tf.constant([0.02, 0.1, 0.2, np.inf])
    at = lambda t: attack._begin(t, x0, x0 + 0.25, reach, NORMS[norm](1.0), random.key(0))  # noqa: E731
    for t in (0, 20):
        assert np.array_equal(at(t), x0)
    for t in (1, 15):
        assert np.array_equal(at(t), x0 + 0.25)
    half = {"linf": 0.15, "l2": 0.5, "l1": 2.5}[norm]
    assert np.allclose(NORMS[norm](0).distance(at(10), x0), [0.01, 0.05, 0.1, half], rtol=1e-4)


@pytest.mark.usefixtures("eagerly")
def test_within_a_threat_model_the_point_found_is_returned(classifiers, images, predict):
    model = classifiers("mlp")
    y = predict(model, images)
    found = FAB(steps=5).minimal(model, images, y)
    assert np.allclose(FAB(steps=5)(model, images, y, threat=L2(10.0)), found, atol=1e-6)
    assert np.mean(predict(model, FAB(steps=5)(model, images, y, threat=LInf(0.5))) != y) > 0.95


@pytest.mark.parametrize("option", ["alpha_max", "beta"])
def test_refuses_shares_above_one(option):
    with pytest.raises(TfadvError, match=rf"fab: {option}: expected a number of at most 1, received 1.5"):
        FAB(**{option: 1.5})
