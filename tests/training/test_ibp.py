"""IBP against its formula in NumPy, its ramp, and what it refuses."""

import keras
import numpy as np
import pytest
from keras import layers
from scipy.special import log_softmax

from tfadv import L2, LInf
from tfadv.errors import TfadvError
from tfadv.models import build
from tfadv.training.ibp import IBP
from tfadv.training.objective import Loss
from tfadv.training.settings import Settings

RNG = np.random.default_rng(0)
X, Y = RNG.uniform(size=(12, 4, 4, 1)).astype("float32"), RNG.integers(0, 3, 12).astype("int32")


def ibp(**options):
    model = build("mlp(hidden=(8,), init=glorot)", (4, 4, 1), 3, 1)
    trainer = IBP(model, **{"threat": LInf(0.05), **options})
    trainer.compile(keras.optimizers.SGD(0.5), Loss(), run_eagerly=True)
    return trainer


def worst_logits(model, eps):
    """z_j - z_y at its highest, by plain loops over the corners that matter: (n, classes)."""
    (w1, b1), (w2, b2) = [layer.get_weights() for layer in model.layers if layer.weights]
    low, high = (np.clip(X + e, 0, 1).reshape(12, -1) for e in (-eps, eps))
    up, down = np.maximum(w1, 0), np.minimum(w1, 0)
    low, high = (np.maximum(a @ up + b @ down + b1, 0) for a, b in ((low, high), (high, low)))
    worst = np.zeros((12, 3))
    for k, y in enumerate(Y):
        for j in set(range(3)) - {y}:
            w = w2[:, j] - w2[:, y]
            worst[k, j] = np.where(w > 0, high[k], low[k]) @ w + b2[j] - b2[y]
    return worst


@pytest.mark.parametrize("wider", [1, 2])
def test_the_loss_is_the_formula(wider):
    trainer = ibp(kappa=0.3, wider=wider)
    z, worst = trainer.classifier(X).numpy(), worst_logits(trainer.classifier, 0.05 * wider)
    at = np.arange(12), Y
    each = -0.3 * log_softmax(z, axis=1)[at] - 0.7 * log_softmax(worst, axis=1)[at]
    assert trainer.train_on_batch(X, Y)[0] == pytest.approx(each.mean(), rel=1e-3)


def test_kappa_falls_and_eps_grows_over_the_ramp():
    trainer = ibp(kappa=0.2)
    trainer.begin(batch_size=12, steps=1, ramp=4)
    z, worst = trainer.classifier(X).numpy(), worst_logits(trainer.classifier, 0.05 / 4)
    at = np.arange(12), Y
    each = -0.8 * log_softmax(z, axis=1)[at] - 0.2 * log_softmax(worst, axis=1)[at]
    assert trainer.train_on_batch(X, Y)[0] == pytest.approx(each.mean(), rel=1e-3)


def test_validation_counts_what_is_proven_and_keeps_the_epoch_with_the_most():
    trainer = ibp(validation_attack=None)
    logs = trainer.evaluate(X, Y, verbose=0, return_dict=True)
    proven = (worst_logits(trainer.classifier, 0.05).max(axis=1) <= 0).mean()
    assert logs["certified_accuracy"] == pytest.approx(proven) and 0 < proven < 1
    settings = Settings(dataset="mnist", method="ibp", threat="linf:0.1", eps_ramp=0.5)
    assert settings.monitor == "val_certified_accuracy"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"kappa": 1}, "ibp: kappa: expected a number from 0 and below 1"),
        ({"wider": 0.5}, "ibp: wider: expected a number of at least 1"),
        ({"threat": None}, "expected a threat model that moves each pixel by itself, received none"),
        ({"threat": L2(1)}, "expected a threat model that moves each pixel by itself, received l2:1"),
    ],
)
def test_refusals(options, said):
    with pytest.raises(TfadvError, match=said):
        ibp(**options)


def test_a_layer_without_bounds_is_named():
    model = keras.Sequential([keras.Input((4, 4, 1)), layers.Flatten(), layers.Dense(3, activation="gelu", name="z")])
    with pytest.raises(TfadvError, match="layers that have interval bounds, received 'z'"):
        IBP(model, threat=LInf(0.1))


def test_another_loss_and_soft_labels_are_refused():
    trainer = ibp()
    with pytest.raises(TfadvError, match="knows no soft labels: leave mixup out"):
        trainer.train_on_batch(X, np.eye(3, dtype="float32")[Y])
    with pytest.raises(TfadvError, match="knows no hinge loss"):
        trainer.compile("sgd", Loss("hinge"))
