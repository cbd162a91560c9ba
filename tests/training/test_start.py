"""A training that starts from a model in Python: the run keeps it."""

import json

import keras
import numpy as np
import pytest
from small_runs import OPTIONS, interrupted

from tfadv.errors import TfadvError
from tfadv.models import build
from tfadv.models.classifier import load
from tfadv.training.run import ensure, train


def mine(seed=1, classes=10):
    return build("mlp(hidden=(16,), init=glorot)", (8, 8, 1), classes, seed=seed)


@pytest.fixture(scope="module")
def of_a_file(digits, tmp_path_factory):
    """The options of a training, and the run that starts from the file of a model."""
    home = tmp_path_factory.mktemp("start")
    mine().save(home / "mine.keras")
    options = {**OPTIONS, "epochs": 2, "model": str(home / "mine.keras")}
    return options, train(digits, out=home / "r", **options)


def test_it_is_that_from_its_file_and_the_model_stays_as_it_is(digits, of_a_file, tmp_path):
    options, expected = of_a_file
    model = mine()
    run = train(digits, out=tmp_path / "r", **(options | {"model": model}))
    assert run.history == expected.history and run.classifier is not model
    for kept in (model, load(tmp_path / "r" / "start.keras")):
        for ours, theirs in zip(kept.get_weights(), mine().get_weights(), strict=True):
            np.testing.assert_array_equal(ours, theirs)
    record = json.loads((tmp_path / "r" / "train.json").read_text())
    assert record["settings"]["model"] == str(tmp_path / "r" / "start.keras") and record["start"]
    assert ensure(digits, out=tmp_path / "r", **(options | {"model": mine()})).history == expected.history
    with pytest.raises(TfadvError, match="already holds a finished run"):
        train(digits, out=tmp_path / "r", **(options | {"model": mine(seed=2)}))
    assert np.array_equal(load(tmp_path / "r" / "start.keras").get_weights()[0], mine().get_weights()[0])


@pytest.mark.parametrize("again", [{}, {"model": mine}])
def test_it_goes_on_after_an_interruption_with_the_model_or_without(digits, of_a_file, tmp_path, monkeypatch, again):
    options, expected = of_a_file
    (tmp_path / "r").mkdir()
    mine(seed=3).save(tmp_path / "r" / "start.keras")  # what a training that never began has left
    interrupted(monkeypatch, 1, dataset=digits, out=tmp_path / "r", **(options | {"model": mine()}))
    with pytest.raises(TfadvError, match="the weights in .*start.keras' have changed"):
        train(digits, out=tmp_path / "r", resume=True, progress=False, model=mine(seed=2))
    again = {name: make() for name, make in again.items()}
    assert train(digits, out=tmp_path / "r", resume=True, progress=False, **again).history == expected.history


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (lambda: keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Lambda(lambda x: x)], name="own"),
         "cannot keep the model 'own', .*: it holds Python code .a Lambda layer.*Build it from registered layers"),
        (lambda: mine(classes=7), "expected 10 classes, as digits has, received 7"),
    ],
)  # fmt: skip
def test_what_is_refused_leaves_nothing_behind(digits, tmp_path, model, said):
    with pytest.raises(TfadvError, match=said) as refused:
        train(digits, out=tmp_path / "r", **{**OPTIONS, "model": model(), "epochs": 1})
    assert "\n" not in str(refused.value) and not (tmp_path / "r").exists()
