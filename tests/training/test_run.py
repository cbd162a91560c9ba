"""A training's directory: what it holds, that it resumes bit for bit, and what it refuses."""

import dataclasses
import json
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
from eager import eagerly  # noqa: F401

from tfadv import provenance
from tfadv.data import datasets
from tfadv.data.split import Split
from tfadv.errors import TfadvError
from tfadv.layers import NoisyDense, PredictionNoise, StochasticLWTA
from tfadv.models import build
from tfadv.models.classifier import load
from tfadv.training import METHODS
from tfadv.training.fitting import make_trainer
from tfadv.training.run import ensure, train
from tfadv.training.settings import Settings
from trap_models import UnseededPepper

OPTIONS = {"model": "mlp(hidden=(16,), init=glorot)", "batch_size": 128, "progress": False}
ROBUST = {"method": "adversarial", "attack": "pgd(steps=2)", "threat": "linf:0.1"}


@pytest.fixture(scope="module")
def digits():
    return datasets.load("digits")


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


class Stop(keras.callbacks.Callback):
    """An interruption at the worst moment: in the middle of an epoch."""

    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_begin(self, epoch, logs=None):
        self.now = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.now == self.epoch and batch >= 3:
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


@pytest.mark.usefixtures("without_xla")
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


@pytest.mark.parametrize("optimizer", ["sgd(learning_rate=0.1, weight_decay=0.5)", "adamw(weight_decay=0.5)"])
def test_weight_decay_leaves_the_factors_of_noise_alone(digits, optimizer):
    settings = Settings(dataset="digits", model="resnet8(widths=(2, 2, 2), noise=pni)", optimizer=optimizer)
    trainer = make_trainer(settings, digits, 128)
    weights = trainer.trainable_variables
    before = [np.array(weight) for weight in weights]
    trainer.optimizer.apply([tf.zeros_like(weight) for weight in before], weights)
    moved = {weight.name: not np.array_equal(weight, old) for weight, old in zip(weights, before, strict=True)}
    assert moved["kernel"] and not moved["alpha"]


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
    with pytest.raises(TfadvError, match="backup.npz' is truncated or no .npz archive.*train again") as refused:
        train(digits, out=tmp_path / "r", resume=True, **options)
    assert "pickle" not in str(refused.value)
    np.savez(tmp_path / "r" / "backup.npz", history="[]")
    with pytest.raises(TfadvError, match="is no backup of a training"):
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
        ({"seed": 2**32}, "below 4,294,967,296"),
        ({"seed": True}, "at least 0"),
        ({"epochs": 0}, "at least 1"),
        ({"batch_size": 10**6}, "the number of examples"),
        ({"optimizer": "adam(rate=1)"}, "has no option 'rate'"),
        ({"threat": "linf:-1"}, "at least 0"),
        ({"schedule": "step(at=0)"}, "epochs of at least 1"),
        ({"schedule": "cosine_decay(to=1)"}, "cosine_decay: to: expected a share"),
        ({"schedule": "plateau", "validation": 0, "keep": "last"}, "schedule: expected a monitor without held-out"),
        ({"validation": 0}, 'validation: expected a share above 0 for keep="best"'),
        ({"keep": "first"}, "keep: expected best or last, received 'first'"),
        ({"loss": "mse"}, "loss: expected ce or hinge"),
        ({"threat": ("linf:0.1", "l2:1")}, "takes one attack and one threat model: add --method mixed"),
        ({"threat": 0.1}, "threat: expected a text, or several, received 0.1"),
        ({"threat": "linf:0.1", "eps_ramp": 2}, "does not train within an eps that could grow"),
        ({"method": "fast", "threat": "linf:0.1", "eps_ramp": 1.5}, "eps ramp: expected a number of epochs"),
        ({"method": "awp(free)", "threat": "linf:0.1"}, "awp: method: expected one that takes the step of Keras"),
        ({"method": "awp(standard)", "attack": "pgd", "threat": "linf:0.1"}, "does not train on an attack"),
        ({"validation": 1.5}, "validation: expected a share of the training images below 1"),
        ({"weight_decay": -1}, "weight decay: expected a number of at least 0"),
        ({"augment": ("crop_flip", "crop")}, "unknown augmentation 'crop'"),
        ({"average": "mean"}, "unknown average of weights 'mean'"),
        ({"recipe": "cifar"}, "did you mean 'cifar10'"),
        ({"shuffle": 1}, "shuffle: expected True or False"),
        ({"optimizer": None}, "optimizer: expected a text, received None"),
        ({"epoch": 3}, "there is no setting 'epoch'"),
    ],
)
def test_refusals(digits, tmp_path, options, said):
    with pytest.raises(TfadvError, match=said):
        train(digits, out=tmp_path / "r", **{**OPTIONS, **options})


def test_the_last_epoch_is_kept_without_held_out_images(digits, tmp_path):
    run = train(digits, out=tmp_path / "r", epochs=2, keep="last", validation=0, **OPTIONS)
    assert sorted(p.name for p in run.directory.iterdir()) == ["history.csv", "model.keras", "train.json"]
    assert set(run.history[0]) == {"accuracy", "loss", "learning_rate"}
    x, y = digits.train.x, digits.train.y
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    assert float(loss(y, run.classifier(x))) < run.history[-1]["loss"]
    longer = train(digits, out=tmp_path / "longer", epochs=3, keep="last", validation=0, **OPTIONS)
    assert longer.history[:2] == run.history


