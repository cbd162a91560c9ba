"""Against formulas in numpy, one example at a time."""

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import log_softmax

from tfadv import losses
from tfadv.errors import TfadvError

RNG = np.random.default_rng(0)
Z = RNG.normal(0, 5, (40, 6)).astype("float32")
Y = RNG.integers(0, 6, 40).astype("int32")
T = ((Y + 1 + RNG.integers(0, 5, 40)) % 6).astype("int32")


def others(z, y):
    return np.delete(z, y).max()


def margin(z, y):
    return others(z, y) - z[y]


def dlr(z, y):
    """Croce & Hein 2020, equation 6."""
    top = np.sort(z)[::-1]
    return -(z[y] - others(z, y)) / (top[0] - top[2])


def dlr_targeted(z, y, t):
    """Croce & Hein 2020, equation 7."""
    top = np.sort(z)[::-1]
    return -(z[y] - z[t]) / (top[0] - (top[2] + top[3]) / 2)


def test_formulas():
    assert np.allclose(losses.cross_entropy(Y, Z), [-log_softmax(z)[y] for z, y in zip(Z, Y, strict=True)], rtol=1e-5)
    assert np.allclose(losses.margin(Y, Z), [margin(z, y) for z, y in zip(Z, Y, strict=True)], rtol=1e-5)
    assert np.allclose(losses.dlr(Y, Z), [dlr(z, y) for z, y in zip(Z, Y, strict=True)], rtol=1e-4)
    targeted = [dlr_targeted(z, y, t) for z, y, t in zip(Z, Y, T, strict=True)]
    assert np.allclose(losses.dlr_targeted(Y, Z, T), targeted, rtol=1e-4)
    p, q = log_softmax(Z, axis=1), log_softmax(Z[::-1], axis=1)
    assert np.allclose(losses.kl(Z, Z[::-1].copy()), (np.exp(p) * (p - q)).sum(1), rtol=1e-4, atol=1e-5)


def test_signs():
    """Margin and DLR are above 0 exactly where the example is misclassified; DLR ignores the scale."""
    wrong = Z.argmax(1) != Y
    assert np.array_equal(losses.margin(Y, Z).numpy() > 0, wrong) and np.array_equal(
        losses.dlr(Y, Z).numpy() > 0, wrong
    )
    assert np.allclose(losses.dlr(Y, Z), losses.dlr(Y, 1e4 * Z), rtol=1e-4) and (losses.kl(Z, Z).numpy() == 0).all()


@pytest.mark.parametrize("scale", [0, 1e4, 1e30])
def test_finite_where_logits_are_saturated_or_equal(scale):
    z = tf.constant(scale * Z)
    for loss in losses.LABEL_LOSSES.values():
        assert np.isfinite(loss(Y, z)).all()
    assert np.isfinite(losses.kl(z, z[::-1])).all()
    assert np.isfinite(losses.dlr_targeted(Y, z, T)).all()


def test_too_few_classes():
    with pytest.raises(TfadvError, match="dlr needs at least 3 classes, the model has 2; use loss=margin"):
        losses.dlr(Y % 2, tf.constant(Z[:, :2]))
    with pytest.raises(TfadvError, match="at least 4 classes, the model has 3"):
        losses.dlr_targeted(Y % 3, tf.constant(Z[:, :3]), T % 3)
    assert losses.margin(Y % 2, tf.constant(Z[:, :2])).shape == (40,)
