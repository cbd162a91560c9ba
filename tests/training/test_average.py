"""Averages of weights against their formulas, and that they count in validation and in what is saved."""

import keras
import numpy as np
import pytest

from tfadv.errors import TfadvError
from tfadv.models import build
from tfadv.training import AVERAGES
from tfadv.training.average import EMA, SWA
from tfadv.training.objective import Accuracy, Loss
from tfadv.training.trainer import Trainer
from toy_models import normal

RNG = np.random.default_rng(0)
X, Y = RNG.uniform(size=(24, 4, 4, 1)).astype("float32"), RNG.integers(0, 3, 24).astype("int32")


class Weights(keras.callbacks.Callback):
    """The weights after each batch."""

    def on_train_begin(self, logs=None):
        self.seen = []

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(self.model.classifier.get_weights())

    def on_epoch_end(self, epoch, logs=None):
        self.model.save(f"{epoch}.keras")


def normalized():
    layers = [keras.layers.Flatten(), keras.layers.BatchNormalization(momentum=0.5)]
    return keras.Sequential([keras.Input((4, 4, 1)), *layers, keras.layers.Dense(3, kernel_initializer=normal(2))])


def trained(average, epochs, network=None):
    trainer, weights = Trainer(network or build("linear", (4, 4, 1), 3, 1)), Weights()
    trainer.compile(keras.optimizers.SGD(0.5), Loss(), metrics=[Accuracy()], run_eagerly=True)
    AVERAGES.build(average).attach(trainer)
    trainer.optimizer.build(trainer.trainable_variables)
    options = {"batch_size": 8, "epochs": epochs, "shuffle": False, "verbose": 0}
    history = trainer.fit(X, Y, **options, callbacks=[weights, *trainer.watchers()], validation_data=(X, Y)).history
    return trainer, weights.seen, history


def loss_of(model, weights):
    model.set_weights(weights)
    return float(Loss()(Y, model(X)))


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_ema_is_the_formula_and_is_what_is_validated_and_saved():
    trainer, seen, history = trained("ema(momentum=0.6)", 2)
    mean, means = seen[0], []
    for weights in seen[1:]:
        means.append(mean)
        mean = [0.6 * a + 0.4 * b for a, b in zip(mean, weights, strict=True)]
    twin = build("linear", (4, 4, 1), 3, 1)
    assert history["val_loss"][1] == pytest.approx(loss_of(twin, mean), rel=1e-5)
    assert history["val_loss"][1] != pytest.approx(loss_of(twin, seen[-1]), rel=1e-4)
    trainer.save("end.keras")
    for file, expected in (("0.keras", means[2]), ("1.keras", mean), ("end.keras", mean)):
        for found, wanted in zip(keras.saving.load_model(file).get_weights(), expected, strict=True):
            np.testing.assert_allclose(found, wanted, atol=1e-6)

    (remark,) = trainer.average.remarks(trainer, 2, 2)  # 0.6^5
    assert "are 8% of the average that is kept, as 6 steps are few" in remark and "leave --average out" in remark
    assert EMA(0.39).remarks(trainer, 2, 2) == [] and EMA(0.4).remarks(trainer, 2, 2)
    (remark,) = EMA(0.39).remarks(trainer, 1, 2)  # 0.39^2
    assert "are 15% of the average that is kept, as 3 steps are few" in remark and "leave --average out" in remark
    trainer.optimizer.iterations.assign(9)
    (remark,) = EMA(0.6).remarks(trainer, 1, 1)  # 0.6^8
    assert remark.endswith('Train longer, or with --average "ema(momentum=0.56)".')
    assert EMA(0.999).remarks(trainer, 1, 6) == []  # of one step it is the weights themselves


def test_what_will_be_too_short_is_said_before():
    """The first weights' share after the last of so many steps: 0.999^999, 0.9^44."""
    (said,) = EMA(0.999).forewarnings(1000, 10)
    assert said.startswith(
        "The weights of the first step will be 37% of the average at the end, as 1,000 steps are few"
    )
    assert said.endswith('Train longer, or with --average "ema(momentum=0.99)".')
    assert EMA(0.9).forewarnings(44, 10) and not EMA(0.9).forewarnings(45, 10)
    assert not EMA(0.999, warm_up=True).forewarnings(1000, 10)
    assert "begins after the last epoch, 4" in SWA(5).forewarnings(40, 4)[0] and not SWA(4).forewarnings(40, 4)


def test_an_average_that_warms_up_forgets_the_first_weights():
    trainer, seen, _ = trained("ema(momentum=0.25, warm_up=True)", 2)
    mean = seen[0]
    for momentum, weights in zip((2 / 11, 0.25, 0.25, 0.25, 0.25), seen[1:], strict=True):
        mean = [momentum * a + (1 - momentum) * b for a, b in zip(mean, weights, strict=True)]
    with trainer.averaged():
        for found, wanted in zip(trainer.classifier.get_weights(), mean, strict=True):
            np.testing.assert_allclose(found, wanted, atol=1e-6)
    slow = EMA(0.999, warm_up=True)
    assert slow.remarks(trainer, 2, 2) == []  # 2/11 3/12 4/13 5/14 6/15
    assert "are 1% of the average" in slow.remarks(trainer, 2, 3)[0]


def test_validation_leaves_the_weights_as_they_were_bit_for_bit():
    trainer, seen, _ = trained("ema(momentum=0.6)", 1)
    for one, value in zip(trainer.classifier.trainable_variables, seen[-1], strict=True):
        one.assign(value)
    with trainer.averaged():
        assert not np.array_equal(trainer.classifier.get_weights()[0], seen[-1][0])
    assert np.array_equal(trainer.classifier.get_weights()[0], seen[-1][0])


def test_swa_is_the_mean_of_the_ends_of_epochs_running_statistics_too(monkeypatch):
    trainer, seen, history = trained("swa(start=2)", 4, normalized())
    expected = [np.mean(parts, axis=0) for parts in zip(*seen[5::3], strict=True)]
    assert len(seen[5::3]) == 3
    exported = []
    monkeypatch.setattr(keras.Model, "export", lambda model, path: exported.extend(model.get_weights()))
    trainer.export("end")
    for found, wanted in zip(exported, expected, strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-6)
    assert history["val_loss"][0] == pytest.approx(loss_of(normalized(), seen[2]), rel=1e-5)
    assert history["val_loss"][3] == pytest.approx(loss_of(normalized(), expected), rel=1e-5)
    assert len(trainer.state()) == 1 + len(expected) and trainer.average.remarks(trainer, 2, 4) == []
    assert "ended before swa(start=2) began" in trainer.average.remarks(trainer, 1, 4)[0]
    SWA(5).attach(trainer)
    assert "ended before swa(start=5) began" in trainer.average.remarks(trainer, 4, 4)[0]


@pytest.mark.parametrize("spec", ["ema(momentum=1)", "ema(momentum=True)", "swa(start=0)", "swa(start=1.5)"])
def test_refusals(spec):
    with pytest.raises(TfadvError, match="expected a number"):
        AVERAGES.build(spec)
    with pytest.raises(TfadvError, match="ema: warm_up: expected True or False, received 1"):
        EMA(warm_up=1)
