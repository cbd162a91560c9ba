import keras
import numpy as np
import pytest
from keras import layers, ops

from tfadv import validation
from tfadv.errors import TfadvError
from tfadv.models import classifier

X = np.random.default_rng(0).uniform(0, 1, (5, 8, 8, 1)).astype("float32")


def head(*stack):
    return keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), *stack])


def functional(squash):
    x = keras.Input((8, 8, 1))
    return keras.Model(x, squash(layers.Dense(6)(layers.Flatten()(x))))


def layer_added_later():
    """The layer that is listed last is not the one that gives the output."""
    model = functional(layers.Softmax())
    model.unused = layers.Dense(6)
    return model


ENDINGS = {
    "dense": lambda: head(layers.Dense(6, activation="softmax")),
    "layer": lambda: head(layers.Dense(6), layers.Softmax()),
    "activation": lambda: head(layers.Dense(6), layers.Activation("softmax")),
    "function": lambda: functional(keras.activations.softmax),
    "operation": lambda: functional(ops.softmax),
    "nested": lambda: keras.Sequential([keras.Input((8, 8, 1)), head(layers.Dense(6, activation="softmax"))]),
    "extra layer": layer_added_later,
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_takes_the_softmax_off(ending, recwarn):
    model = ENDINGS[ending]()
    with pytest.raises(TfadvError, match="as_logits_model"):
        validation.classifier(model, X)
    logits = classifier.as_logits_model(model)
    z = logits(X).numpy()
    assert np.allclose(ops.softmax(z), model(X), atol=1e-6) and not np.allclose(z.sum(1), 1)
    assert validation.classifier(logits, X) == 6 and not recwarn.list


def test_takes_the_sigmoid_off():
    model = head(layers.Dense(6, activation="sigmoid"))
    assert np.allclose(ops.sigmoid(classifier.as_logits_model(model)(X)), model(X), atol=1e-6)


def test_leaves_logits_and_subclassed_models_alone():
    with pytest.raises(TfadvError, match="return logits already"):
        classifier.as_logits_model(head(layers.Dense(6)))

    class Own(keras.Model):
        def call(self, x):
            return x

    class Negative(keras.Sequential):
        def call(self, x, training=None, mask=None):
            return super().call(1 - x)

    negative = Negative([keras.Input((4,)), layers.Dense(3, activation="softmax")])
    for model in (Own(), negative):
        with pytest.raises(TfadvError, match="return logits from your own class"):
            classifier.as_logits_model(model)


@pytest.fixture
def saved(tmp_path):
    head(layers.Dense(6)).save(tmp_path / "model.keras")
    return tmp_path / "model.keras"


def test_loads_files_and_directories(saved):
    assert np.array_equal(classifier.load(saved)(X), classifier.load(str(saved.parent))(X))


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
    (tmp_path / "train.json").write_text('{"dataset": "digits"}')
    assert classifier.training_of(saved) == {"dataset": "digits"}
    (tmp_path / "train.json").write_text("{")
    with pytest.raises(TfadvError, match="cannot read"):
        classifier.training_of(tmp_path)
