"""Interrupted trainings: they go on bit for bit, of the same settings, data and start alone."""

import dataclasses
import shutil

import keras
import numpy as np
import pytest
from small_runs import OPTIONS, ROBUST, interrupted

from tfadv import provenance
from tfadv.data.split import Split
from tfadv.errors import TfadvError
from tfadv.layers import NoisyDense, PredictionNoise, StochasticLWTA
from tfadv.models import build
from tfadv.models.classifier import load
from tfadv.training.run import ensure, train


@pytest.fixture(scope="module")
def drawing(tmp_path_factory):
    """The file of an untrained network with what a resumed training must take up: draws and running statistics."""
    layers = keras.layers
    stack = [
        layers.Flatten(),
        PredictionNoise(0.1, seed=2),
        NoisyDense(16, noise_seed=3),
        layers.BatchNormalization(),
        StochasticLWTA(seed=4),
        layers.Dropout(0.5, seed=1),
        layers.Dense(10),
    ]
    path = tmp_path_factory.mktemp("start") / "start.keras"
    keras.Sequential([keras.Input((8, 8, 1)), *stack]).save(path)
    return str(path)


@pytest.mark.usefixtures("without_xla")
@pytest.mark.parametrize("name", ["adversarial", "plateau", "fast", "free"])
def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(digits, drawing, tmp_path, monkeypatch, name):
    within = {"threat": "linf:0.1", "validation_attack": "fgsm", "model": drawing}
    chosen = {
        "adversarial": ROBUST,
        "plateau": {"schedule": "plateau(patience=1, monitor=val_loss)", "patience": 3, "model": drawing},
        "fast": {"method": "awp(fast, warm_up=1)", "average": "swa(start=2)", "augment": ("crop_flip", "mixup")}
        | within,
        "free": {"method": "free(replays=2)", "average": "ema", "eps_ramp": 3, "schedule": "cyclic"} | within,
    }
    options = {**OPTIONS, "epochs": 4, **chosen[name]}
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


def test_what_is_there_is_not_overwritten(digits, tmp_path, monkeypatch):
    options = {"epochs": 2, **OPTIONS}
    interrupted(monkeypatch, 1, dataset=digits, out=tmp_path / "r", **options)
    with pytest.raises(TfadvError, match="unfinished run: continue it with --resume"):
        train(digits, out=tmp_path / "r", **options)
    with pytest.raises(TfadvError, match="was trained with batch_size=128, not 64"):
        train(digits, out=tmp_path / "r", resume=True, **{**options, "batch_size": 64})
    with pytest.raises(TfadvError, match="began without a recipe; leave --recipe out"):
        train(digits, out=tmp_path / "r", resume=True, recipe="mnist", progress=False)
    train(digits, out=tmp_path / "r", resume=True, progress=False)  # with its own settings
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
    with pytest.raises(TfadvError, match="backup.npz' is truncated or no .npz archive.*train again") as refused:
        train(digits, out=tmp_path / "r", resume=True, **options)
    assert "pickle" not in str(refused.value)
    np.savez(tmp_path / "r" / "backup.npz", history="[]")
    with pytest.raises(TfadvError, match="is no backup of a training"):
        train(digits, out=tmp_path / "r", resume=True, **options)


def test_a_longer_training_passes_through_the_weights_of_a_shorter_one(digits, tmp_path, monkeypatch):
    short = train(digits, out=tmp_path / "short", epochs=1, keep="last", **OPTIONS)
    interrupted(monkeypatch, 1, dataset=digits, out=tmp_path / "long", epochs=2, keep="last", **OPTIONS)
    with np.load(tmp_path / "long" / "backup.npz") as backup:
        for k, weight in enumerate(short.classifier.get_weights()):
            np.testing.assert_array_equal(backup[f"v{k}"], weight)


def test_ensure_makes_resumes_and_finds_a_run(digits, tmp_path, monkeypatch):
    options = {"epochs": 3, **OPTIONS, "progress": None}
    whole = ensure(digits, out=tmp_path / "whole", **options)
    interrupted(monkeypatch, 2, dataset=digits, out=tmp_path / "r", **options)
    resumed = ensure(digits, out=tmp_path / "r", **options)
    assert resumed.history == whole.history
    with monkeypatch.context() as patch:
        patch.setattr(keras.Model, "fit", None)
        patch.setattr(provenance, "fingerprint", None)  # the images are not read again
        again = ensure(digits, out=tmp_path / "r", **options)
    assert again.history == whole.history and again.directory == tmp_path / "r"
    for ours, theirs in zip(again.classifier.get_weights(), whole.classifier.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    with pytest.raises(TfadvError, match="was trained with epochs=3, not 4"):
        ensure(digits, out=tmp_path / "r", **{**options, "epochs": 4})


def test_changed_data_and_a_changed_start_are_refused(digits, tmp_path, monkeypatch):
    start = tmp_path / "start.keras"
    build("mlp(hidden=(16,))", (8, 8, 1), 10, seed=1).save(start)
    options = {"epochs": 2, **OPTIONS, "model": str(start)}
    interrupted(monkeypatch, 1, dataset=digits, out=tmp_path / "r", **options)
    images = digits.train.images.copy()
    images[0, 0, 0, 0] += 1 / 16
    changed = dataclasses.replace(digits, train=Split(images, digits.train.labels))
    refused = pytest.raises(TfadvError, match="the data of 'digits' have changed since .*another directory")
    with refused:
        train(changed, out=tmp_path / "r", resume=True, **options)
    train(digits, out=tmp_path / "r", resume=True, **options)
    with refused:
        ensure(changed, out=tmp_path / "r", **options)
    moved = shutil.copy(start, tmp_path / "moved.keras")  # the weights count, not where they lie
    assert len(ensure(digits, out=tmp_path / "r", **{**options, "model": str(moved)}).history) == 2
    build("mlp(hidden=(16,))", (8, 8, 1), 10, seed=2).save(start)
    with pytest.raises(TfadvError, match="the weights in .*start.keras' have changed"):
        ensure(digits, out=tmp_path / "r", **options)
