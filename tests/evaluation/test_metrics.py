"""Figures of merit against their definitions."""

import numpy as np
import pytest
import tensorflow as tf

from tfadv.attacks.deepfool import DeepFool
from tfadv.evaluation import metrics
from tfadv.models import build


def test_rho_of_a_linear_model_is_the_distance_to_the_nearest_hyperplane(gray):
    model = build("linear", (8, 8, 1), 10, seed=2)
    w, b = (np.float64(v) for v in model.get_weights())
    flat = np.float64(gray.reshape(len(gray), -1))
    z = flat @ w + b
    best = z.argmax(1)
    expected = []
    for i, k in enumerate(best):
        rivals = [j for j in range(10) if j != k]
        gaps = [(z[i, k] - z[i, j]) / np.linalg.norm(w[:, k] - w[:, j]) for j in rivals]
        expected.append(1.02 * (min(gaps) + 1e-4) / np.linalg.norm(flat[i]))
    np.testing.assert_allclose(metrics.rho(model, gray), expected, rtol=2e-4)


def test_rho_is_nan_where_nothing_changes_the_prediction(classifiers, gray):
    ratios = metrics.rho(classifiers("constant"), gray)
    assert np.isnan(ratios).all()
    assert metrics.summary(ratios) == {"mean": None, "median": None, "not_found": 1.0}


def test_summary():
    assert metrics.summary(np.array([1.0, 3.0, np.nan, 8.0])) == {
        "mean": 4.0,
        "median": 3.0,
        "not_found": 0.25,
    }


def test_rho_counts_misclassified_images_by_their_prediction(classifiers, images):
    model = classifiers("mlp")
    predicted = metrics.predictions(model, images)
    x_adv = DeepFool().minimal(model, images, predicted)
    expected = np.linalg.norm((x_adv - images).reshape(32, -1), axis=1) / np.linalg.norm(images.reshape(32, -1), axis=1)
    np.testing.assert_allclose(metrics.rho(model, images), expected, rtol=1e-5)


def test_fgs_outcomes_against_a_loop(classifiers, images, labels):
    model = classifiers("mlp")
    x = tf.constant(images)
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, model(x))
    signs = np.sign(tape.gradient(loss, x))
    for clip in (False, True):
        expected = []
        for eps in (0.0, 0.1, 0.3):
            moved = images + np.float32(eps) * signs
            moved = np.clip(moved, 0, 1) if clip else moved
            expected.append((np.asarray(model(moved)).argmax(1) == labels).mean())
        np.testing.assert_allclose(
            metrics.fgs_outcomes(model, images, labels, (0.0, 0.1, 0.3), clip=clip).mean(axis=1), expected
        )


def test_roc_areas_against_counting_pairs():
    rng = np.random.default_rng(0)
    labels, scores = rng.integers(0, 3, 60), rng.normal(size=(60, 4))
    curves = metrics.roc(labels, scores)
    assert sorted(curves) == [0, 1, 2]
    for k, (fpr, tpr, area) in curves.items():
        positive, negative = scores[labels == k, k], scores[labels != k, k]
        assert area == pytest.approx((positive[:, None] > negative).mean())
        assert fpr[0] == tpr[0] == 0 and fpr[-1] == tpr[-1] == 1


def test_probabilities_do_not_overflow():
    found = metrics.probabilities([[1e4, 0, -1e4]])
    np.testing.assert_allclose(found, [[1, 0, 0]])
