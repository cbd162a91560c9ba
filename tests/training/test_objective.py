"""The loss against its formulas in numpy, for integer labels and for soft ones."""

import keras
import numpy as np
import pytest
from scipy.special import log_softmax

from tfadv.training.objective import Loss

RNG = np.random.default_rng(0)
Z = RNG.normal(0, 2, (30, 5)).astype("float32")
Y = RNG.integers(0, 5, 30).astype("int32")


def hinge(z, y):
    return sum(max(0, z[j] - z[y] + 1) for j in range(len(z)) if j != y)


FORMULAS = {"ce": lambda z, y: -log_softmax(z)[y], "hinge": hinge}


@pytest.mark.parametrize("name", FORMULAS)
def test_formulas(name):
    each = [FORMULAS[name](z, y) for z, y in zip(Z, Y, strict=True)]
    assert float(Loss(name)(Y, Z)) == pytest.approx(np.mean(each), rel=1e-5)
    assert float(Loss(name, "sum")(Y, Z)) == pytest.approx(np.sum(each), rel=1e-5)
    weights = RNG.uniform(size=30).astype("float32")
    assert float(Loss(name)(Y, Z, weights)) == pytest.approx(np.mean(weights * each), rel=1e-5)


@pytest.mark.parametrize("name", FORMULAS)
def test_soft_labels_are_the_mean_over_the_classes(name):
    soft = RNG.dirichlet(np.ones(5), 30).astype("float32")
    each = [sum(p * FORMULAS[name](z, k) for k, p in enumerate(row)) for z, row in zip(Z, soft, strict=True)]
    assert float(Loss(name)(soft, Z)) == pytest.approx(np.mean(each), rel=1e-5)
    one_hot = np.eye(5, dtype="float32")[Y]
    assert float(Loss(name)(one_hot, Z)) == pytest.approx(float(Loss(name)(Y, Z)), rel=1e-6)


def test_cross_entropy_is_keras_own_bit_for_bit():
    assert Loss()(Y, Z) == keras.losses.SparseCategoricalCrossentropy(from_logits=True)(Y, Z)
