"""A training that starts from a model in Python: the run keeps it."""

import json

import keras
import numpy as np
import pytest
from small_runs import OPTIONS, interrupted

from tfadv.data import Dataset, Split
from tfadv.errors import TfadvError
from tfadv.models import build
from tfadv.models.classifier import load
from tfadv.training import run as run_module
from tfadv.training.run import ensure, train
from tfadv.training.start import identity


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


class Own(keras.Model):
    """A model of the user's own class, which has been called and still names no input."""

    def __init__(self, **options):
        super().__init__(**options)
        self.logits = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(10)])

    def call(self, x):
        return self.logits(x)


def test_a_model_that_does_not_know_its_images_is_refused(digits, tmp_path):
    called = Own(name="own")
    called(digits.test.x[:1])
    for model in (called, keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(10)], name="own")):
        with pytest.raises(TfadvError, match="'own' does not say which images it takes; build it first: .*keras.In"):
            train(digits, out=tmp_path / "r", **{**OPTIONS, "model": model})
    assert not (tmp_path / "r").exists()


def test_whatever_stops_it_before_its_first_step_leaves_nothing_behind(digits, tmp_path, monkeypatch):
    def broken(*_):
        raise RuntimeError("no device")

    monkeypatch.setattr(run_module, "_trainer", broken)
    with pytest.raises(RuntimeError, match="no device"):
        train(digits, out=tmp_path / "r", **{**OPTIONS, "model": mine()})
    assert not (tmp_path / "r").exists()


def test_a_run_that_moved_goes_on_from_the_model_that_it_keeps(digits, of_a_file, tmp_path, monkeypatch):
    options, expected = of_a_file
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    interrupted(monkeypatch, 1, dataset=digits, out="r", **(options | {"model": mine()}))
    (tmp_path / "r").rename(tmp_path / "elsewhere" / "moved")
    mine(seed=2).save("other.keras")  # of the same name as the record's, and no part of the run
    (tmp_path / "r").mkdir()
    (tmp_path / "other.keras").rename(tmp_path / "r" / "start.keras")
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert train(digits, out="moved", resume=True, progress=False).history == expected.history


def convolutional(activation="relu", rate=0.1, skip=0):
    """A branch that is added to one of the layers before it."""
    layers = keras.layers
    x = keras.Input((8, 8, 1))
    before = [layers.Conv2D(3, 3, padding="same", activation=activation)(layers.RandomFlip()(x))]
    before.append(layers.Softmax()(layers.Conv2D(3, 3, padding="same")(before[0])))
    joined = layers.Dropout(rate)(layers.add([layers.Conv2D(3, 1)(before[1]), before[skip]]))
    return keras.Model(x, keras.Sequential([layers.Flatten(), layers.Dense(10, activation="softmax")])(joined))


@pytest.mark.parametrize("make", [convolutional, mine, lambda: build("resnet8", (8, 8, 1), 10)])
def test_the_same_model_built_twice_is_the_same_start_as_is_its_file(tmp_path, make):
    first, second = make(), make()
    second.set_weights(first.get_weights())
    first.compile("sgd", "mse")
    first.save(tmp_path / "first.keras")
    stored = keras.saving.load_model(tmp_path / "first.keras")
    assert first.layers[0].name != second.layers[0].name
    assert identity(first) == identity(second) == identity(stored) and identity(first)["architecture"]


def test_the_same_weights_in_another_architecture_are_another_start(digits, of_a_file, tmp_path):
    model = convolutional()
    for changed in ({"activation": "gelu"}, {"rate": 0.5}, {"skip": 1}):
        other = convolutional(**changed)
        other.set_weights(model.get_weights())
        assert identity(other)["start"] == identity(model)["start"], changed
        assert identity(other)["architecture"] != identity(model)["architecture"], changed
    options = of_a_file[0] | {"epochs": 1, "model": mine()}
    train(digits, out=tmp_path / "r", **options)
    other = build("mlp(hidden=(16,), init=glorot, activation=linear)", (8, 8, 1), 10)
    other.set_weights(mine().get_weights())
    with pytest.raises(TfadvError, match="the architecture of .*start.keras' has changed"):
        ensure(digits, out=tmp_path / "r", **(options | {"model": other}))


@pytest.mark.parametrize("begin", [train, ensure])
def test_arrays_are_refused_with_the_way_to_a_dataset(digits, tmp_path, begin):
    with pytest.raises(TfadvError, match=r"a tfadv.data.Dataset, received a tuple. Make one of arrays: Dataset\("):
        begin((digits.train.x, digits.train.y), out=tmp_path / "r", **OPTIONS)
    given = Dataset("mine", Split(digits.train.x, digits.train.y), digits.test, digits.class_names, "my arrays")
    assert begin(given, out=tmp_path / "r", **{**OPTIONS, "epochs": 1}).history
