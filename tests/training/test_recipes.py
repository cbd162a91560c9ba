"""Recipes: every one that comes with tfadv fits together, and files of one's own are read or refused."""

import json

import pytest

from tfadv.data import AUGMENTATIONS
from tfadv.errors import TfadvError
from tfadv.models import MODELS, build
from tfadv.spec import parse
from tfadv.training import AVERAGES, METHODS, SCHEDULES, recipe_files
from tfadv.training.fitting import make_optimizer
from tfadv.training.settings import Settings


@pytest.mark.parametrize("name", recipe_files.RECIPES)
def test_every_recipe_fits_together(name):
    settings = Settings.from_record({"dataset": "digits"} | recipe_files.read(name))
    assert parse(settings.model)[0] in MODELS
    make_optimizer(settings, 100), SCHEDULES.build(settings.schedule), AVERAGES.build(settings.average)
    for augmentation in settings.augments:
        AUGMENTATIONS.build(augmentation)
    from tfadv import attacks, threat

    within = {"attack": settings.attack and attacks.get(settings.attack), "threat": threat.parse(settings.threat)}
    METHODS.build(settings.method, classifier=build("linear", (8, 8, 1), 10), **within)
    assert settings.monitor == "val_adv_accuracy" and settings.validation_attack == "pgd(steps=10)"


def test_a_file_of_ones_own(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('threat = "l2:0.5"\nepochs = 3\naugment = ["crop_flip", "mixup"]\n')
    read = recipe_files.read(str(path))
    assert read == {"threat": "l2:0.5", "epochs": 3, "augment": ["crop_flip", "mixup"]}
    assert Settings.from_record({"dataset": "digits"} | read).augments == ("crop_flip", "mixup")


def test_a_run_that_goes_on_keeps_its_settings_and_takes_no_other_recipe(tmp_path):
    settings = {"dataset": "digits", "model": "mlp", "method": "fast", "epochs": 7}
    stored = {"settings": settings, "source": "", "class_names": [], "finished": False}
    (tmp_path / "train.json").write_text(json.dumps(stored | {"recipe": "fashion-mnist"}))
    for own in (None, "fashion-mnist", "fashion_mnist"):  # which is not read: it has a threat
        assert recipe_files.beginning(own, tmp_path, True) == settings
    assert recipe_files.beginning("mnist", tmp_path, False)["epochs"] == 10
    with pytest.raises(TfadvError, match="began with the recipe 'fashion-mnist', not 'mnist'; leave --recipe out"):
        recipe_files.beginning("mnist", tmp_path, True)
    (tmp_path / "train.json").write_text(json.dumps(stored))
    with pytest.raises(TfadvError, match="began without a recipe; leave --recipe out"):
        recipe_files.beginning("mnist", tmp_path, True)
    with pytest.raises(TfadvError, match="holds no run to resume; leave --resume out"):
        recipe_files.beginning(None, tmp_path / "other", True)


def test_hyphens_are_underscores():
    assert recipe_files.read("fashion-mnist") == recipe_files.read("fashion_mnist")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("epoch = 3", "no setting 'epoch', which the recipe '.*mine.toml' has: did you mean 'epochs'"),
        ("epochs = ", "is no TOML .*write a line"),
        (b"\xff", "cannot read the recipe"),
        (None, "No such file"),
    ],
)
def test_files_that_cannot_be_read_are_one_sentence(tmp_path, text, said):
    path = tmp_path / "mine.toml"
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(TfadvError, match=said) as error:
        recipe_files.read(str(path))
    assert "\n" not in str(error.value)


def test_unknown_names_suggest_the_nearest():
    with pytest.raises(TfadvError, match="unknown recipe 'cifar': did you mean 'cifar10'"):
        recipe_files.read("cifar")
