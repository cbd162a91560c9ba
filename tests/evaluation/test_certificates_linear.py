"""The exact robustness of linear models: against a solver, against attacks, and for no other model."""

import keras
import numpy as np
import pytest
from keras import layers, ops
from scipy.optimize import linprog

from tfadv import LInf, attacks
from tfadv.errors import TfadvError
from tfadv.evaluation import certificates, checks, metrics
from tfadv.evaluation.certificates.linear import is_linear, linear_radius
from tfadv.evaluation.evaluate import Diagnostics, evaluate
from tfadv.evaluation.judge import Judge
from tfadv.threat import NORMS, balls

EPS = {"linf": 0.05, "l2": 0.4, "l1": 2.0}


def parameters(model):
    """w (pixels, classes) and b of the whole model."""
    shape = model.input_shape[1:]
    b = metrics.logits(model, np.zeros((1, *shape), "float32"))
    w = metrics.logits(model, np.eye(np.prod(shape), dtype="float32").reshape(-1, *shape)) - b
    return w, b[0]


def test_the_radius_is_the_optimum_of_a_linear_program(classifiers, images, labels):
    model = classifiers("linear")
    w, b = parameters(model)
    few = slice(0, 6)
    found = linear_radius(model, images[few], labels[few], "linf")
    for x, y, radius in zip(images[few].reshape(6, -1), labels[few], found, strict=True):
        d, distances = x.size, []
        for j in set(range(10)) - {y}:
            # Minimize t over (x', t): |x' - x| <= t, x' in the box, z_y <= z_j.
            one, t = np.eye(d), -np.ones((d, 1))
            rows = np.vstack([np.hstack([one, t]), np.hstack([-one, t]), [*(w[:, y] - w[:, j]), 0]])
            limits = [*x, *-x, b[j] - b[y]]
            solved = linprog([*np.zeros(d), 1], rows, limits, bounds=[(0, 1)] * d + [(0, None)])
            distances.append(solved.fun if solved.success else np.inf)
        assert radius == pytest.approx(min(distances), abs=1e-5)


def test_a_proof_is_of_the_box_that_an_attacker_has_and_needs_float32(classifiers, images, labels, monkeypatch):
    model = classifiers("linear")
    proof = lambda box: certificates.certificate(Judge(model, images, labels, LInf(0.05, box=box)))  # noqa: E731
    for box in ((0.0, 1.0), None):
        assert proof(box).radius == pytest.approx(linear_radius(model, images, labels, "linf", boxed=box is not None))
    assert (proof(None).radius < proof((0.0, 1.0)).radius).any()
    assert proof((-1.0, 1.0)).method != "linear model"
    monkeypatch.setattr(certificates, "rounds_coarsely", lambda: True)
    assert certificates.proof_method(Judge(model, images, labels, LInf(0.05))) == certificates.interval.COARSE


@pytest.mark.parametrize("norm", balls())
def test_no_attack_goes_below_and_the_best_reaches_it(classifiers, images, labels, norm):
    model = classifiers("linear")
    radius = linear_radius(model, images, labels, norm)
    threat = NORMS[norm](EPS.get(norm, float(np.median(radius))))
    exact = radius > threat.eps
    assert 0.1 < exact.mean() < 0.9
    left = np.ones(len(images), bool)
    for attack in map(attacks.get, ("pgd", "fab_t")):
        left &= metrics.correct(model, attack(model, images, labels, threat=threat), labels)
        assert not (exact & ~left).any()
    np.testing.assert_array_equal(left, exact)


def test_what_is_wrong_has_no_radius_and_what_cannot_fall_an_infinite_one():
    model = keras.Sequential([keras.Input((1, 1, 1)), layers.Flatten(), layers.Dense(2)])
    model.layers[-1].set_weights([np.float32([[0, 1]]), np.float32([0, -0.5])])  # class 1 above a half
    x, y = np.float32([0.2, 0.7, 0.7]).reshape(-1, 1, 1, 1), np.int32([0, 1, 0])
    np.testing.assert_allclose(linear_radius(model, x, y, "l2"), [0.3, 0.2, 0], atol=1e-6)
    model.layers[-1].set_weights([np.float32([[0, 1]]), np.float32([0, -1.5])])  # never
    np.testing.assert_array_equal(linear_radius(model, x, y, "l1"), [np.inf, 0, np.inf])


