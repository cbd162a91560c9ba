"""A training's directory: what it holds, that it resumes bit for bit, and what it refuses."""

import json

import keras
import numpy as np
import pytest

from tfadv.data import datasets
from tfadv.errors import TfadvError
from tfadv.models.classifier import load
from tfadv.training.callbacks import SCHEDULES
from tfadv.training.run import train

OPTIONS = {"model": "mlp(hidden=(16,), init=glorot)", "batch_size": 128, "progress": False}
ROBUST = {"method": "adversarial", "attack": "pgd(steps=2)", "threat": "linf:0.1"}


@pytest.fixture(scope="module")
def digits():
    return datasets.load("digits")


class Stop(keras.callbacks.Callback):
    """An interruption at the worst moment: in the middle of an epoch."""

    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_begin(self, epoch, logs=None):
        self.now = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.now == self.epoch and batch == 3:
            raise KeyboardInterrupt


def interrupted(monkeypatch, epoch, **options):
    """Run `train` with a Ctrl-C in the middle of an epoch."""
    fit = keras.Model.fit
    with monkeypatch.context() as patch:
        patch.setattr(
            keras.Model,
            "fit",
            lambda self, *a, callbacks, **k: fit(self, *a, callbacks=[*callbacks, Stop(epoch)], **k),
        )
        with pytest.raises(KeyboardInterrupt):
            train(**options)


def test_the_directory_holds_everything(digits, tmp_path):
    run = train(digits, out=tmp_path / "r", epochs=3, **ROBUST, **OPTIONS)
    assert sorted(p.name for p in run.directory.iterdir()) == [
        "history.csv",
        "last.keras",
        "model.keras",
        "train.json",
    ]
    record = json.loads((run.directory / "train.json").read_text())
    adv = [epoch["val_adv_accuracy"] for epoch in run.history]
    assert record["best_epoch"] == 1 + int(np.argmax(adv)) and record["finished"]
    rows = (run.directory / "history.csv").read_text().splitlines()
    assert len(rows) == 4 and "val_adv_accuracy" in rows[0]


@pytest.mark.parametrize(
    "extra",
    [ROBUST, {"schedule": "plateau(patience=1, monitor=val_loss)", "patience": 3}],
    ids=["adversarial", "plateau"],
)
def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(digits, tmp_path, monkeypatch, extra):
    options = {"epochs": 4, **extra, **OPTIONS}
    whole = train(digits, out=tmp_path / "whole", **options)
    interrupted(monkeypatch, 2, dataset=digits, out=tmp_path / "r", **options)
    assert (tmp_path / "r" / "model.keras").is_file()
    resumed = train(digits, out=tmp_path / "r", resume=True, **options)
    assert resumed.history == whole.history
    for a, b in zip(
        load(tmp_path / "r" / "last.keras").get_weights(),
        load(tmp_path / "whole" / "last.keras").get_weights(),
        strict=True,
    ):
        np.testing.assert_array_equal(a, b)
    assert (tmp_path / "r" / "history.csv").read_text() == (tmp_path / "whole" / "history.csv").read_text()


def test_dropout_resumes_exactly_too(digits, tmp_path, monkeypatch):
    layers = keras.layers
    stack = [
        layers.Flatten(),
        layers.Dense(16, activation="relu"),
        layers.BatchNormalization(),
        layers.Dropout(0.5, seed=1),
        layers.Dense(10),
    ]
    keras.utils.set_random_seed(0)
    keras.Sequential([keras.Input((8, 8, 1)), *stack]).save(tmp_path / "start.keras")
    options = {**OPTIONS, "epochs": 3, "model": str(tmp_path / "start.keras")}
    whole = train(digits, out=tmp_path / "whole", **options)
    interrupted(monkeypatch, 1, dataset=digits, out=tmp_path / "r", **options)
    assert train(digits, out=tmp_path / "r", resume=True, **options).history == whole.history


