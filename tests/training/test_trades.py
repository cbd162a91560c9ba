"""TRADES against its formula in numpy: CE(z(x), y) + beta KL(softmax z(x) || softmax z(x_adv))."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import log_softmax

from tfadv import LInf, losses
from tfadv.attacks.deepfool import DeepFool
from tfadv.attacks.pgd import PGD
from tfadv.errors import TfadvError
from tfadv.models import build
from tfadv.training.objective import Loss
from tfadv.training.trades import Trades
from toy_models import normal

pytestmark = pytest.mark.usefixtures("without_xla")

RNG = np.random.default_rng(0)
X, Y = RNG.uniform(0.2, 0.8, (12, 4, 4, 1)).astype("float32"), RNG.integers(0, 3, 12).astype("int32")
ATTACK = PGD(steps=2, random_start=0.001)


def mlp():
    return build("mlp(hidden=(8,), init=glorot)", (4, 4, 1), 3, 1)


def normalized():
    layers = [keras.layers.Flatten(), keras.layers.BatchNormalization()]
    return keras.Sequential([keras.Input((4, 4, 1)), *layers, keras.layers.Dense(3, kernel_initializer=normal(2))])


def trades(attack=ATTACK, reduction="mean", network=mlp, **options):
    trainer = Trades(network(), attack=attack, threat=LInf(0.1), **options)
    trainer.compile(keras.optimizers.SGD(0.5), Loss("ce", reduction), run_eagerly=True)
    return trainer


@pytest.mark.parametrize(("network", "reduction"), [(mlp, "mean"), (mlp, "sum"), (normalized, "mean")])
def test_the_loss_is_the_formula(network, reduction):
    """Of the answers in training, with the statistics of the batch; crafting takes those that are stored."""
    trainer = trades(network=network, beta=4, reduction=reduction)
    x_adv, model = trainer.craft(tf.constant(X), tf.constant(Y)), trainer.classifier
    before = model.get_weights()
    p, q = (log_softmax(model(x, training=True), axis=1) for x in (X, x_adv))
    model.set_weights(before)
    each = -p[np.arange(12), Y] + 4 * (np.exp(p) * (p - q)).sum(axis=1)
    assert np.abs(p - q).max() > 0.01
    assert trainer.train_on_batch(X, Y) == pytest.approx(getattr(np, reduction)(each), rel=1e-5)


def test_a_step_follows_the_gradient_through_both_answers():
    trainer = trades(beta=4)
    x_adv, model = trainer.craft(tf.constant(X), tf.constant(Y)), trainer.classifier
    with tf.GradientTape() as tape:
        clean = model(X)
        value = tf.reduce_mean(losses.cross_entropy(Y, clean) + 4 * losses.kl(clean, model(x_adv)))
    slopes = tape.gradient(value, model.trainable_variables)
    expected = [w - 0.5 * np.asarray(s) for w, s in zip(model.get_weights(), slopes, strict=True)]
    trainer.train_on_batch(X, Y)
    for found, wanted in zip(model.get_weights(), expected, strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_the_crafted_images_maximize_the_kl():
    trainer = trades(PGD(steps=5, keep_best=False))
    assert (trainer.attack.loss, trainer.validation_attack.loss) == ("kl", "ce")
    clean = trainer.classifier(X)
    crafted = trainer.craft(tf.constant(X), tf.constant(Y))
    noise = LInf(0.1).random_start(tf.constant(X), [0, 1])
    far, near = (losses.kl(clean, trainer.classifier(x)).numpy() for x in (crafted, noise))
    assert np.mean(far > near) > 0.9 and far.mean() > 5 * near.mean()


def test_without_weight_it_is_training_on_clean_images():
    trainer, plain = trades(beta=0), trades().classifier
    plain.compile(keras.optimizers.SGD(0.5), Loss(), run_eagerly=True)
    assert trainer.train_on_batch(X, Y) == pytest.approx(plain.train_on_batch(X, Y))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"beta": -1}, "trades: beta: expected a number of at least 0"),
        ({"beta": float("nan")}, "trades: beta"),
        ({"attack": DeepFool()}, "trades: attack: expected one that takes loss=kl"),
        ({"attack": PGD(random_start=False)}, "trades: attack: expected one that takes loss=kl"),
        ({"attack": None}, "^trades training needs an attack and a threat model"),
    ],
)
def test_refusals(options, said):
    with pytest.raises(TfadvError, match=said):
        trades(**options)