def test_a_longer_training_passes_through_the_weights_of_a_shorter_one(digits, tmp_path, monkeypatch):
    short = train(digits, out=tmp_path / "short", epochs=1, keep="last", **OPTIONS)
    interrupted(monkeypatch, 1, dataset=digits, out=tmp_path / "long", epochs=2, keep="last", **OPTIONS)
    with np.load(tmp_path / "long" / "backup.npz") as backup:
        for k, weight in enumerate(short.classifier.get_weights()):
            np.testing.assert_array_equal(backup[f"v{k}"], weight)


def test_every_option_of_the_loss_and_the_order_has_an_effect(digits, tmp_path):
    options = {"epochs": 1, "keep": "last", "validation": 0, **OPTIONS}
    given = ({}, {"loss": "hinge"}, {"reduction": "sum"}, {"shuffle": False})
    runs = [train(digits, out=tmp_path / str(k), **options, **more) for k, more in enumerate(given)]
    found = [np.concatenate([weight.ravel() for weight in run.classifier.get_weights()]) for run in runs]
    for option, weights in zip(given[1:], found[1:], strict=True):
        assert not np.array_equal(weights, found[0]), option


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


def test_progress_is_told(digits, tmp_path):
    said = []
    train(digits, out=tmp_path / "r", epochs=2, **{**OPTIONS, "progress": lambda *event: said.append(event)})
    assert said[0] == ("standard, epoch 1 of 2", 0, 20, None)
    what, done, total, left = said[-2]
    assert what.startswith("standard, epoch 2 of 2 (loss ") and (done, total, left) == (20, 20, 0)
    assert said[-1][0].startswith("standard, 2 epochs (loss ") and said[-1][1:] == (20, 20)


def test_it_does_not_make_tensorflow_forget_what_is_compiled(digits, tmp_path, monkeypatch):
    monkeypatch.setattr(tf.random, "set_seed", lambda seed: pytest.fail("the seed of TensorFlow was set"))
    train(digits, out=tmp_path / "r", epochs=1, **{**OPTIONS, "model": "linear"})
    train(digits, out=tmp_path / "s", epochs=1, **{**OPTIONS, "model": str(tmp_path / "r" / "model.keras")})
    keras.Sequential([keras.Input((8, 8, 1)), UnseededPepper(), build("linear", (8, 8, 1), 10)]).save(
        tmp_path / "m.keras"
    )
    with pytest.raises(pytest.fail.Exception, match="was set"):
        train(digits, out=tmp_path / "t", epochs=1, **{**OPTIONS, "model": str(tmp_path / "m.keras")})


def test_weight_decay_is_a_term_of_the_loss(digits, tmp_path):
    options = {"epochs": 1, "keep": "last", "validation": 0, **OPTIONS, "optimizer": "sgd(learning_rate=0.0)"}
    plain, decayed = (train(digits, out=tmp_path / str(decay), weight_decay=decay, **options) for decay in (0.0, 0.5))
    squares = sum(np.sum(np.square(weight)) for weight in plain.classifier.get_weights())
    assert decayed.history[0]["loss"] - plain.history[0]["loss"] == pytest.approx(0.25 * squares, rel=1e-3)


def test_a_training_that_collapses_says_so(digits, tmp_path, capfd):
    options = {**OPTIONS, "progress": True, "epochs": 1, "optimizer": "sgd(learning_rate=0.0)"}
    run = train(digits, out=tmp_path / "r", method="fast(guard=False)", threat="linf:0.5", **options)
    (remark,) = run.remarks
    assert remark in capfd.readouterr().err and "--eps-ramp" in remark
    assert json.loads((tmp_path / "r" / "train.json").read_text())["remarks"] == [remark]
    del options["progress"]
    again = ensure(digits, out=tmp_path / "r", method="fast(guard=False)", threat="linf:0.5", **options)
    assert again.remarks == run.remarks


def test_a_recipe_gives_what_is_not_said(digits, tmp_path):
    (tmp_path / "mine.toml").write_text(
        'epochs = 2\nbatch_size = 64\ndataset = "mnist"\nkeep = "last"\nvalidation = 137\n'
    )
    recipe = str(tmp_path / "mine.toml")
    train(digits, out=tmp_path / "r", recipe=recipe, epochs=1, **OPTIONS)
    record = json.loads((tmp_path / "r" / "train.json").read_text())
    settings = record["settings"]
    assert (settings["epochs"], settings["batch_size"], settings["dataset"]) == (1, 128, "digits")
    assert (settings["keep"], settings["validation"], record["recipe"]) == ("last", 137, recipe)


@pytest.mark.usefixtures("eagerly")
def test_deepfool_images_may_leave_the_box(digits):
    model = build("mlp(hidden=(16,), init=glorot)", (8, 8, 1), 10, seed=1)
    few = digits.train.take(50)
    clipped, free = (
        METHODS.build(f"deepfool_finetune(clip={clip})", classifier=model).prepare(few) for clip in (True, False)
    )
    assert clipped.x.min() >= 0 and clipped.x.max() <= 1
    assert free.x.min() < 0 and len(free) == 50 and np.array_equal(free.y, few.y)
