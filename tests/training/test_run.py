"""A training's directory: what it holds, which epoch it keeps, and what it refuses."""

import dataclasses
import json

import keras
import numpy as np
import pytest
from small_runs import OPTIONS, ROBUST

from tfadv.errors import TfadvError
from tfadv.training import Settings
from tfadv.training.fitting import title
from tfadv.training.run import ensure, train


@pytest.mark.usefixtures("without_xla")
def test_the_directory_holds_everything(digits, tmp_path):
    (tmp_path / "r").mkdir()
    left = {"settings": {"dataset": "", "model": "", "method": "", "epochs": 1}, "source": "", "class_names": []}
    (tmp_path / "r" / "train.json").write_text(json.dumps(left | {"finished": False, "recipe": "mnist"}))
    run = train(digits, out=tmp_path / "r", epochs=3, **ROBUST, **OPTIONS)
    assert sorted(p.name for p in run.directory.iterdir()) == [
        "history.csv",
        "last.keras",
        "model.keras",
        "train.json",
    ]
    record = json.loads((run.directory / "train.json").read_text())
    adv = [epoch["val_adv_accuracy"] for epoch in run.history]
    assert record["best_epoch"] == 1 + int(np.argmax(adv)) and record["finished"] and record["recipe"] is None
    assert record["images"] == {"training": 1293, "held_out": 144, "test": 360}
    rows = (run.directory / "history.csv").read_text().splitlines()
    assert len(rows) == 4 and "val_adv_accuracy" in rows[0]


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
        ({"threat": "linf:0.1", "eps_ramp": 2}, "the method standard does not train within an eps"),
        ({"method": "fast", "threat": "linf:0.1", "eps_ramp": 1.5}, "eps ramp: expected a number of epochs"),
        ({"method": "awp(free)", "threat": "linf:0.1"}, "awp: method: expected one that takes one step a batch"),
        ({"method": "awp(standard)", "attack": "pgd", "threat": "linf:0.1"}, "does not train on an attack"),
        (
            {"method": "fast", "threat": "linf:0.1", "eps_ramp": 11},
            "eps ramp: expected at most 10, the number of epochs",
        ),
        ({"validation": 1.5}, "validation: expected a share of the training images below 1"),
        (
            {"validation": 10**5},
            "validation: expected fewer than the 1,437 training images, received 100,000. Hold out",
        ),
        ({"weight_decay": -1}, "weight decay: expected a number of at least 0"),
        ({"augment": ("crop_flip", "crop")}, "unknown augmentation 'crop'"),
        ({"augment": "cutout(size=9)"}, "cutout: size: expected at most 8, the shorter side, received 9"),
        ({"average": "mean"}, "unknown average of weights 'mean'"),
        ({"recipe": "cifar"}, "did you mean 'cifar10'"),
        ({"shuffle": 1}, "shuffle: expected True or False"),
        ({"stratify": "yes"}, "stratify: expected True or False"),
        ({"optimizer": None}, "optimizer: expected a text, received None"),
        ({"epoch": 3}, "there is no setting 'epoch'"),
    ],
)
def test_refusals(digits, tmp_path, options, said):
    with pytest.raises(TfadvError, match=said):
        train(digits, out=tmp_path / "r", **{**OPTIONS, **options})


@pytest.mark.parametrize("way", [train, ensure])
def test_test_images_alone_are_not_trained_on(digits, tmp_path, way):
    judged = dataclasses.replace(digits, train=None)
    with pytest.raises(TfadvError, match="expected some to train on, received test images alone. Put x_train"):
        way(judged, out=tmp_path / "r", **OPTIONS)
    assert not (tmp_path / "r").exists()


def test_the_last_epoch_is_kept_without_held_out_images(digits, tmp_path):
    run = train(digits, out=tmp_path / "r", epochs=2, keep="last", validation=0, **OPTIONS)
    assert sorted(p.name for p in run.directory.iterdir()) == ["history.csv", "model.keras", "train.json"]
    assert set(run.history[0]) == {"accuracy", "loss", "learning_rate"}
    x, y = digits.train.x, digits.train.y
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    assert float(loss(y, run.classifier(x))) < run.history[-1]["loss"]
    longer = train(digits, out=tmp_path / "longer", epochs=3, keep="last", validation=0, **OPTIONS)
    assert longer.history[:2] == run.history


def test_progress_is_told(digits, tmp_path):
    said = []
    train(digits, out=tmp_path / "r", epochs=2, **{**OPTIONS, "progress": lambda *event: said.append(event)})
    assert said[0] == ("digits: 1,293 images to train on, 144 held out, 360 to judge on", 0, 0)
    assert said[1] == ("standard, epoch 1 of 2", 0, 20, None)
    what, done, total, left = said[-2]
    assert what.startswith("standard, epoch 2 of 2 (loss ") and (done, total, left) == (20, 20, 0)
    assert said[-1][0].startswith("standard, 2 epochs (loss ") and said[-1][1:] == (20, 20)
    assert title(Settings(dataset="digits", precision="bfloat16")) == "standard in bfloat16"


def test_a_training_that_collapses_says_so(digits, tmp_path, capfd):
    options = {**OPTIONS, "progress": True, "epochs": 1, "optimizer": "sgd(learning_rate=0.0)"}
    run = train(digits, out=tmp_path / "r", method="fast(guard=False)", threat="linf:0.5", **options)
    (remark,) = run.remarks
    assert remark in capfd.readouterr().err and "--eps-ramp" in remark
    assert json.loads((tmp_path / "r" / "train.json").read_text())["remarks"] == [remark]
    del options["progress"]
    again = ensure(digits, out=tmp_path / "r", method="fast(guard=False)", threat="linf:0.5", **options)
    assert again.remarks == run.remarks


def test_an_average_that_is_too_short_is_told_before_and_not_blamed_on_eps(digits, tmp_path):
    said = []
    options = {
        **OPTIONS,
        "epochs": 3,
        "keep": "last",
        "average": "ema(momentum=0.9999)",
        "optimizer": "adam(learning_rate=0.01)",
        "progress": lambda *event: said.append(event),
    }
    run = train(digits, out=tmp_path / "r", method="fast(guard=False)", threat="linf:0.02", **options)
    assert run.history[-1]["val_adv_accuracy"] < 0.19 < 0.25 < run.history[-1]["accuracy"]
    (remark,) = run.remarks
    assert remark.startswith("The weights of the first step are ") and "eps-ramp" not in remark
    (told, *never), (what, *_) = said[1:3]
    assert told.startswith("The weights of the first step will be 100% of the average") and never == [0, 0]
    assert what == "fast(guard=False), epoch 1 of 3"


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
