"""Classifiers that reject are attacked by the same code: a rejected example is not won."""

import dataclasses
import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfadv import LInf, attacks, random, validation
from tfadv.attacks.problem import Problem
from tfadv.errors import TfadvError
from tfadv.evaluation import metrics
from tfadv.graph.reject import with_reject

RNG = np.random.default_rng(0)
# Class 0 by a little before class 1; what comes near class 1 is rejected from x_1 = 0.42 on.
X = np.float32([0.5, 0.4, 0.2, 0.1]) + RNG.uniform(-0.01, 0.01, (5, 4)).astype("float32")
Y = np.zeros(5, np.int32)
# Within 0.06 class 1 is above class 0 only where it is rejected; within 0.15 the label can fall below 0.42.
CLOSED, OPEN = LInf(0.06), LInf(0.15)
ATTACKS = ["pgd(steps=20)", "apgd(steps=20)", "apgd(steps=20, loss=dlr)", "apgd_t(steps=20)", "fab_t(steps=20)"]
MINIMAL = [
    "fab(steps=60, eta=1.5)",  # with the default eta it stops short of where two boundaries meet
    "deepfool(overshoot=0.1)",
    "ddn(loss=margin)",
    "ddn",
    "cw(steps=50)",
    "boundary(queries=200)",
]


def linear(kernel, bias):
    layer = keras.layers.Dense(len(bias))
    model = keras.Sequential([keras.Input((4,)), layer])
    layer.set_weights([np.float32(kernel), np.float32(bias)])
    return model


@functools.cache
def classifier():
    return linear(8 * np.eye(4)[:, :3], [0, 0, 0])


@functools.cache
def guarded():
    """The classifier, which rejects where x_1 is above 0.42."""
    return with_reject(classifier(), linear([[0], [40], [0], [0]], [-40 * 0.42]))


def wins(x_adv):
    predicted = metrics.predictions(guarded(), x_adv)
    return (predicted != 0) & (predicted != 3)


def test_what_counts_as_won_and_what_is_raised():
    z = tf.constant(RNG.normal(0, 2, (200, 4)), tf.float32)
    labels = tf.constant(RNG.integers(0, 3, 200), tf.int32)
    problem = Problem(None, tf.zeros([200, 1]), labels, reject=True)
    predicted, p = z.numpy().argmax(axis=1), tf.nn.softmax(z).numpy()
    won = (predicted != labels.numpy()) & (predicted != 3)
    assert 0.2 < won.mean() < 0.8 and np.array_equal(problem.reached(z), won)
    assert np.array_equal(problem.margin(z) > 0, won)
    expected = -np.log(p[np.arange(200), labels] + p[:, 3])
    assert np.allclose(problem.loss("ce", z), expected, atol=1e-5)
    assert np.array_equal(problem.loss("dlr", z) > 0, won)
    clean = np.array(tf.nn.softmax(z[::-1]))
    both = [np.where(np.eye(3)[labels] > 0, q[:, :3] + q[:, 3:], q[:, :3]) for q in (clean, p)]
    kl = dataclasses.replace(problem, reference=z[::-1]).loss("kl", z)
    assert np.allclose(kl, (both[0] * np.log(both[0] / both[1])).sum(axis=1), atol=1e-4)
    assert problem.rivals(z).shape == (200, 2) and np.all(
        (problem.rivals(z) != labels[:, None]) & (problem.rivals(z) < 3)
    )
    kept = np.array(z)[np.arange(200), labels]
    assert np.array_equal(problem.own(z), np.where(z[:, 3] > kept, 3, labels))
    targeted = problem.towards((labels + 1) % 3)
    assert np.array_equal(targeted.reached(z), predicted == targeted.targets)
    assert np.array_equal(targeted.margin(z) > 0, predicted == targeted.targets)


@pytest.mark.parametrize("spec", ATTACKS)
def test_attacks_avoid_what_is_rejected(spec):
    attack = attacks.get(spec)
    craft = lambda threat: attack.craft(  # noqa: E731
        guarded(), tf.constant(X), tf.constant(Y), threat=threat, seed=random.key(0)
    ).numpy()
    assert wins(craft(OPEN)).all()
    assert not wins(craft(CLOSED)).any()


def test_square_finds_the_corner_that_is_not_rejected():
    """Its proposals are corners of the ball, of which class 2, raised a little, wins one where x_0 and x_1 are low."""
    attack, x = attacks.get("square(queries=200)"), X + np.float32([0, 0, 0.05, 0])
    assert wins(attack(guarded(), x, Y, threat=OPEN)).all()
    assert not wins(attack(guarded(), x, Y, threat=CLOSED)).any()


@pytest.mark.parametrize("spec", MINIMAL)
def test_minimum_norm_attacks_stop_beyond_both_boundaries(spec):
    """The nearest point with z_1 > z_0 that is not rejected has x_0 = x_1 = 0.42, or less of both."""
    found = attacks.get(spec).minimal(guarded(), X, Y)
    assert wins(found).all()
    gap = (X[:, 0] - X[:, 1]) / 2
    nearest = np.where(X[:, 1] + gap > 0.42, np.hypot(X[:, 0] - 0.42, 0.42 - X[:, 1]), gap * 2**0.5)
    ratio = np.linalg.norm(found - X, axis=1) / nearest
    assert (ratio > 1 - 1e-3).all() and np.median(ratio) < (np.inf if "boundary" in spec else 1.6)


@pytest.mark.usefixtures("eagerly")
def test_an_attack_that_does_not_know_of_it_is_rejected():
    x_adv = attacks.get("pgd(steps=20)")(classifier(), X, Y, threat=OPEN)
    assert (metrics.predictions(classifier(), x_adv) != Y).all() and not wins(x_adv).any()
    assert wins(attacks.get("pgd(steps=20)")(guarded(), X, Y, threat=OPEN)).all()


def test_rejected_is_wrong_for_clean_and_right_for_adversarial_images():
    x = np.float32([[0.5, 0.1, 0, 0], [0.8, 0.5, 0, 0], [0.1, 0.4, 0, 0]])  # right, rejected, wrong
    y = np.zeros(3, np.int32)
    assert metrics.predictions(guarded(), x).tolist() == [0, 3, 1]
    assert metrics.correct(guarded(), x, y).tolist() == [True, False, False]
    assert metrics.correct(guarded(), x, y, attacked=True).tolist() == [True, True, False]
    assert metrics.correct(classifier(), x, y, attacked=True).tolist() == [True, True, False]


def test_rejecting_is_saved_with_the_model(tmp_path):
    guarded().save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert validation.rejects(again) and not validation.rejects(classifier())
    assert validation.classifier(again, X) == 3
    with pytest.raises(TfadvError, match="indices from 0 to 2"):
        attacks.get("pgd")(again, X, Y + 3, threat=OPEN)
    with pytest.raises(TfadvError, match="the detector's output"):
        with_reject(classifier(), classifier())