def test_linear_is_what_the_layers_prove(classifiers, images, labels):
    def convolutional(activation):
        first = [keras.Input((8, 8, 1)), layers.Rescaling(2.0, -1.0), layers.Conv2D(4, 3, activation=activation)]
        return keras.Sequential([*first, layers.AveragePooling2D(2), layers.Flatten(), layers.Dense(10)])

    assert is_linear(classifiers("linear")) and is_linear(convolutional(None))
    for other in (classifiers("mlp"), convolutional("relu")):
        assert not is_linear(other)
        with pytest.raises(TfadvError, match="linear in the pixels"):
            linear_radius(other, images, labels, "l2")
    inputs = keras.Input((8, 8, 1))
    z = layers.Dense(10)(layers.Flatten()(inputs))
    assert not is_linear(keras.Model(inputs, layers.Multiply()([z, z])))


class Rounding(keras.Sequential):
    def call(self, x, training=None, mask=None):
        return super().call(ops.round(2 * x) / 2)


def test_what_looks_linear_and_rounds():
    def linear(kind=keras.Sequential, **first):
        return kind([keras.Input((8, 8, 1)), layers.Flatten(**first), layers.Dense(10)])

    quantized = linear()
    quantized.layers[-1].quantize("int8")
    inputs = keras.Input((8, 8, 1))
    nested = keras.Model(inputs, layers.Dense(10)(linear(Rounding)(inputs)))
    for model in (quantized, linear(Rounding), nested, linear(dtype="int32"), linear(dtype="mixed_bfloat16")):
        assert not is_linear(model)
    assert is_linear(keras.Model(inputs, layers.Dense(10)(linear()(inputs))))
    bytes_ = keras.Input((8, 8, 1), dtype="uint8")  # Keras truncates what it is given
    assert not is_linear(keras.Model(bytes_, layers.Dense(10)(layers.Flatten()(layers.Rescaling(1 / 255)(bytes_)))))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"norm": "L2"}, "norm: expected one of linf, l2, l1"),
        ({"y": np.int32([50] * 32)}, "labels"),
        ({"y": np.int32([1, 2, 3])}, "one per image"),
        ({"x": np.full((32, 8, 8, 1), np.nan, "float32")}, "images"),
        ({"x": np.zeros((0, 8, 8, 1), "float32")}, "images"),
    ],
)
def test_bad_input_is_refused(classifiers, images, labels, changes, message):
    with pytest.raises(TfadvError, match=message):
        linear_radius(classifiers("linear"), **{"x": images, "y": labels, "norm": "l2", **changes})


def test_an_evaluation_says_how_far_the_attacks_are_from_the_truth(classifiers, dataset, monkeypatch):
    monkeypatch.setattr(Diagnostics, "curves", lambda self: [])
    monkeypatch.setattr(Diagnostics, "rho2", lambda self: None)
    monkeypatch.setattr(checks, "CHECKS", (checks.chosen_attacks.short_of_exact,))
    threat = "linf:0.05"
    strong = evaluate(classifiers("linear"), dataset, threat=threat, attacks=["fab_t"])
    facts = {"method": "linear model", "accuracy": strong.robust_accuracy, "exact": True, "confidence": None}
    assert strong.certificate == facts
    np.testing.assert_array_equal(strong.arrays["radius"] > 0.05, strong.arrays["robust"])
    weak = evaluate(classifiers("linear"), dataset, threat=threat, attacks="noise")
    assert weak.certificate == strong.certificate
    codes = [[finding["code"] for finding in result.findings] for result in (strong, weak)]
    assert "short_of_exact" not in codes[0] and "short_of_exact" in codes[1]
