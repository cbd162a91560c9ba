"""From settings to steps: what the loss and the optimizer make of them."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_runs import OPTIONS

from tfadv.errors import TfadvError
from tfadv.models import build
from tfadv.training.fitting import make_trainer
from tfadv.training.run import train
from tfadv.training.settings import Settings
from trap_models import UnseededPepper


@pytest.mark.parametrize("optimizer", ["sgd(learning_rate=0.1, weight_decay=0.5)", "adamw(weight_decay=0.5)"])
def test_weight_decay_leaves_the_factors_of_noise_alone(digits, optimizer):
    settings = Settings(dataset="digits", model="resnet8(widths=(2, 2, 2), noise=pni)", optimizer=optimizer)
    trainer = make_trainer(settings, digits, digits.train.take(128))
    weights = trainer.trainable_variables
    before = [np.array(weight) for weight in weights]
    trainer.optimizer.apply([tf.zeros_like(weight) for weight in before], weights)
    moved = {weight.name: not np.array_equal(weight, old) for weight, old in zip(weights, before, strict=True)}
    assert moved["kernel"] and not moved["alpha"]


def test_a_loss_that_is_not_finite_stops_the_run(digits, tmp_path):
    with pytest.raises(TfadvError, match="the loss is not finite"):
        train(digits, out=tmp_path / "r", epochs=2, optimizer="sgd(learning_rate=1e30)", **OPTIONS)
    assert not (tmp_path / "r" / "model.keras").exists()


def test_every_option_of_the_loss_and_the_order_has_an_effect(digits, tmp_path):
    options = {"epochs": 1, "keep": "last", "validation": 0, **OPTIONS}
    given = ({}, {"loss": "hinge"}, {"reduction": "sum"}, {"shuffle": False}, {"model": "linear(center=True)"})
    runs = [train(digits, out=tmp_path / str(k), **{**options, **more}) for k, more in enumerate(given)]
    found = [np.concatenate([weight.ravel() for weight in run.classifier.get_weights()]) for run in runs]
    for option, weights in zip(given[1:], found[1:], strict=True):
        assert not np.array_equal(weights, found[0]), option


def test_weight_decay_is_a_term_of_the_loss(digits, tmp_path):
    options = {"epochs": 1, "keep": "last", "validation": 0, **OPTIONS, "optimizer": "sgd(learning_rate=0.0)"}
    plain, decayed = (train(digits, out=tmp_path / str(decay), weight_decay=decay, **options) for decay in (0.0, 0.5))
    squares = sum(np.sum(np.square(weight)) for weight in plain.classifier.get_weights())
    assert decayed.history[0]["loss"] - plain.history[0]["loss"] == pytest.approx(0.25 * squares, rel=1e-3)


def test_it_does_not_make_tensorflow_forget_what_is_compiled(digits, tmp_path, monkeypatch):
    monkeypatch.setattr(tf.random, "set_seed", lambda seed: pytest.fail("the seed of TensorFlow was set"))
    train(digits, out=tmp_path / "r", epochs=1, **{**OPTIONS, "model": "linear"})
    train(digits, out=tmp_path / "s", epochs=1, **{**OPTIONS, "model": str(tmp_path / "r" / "model.keras")})
    keras.Sequential([keras.Input((8, 8, 1)), UnseededPepper(), build("linear", (8, 8, 1), 10)]).save(
        tmp_path / "m.keras"
    )
    with pytest.raises(pytest.fail.Exception, match="was set"):
        make_trainer(Settings(dataset="digits", model=str(tmp_path / "m.keras")), digits, digits.train)
