import json

import keras
import numpy as np
import pytest
from keras import layers

from tfadv.errors import TfadvError
from tfadv.models import classifier

X = np.random.default_rng(0).uniform(0, 1, (5, 8, 8, 1)).astype("float32")


def head(*stack):
    return keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), *stack])


@pytest.fixture
def saved(tmp_path):
    head(layers.Dense(6)).save(tmp_path / "model.keras")
    return tmp_path / "model.keras"


def test_loads_files_and_directories(saved):
    assert np.array_equal(classifier.load(saved)(X), classifier.load(str(saved.parent))(X))


@keras.saving.register_keras_serializable()
def doubled(z):
    return 2 * z


@pytest.mark.parametrize(
    ("layer", "own"),
    [
        (layers.Dropout(0.5), True),
        (keras.Sequential([layers.Dense(6, activation="relu", kernel_regularizer="l2")]), True),
        (layers.Lambda(lambda z: z), False),
        (layers.Activation(doubled), False),
        (keras.Sequential([layers.Dense(6, activation=doubled)]), False),
    ],
)
def test_whether_it_holds_only_what_is_keras_own(layer, own, tmp_path):
    head(layer, layers.Dense(6)).save(tmp_path / "model.keras")
    assert classifier.draws_by_keras(tmp_path / "model.keras") is own
    (tmp_path / "model.keras").write_bytes(b"damaged")
    assert not classifier.draws_by_keras(tmp_path / "model.keras")


@pytest.mark.parametrize("keep", [0, 1, 100, 0.5, 0.99])
def test_truncated_files(keep, saved):
    content = saved.read_bytes()
    saved.write_bytes(content[: keep if isinstance(keep, int) else int(keep * len(content))])
    refused(saved, "damaged or truncated")


def test_damaged_inside(saved):
    content = bytearray(saved.read_bytes())
    for k in range(200, len(content) - 400, 50):
        content[k] ^= 255
    saved.write_bytes(content)
    refused(saved, "cannot load|damaged")


def test_missing_and_other_files(tmp_path):
    refused(tmp_path / "none.keras", "there is no model")
    refused(tmp_path, "holds no model.keras")
    (tmp_path / "model.h5").write_bytes(b"x")
    refused(tmp_path / "model.h5", "not a .keras file")
    (tmp_path / "text.keras").write_text("hello")
    refused(tmp_path / "text.keras", "damaged")


def test_code_in_a_file_is_not_run(tmp_path):
    model = keras.Sequential([keras.Input((2,)), layers.Lambda(lambda x: x + 1)])
    model.save(tmp_path / "model.keras")
    refused(tmp_path, "cannot load .*Lambda layer.*never run")


def refused(path, message):
    with pytest.raises(TfadvError, match=message) as error:
        classifier.load(path)
    assert "\n" not in str(error.value) and "\x1b" not in str(error.value)


def test_the_record_of_a_training(tmp_path, saved):
    assert classifier.training_of(saved) == classifier.training_of(tmp_path) == {}
    settings = {"dataset": "digits", "model": "mlp", "method": "standard", "epochs": 1}
    record = {"settings": settings, "source": "digits", "class_names": ["0"], "finished": False}
    (tmp_path / "train.json").write_text(json.dumps(record))
    assert classifier.training_of(saved) == record
    (tmp_path / "train.json").write_text("{")
    with pytest.raises(TfadvError, match="cannot read"):
        classifier.training_of(tmp_path)
