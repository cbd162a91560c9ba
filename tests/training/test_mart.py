"""MART against its formula in NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import log_softmax, softmax

from tfadv import LInf
from tfadv.attacks.pgd import PGD
from tfadv.errors import TfadvError
from tfadv.models import build
from tfadv.training.mart import Mart
from tfadv.training.objective import Loss

pytestmark = pytest.mark.usefixtures("without_xla")

RNG = np.random.default_rng(0)
X, Y = RNG.uniform(0.2, 0.8, (12, 4, 4, 1)).astype("float32"), RNG.integers(0, 3, 12).astype("int32")


def mart(**options):
    model = build("mlp(hidden=(8,), init=glorot)", (4, 4, 1), 3, 1)
    trainer = Mart(model, **{"attack": PGD(steps=2), "threat": LInf(0.1), **options})
    trainer.compile(keras.optimizers.SGD(0.5), Loss(), run_eagerly=True)
    return trainer


def test_the_loss_is_the_formula():
    trainer = mart(lam=4)
    x_adv = trainer.craft(tf.constant(X), tf.constant(Y))
    z, z_adv = trainer.classifier(X).numpy(), trainer.classifier(x_adv).numpy()
    p, p_adv, at = softmax(z, axis=1), softmax(z_adv, axis=1), np.arange(12)
    wrong = np.where(np.eye(3)[Y] == 1, 0, p_adv).max(axis=1)
    kl = (p * (log_softmax(z, axis=1) - log_softmax(z_adv, axis=1))).sum(axis=1)
    each = -np.log(p_adv[at, Y]) - np.log(1 - wrong) + 4 * kl * (1 - p[at, Y])
    assert kl.min() >= 0 and kl.max() > 1e-3
    assert trainer.train_on_batch(X, Y) == pytest.approx(each.mean(), rel=1e-3)


def test_the_clean_answers_are_learned_from_too():
    """The gradient passes through p(x): with the adversarial answers held, the loss still moves the weights."""
    trainer = mart(lam=4)
    batch = {"x": tf.constant(X), "x_adv": tf.constant(X[::-1].copy())}
    with tf.GradientTape() as tape:
        held = tf.stop_gradient(trainer.classifier(batch["x_adv"]))
        value = tf.reduce_sum(trainer.penalty(batch, tf.constant(Y), held))
    slopes = tape.gradient(value, trainer.classifier.trainable_variables)
    assert max(np.abs(slope).max() for slope in slopes) > 1e-3


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"lam": -1}, "mart: lam: expected a number of at least 0"),
        ({"attack": None}, "^mart training needs an attack and a threat model"),
    ],
)
def test_refusals(options, said):
    with pytest.raises(TfadvError, match=said):
        mart(**options)
