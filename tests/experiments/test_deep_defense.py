"""The seed's code: its regulariser has no gradient; the tables carry the document's numbers."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfadv.experiments.base import Pairs, copy_of, fingerprint, fit
from tfadv.experiments.deep_defense import DeepDefenseStudy
from tfadv.experiments.deep_defense_networks import SeedDeepDefense
from tfadv.models import build


@pytest.fixture
def model():
    return build("mlp(hidden=(8,), init=glorot)", (4, 4, 1), 3, seed=1)


@pytest.fixture
def pairs():
    rng = np.random.default_rng(0)
    return Pairs(rng.normal(0.5, 0.3, (40, 4, 4, 1)).astype("float32"), rng.integers(0, 3, 40).astype("int32"))


def seed_form(model, pairs, lam):
    ratios = np.linspace(0.01, 0.4, len(pairs))
    trainer = SeedDeepDefense(model, ratios, lam)
    quiet = {"progress": lambda *event: None, "what": "", "seed": 0}
    return fit(
        model, trainer, pairs, epochs=2, batch_size=10, optimizer=keras.optimizers.Adam(1e-2),
        shuffle=False, reduction="sum", **quiet,
    )  # fmt: skip


def test_without_the_regulariser_the_network_is_the_same_bit_for_bit(model, pairs):
    start = fingerprint(model)
    digests = {fingerprint(seed_form(copy_of(model), pairs, lam)) for lam in (0.0, 15.0)}
    assert len(digests) == 1 and start not in digests


def test_the_regulariser_is_what_the_code_computes(model, pairs):
    ratios = np.linspace(0.01, 0.4, len(pairs))
    trainer = SeedDeepDefense(model, ratios, lam=15.0)
    trainer.compile(
        keras.optimizers.Adam(), keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="sum")
    )
    trainer.optimizer.iterations.assign(5)  # the second batch of the second epoch of four
    x, y = pairs.images[10:20], pairs.labels[10:20]
    logits = model(x)
    right = np.asarray(logits).argmax(1) == y
    r = ratios[10:20]
    expected = np.exp(-25 * r * right) + np.exp(5 * r * ~right)
    np.testing.assert_allclose(trainer.regularizer(tf.constant(y), logits), expected, rtol=1e-5)
    plain = SeedDeepDefense(model, ratios, lam=0.0)
    plain.compile(trainer.optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="sum"))
    losses = [float(t.compute_loss(x, tf.constant(y), logits)) for t in (trainer, plain)]
    assert losses[0] - losses[1] == pytest.approx(15 * expected.sum(), rel=1e-5)


@pytest.mark.real_data
def test_the_vanilla_network_is_the_documents(tmp_path):
    """Ten epochs on all of Fashion-MNIST: 87.38% and rho_2 3.92e-2 are published for fifteen."""
    from tfadv.data import datasets
    from tfadv.evaluation import metrics

    data = datasets.load("fashion_mnist")
    network = fit(
        build("mlp", data.image_shape, 10), "standard", data.train, epochs=10, batch_size=64, seed=0,
        optimizer=keras.optimizers.Adam(1e-3), progress=lambda *event: None, what="",
    )  # fmt: skip
    assert abs(metrics.correct(network, data.test.x, data.test.y).mean() - 0.8738) < 0.015
    assert abs(metrics.summary(metrics.rho(network, data.test.x))["mean"] - 0.0392) < 0.01


def test_mnist_takes_the_original_recipe(monkeypatch, tmp_path):
    from tfadv.experiments import deep_defense_mnist

    monkeypatch.setattr(deep_defense_mnist, "measure", lambda *a: {"asked": True})
    assert DeepDefenseStudy(dataset="mnist").measure(0, tmp_path, None) == {"asked": True}