def test_the_best_epoch_is_kept_and_patience_stops(digits, tmp_path):
    run = train(digits, out=tmp_path / "r", epochs=30, patience=1, optimizer="adam(learning_rate=0.3)", **OPTIONS)
    assert len(run.history) < 30
    best = max(epoch["val_accuracy"] for epoch in run.history)
    validation = digits.train_validation(0.1, 0)[1]
    found = (run.classifier.predict(validation.x, verbose=0).argmax(1) == validation.y).mean()
    assert found == pytest.approx(best, abs=1e-6)


def test_plain_training_keeps_its_best_clean_epoch_and_reports_the_other(digits, tmp_path):
    run = train(digits, out=tmp_path / "r", epochs=4, threat="linf:0.1", validation_attack="fgsm", **OPTIONS)
    record = json.loads((run.directory / "train.json").read_text())
    assert record["best_epoch"] == 1 + int(np.argmax([epoch["val_accuracy"] for epoch in run.history]))
    assert "val_adv_accuracy" in record["metrics"]


def test_what_is_there_is_not_overwritten(digits, tmp_path, monkeypatch):
    options = {"epochs": 2, **OPTIONS}
    interrupted(monkeypatch, 1, dataset=digits, out=tmp_path / "r", **options)
    with pytest.raises(TfadvError, match="unfinished run: continue it with --resume"):
        train(digits, out=tmp_path / "r", **options)
    with pytest.raises(TfadvError, match="was trained with batch_size=128, not 64"):
        train(digits, out=tmp_path / "r", resume=True, **{**options, "batch_size": 64})
    train(digits, out=tmp_path / "r", resume=True, **options)
    with pytest.raises(TfadvError, match="nothing to resume"):
        train(digits, out=tmp_path / "r", resume=True, **options)
    with pytest.raises(TfadvError, match="already holds a finished run"):
        train(digits, out=tmp_path / "r", **options)
    with pytest.raises(TfadvError, match="holds no run to resume"):
        train(digits, out=tmp_path / "other", resume=True, **options)


def test_a_damaged_backup_is_one_sentence(digits, tmp_path, monkeypatch):
    options = {"epochs": 2, **OPTIONS}
    interrupted(monkeypatch, 1, dataset=digits, out=tmp_path / "r", **options)
    (tmp_path / "r" / "backup.npz").write_bytes(b"PK\x03\x04 not a zip")
    with pytest.raises(TfadvError, match="cannot read the backup"):
        train(digits, out=tmp_path / "r", resume=True, **options)


def test_a_loss_that_is_not_finite_stops_the_run(digits, tmp_path):
    with pytest.raises(TfadvError, match="the loss is not finite"):
        train(digits, out=tmp_path / "r", epochs=2, optimizer="sgd(learning_rate=1e30)", **OPTIONS)
    assert not (tmp_path / "r" / "model.keras").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"attack": "pgd"}, "needs a threat model"),
        ({"method": "adversarial"}, "needs an attack and a threat model"),
        ({"method": "adversarail"}, "did you mean 'adversarial'"),
        ({"attack": "pgd", "threat": "linf:0.1"}, "does not train on an attack"),
        ({"model": "missing.keras"}, "there is no model 'missing.keras'"),
        ({"patience": -1}, "at least 0"),
        ({"seed": True}, "at least 0"),
        ({"epochs": 0}, "at least 1"),
        ({"batch_size": 10**6}, "the number of examples"),
        ({"optimizer": "adam(rate=1)"}, "has no option 'rate'"),
        ({"threat": "linf:-1"}, "at least 0"),
        ({"schedule": "step(at=0)"}, "epochs of at least 1"),
    ],
)
def test_refusals(digits, tmp_path, options, said):
    with pytest.raises(TfadvError, match=said):
        train(digits, out=tmp_path / "r", **{**OPTIONS, **options})


def test_the_step_schedule_steps():
    callback = SCHEDULES.build("step(at=(2, 4), factor=0.5)")
    rates = [1.0]
    for epoch in range(5):
        rates.append(callback.schedule(epoch, rates[-1]))
    assert rates[1:] == [1.0, 1.0, 0.5, 0.5, 0.25]
