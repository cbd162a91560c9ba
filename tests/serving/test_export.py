"""Exports appear whole or not at all, answer as the Keras model does, and need no tfadv."""

import hashlib
import json
import logging
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfadv import models
from tfadv.errors import TfadvError
from tfadv.layers import PredictionNoise
from tfadv.models import classifier
from tfadv.serving import check, signatures
from tfadv.serving.export import export
from trap_models import UnseededPepper

SHAPE = (6, 5, 3)
NAMES = ("ant", "bee", "cat", "dog")


@pytest.fixture
def model():
    """A classifier with what matters at inference: normalization, BatchNorm statistics, Dropout."""
    x = inputs = keras.Input(SHAPE)
    x = keras.layers.Normalization(mean=[0.4, 0.5, 0.6], variance=[0.04, 0.05, 0.06])(x)
    x = keras.layers.BatchNormalization()(keras.layers.Conv2D(4, 3)(x))
    x = keras.layers.Dropout(0.5)(keras.layers.Flatten()(x))
    net = keras.Model(inputs, keras.layers.Dense(len(NAMES))(x), name="small")
    net(np.random.rand(8, *SHAPE).astype("float32"), training=True)
    return net


@pytest.fixture
def bytes_():
    return np.random.RandomState(1).randint(0, 256, (7, *SHAPE)).astype("uint8")


@pytest.fixture
def told():
    """What TensorFlow tells while a test runs."""
    logger, records, listener = tf.get_logger(), [], logging.Handler()
    listener.emit, level = records.append, logger.level
    logger.addHandler(listener)
    logger.setLevel(logging.INFO)
    yield records
    assert logger.level == logging.INFO
    logger.setLevel(level)
    logger.removeHandler(listener)


def test_layout_and_answers(model, bytes_, tmp_path, told):
    done = export(model, tmp_path, class_names=NAMES)
    assert not told  # of a folder that is gone by now
    assert done.path == tmp_path / "small" / "1" and (done.name, done.version) == ("small", 1)
    assert done.max_difference < 1e-5
    assert [p.name for p in done.path.parent.iterdir()] == ["1"]

    served = tf.saved_model.load(str(done.path)).signatures
    assert set(served) == {"serving_default", "logits", "uint8"}
    x = bytes_.astype("float32") / 255
    logits = np.asarray(model(x, training=False))
    np.testing.assert_allclose(served["logits"](images=tf.constant(x))["logits"], logits, atol=1e-5)
    for name, images in (("serving_default", x), ("uint8", bytes_)):
        answer = served[name](images=tf.constant(images))
        np.testing.assert_allclose(answer["probabilities"], tf.nn.softmax(logits), atol=1e-6)
        assert (answer["class"].numpy() == logits.argmax(axis=1)).all()
        assert [label.decode() for label in answer["label"].numpy()] == [NAMES[k] for k in logits.argmax(axis=1)]


def test_signature_types_and_free_batch_size(model, tmp_path):
    served = tf.saved_model.load(str(export(model, tmp_path).path)).signatures
    for name, dtype in (("serving_default", tf.float32), ("logits", tf.float32), ("uint8", tf.uint8)):
        assert served[name].structured_input_signature[1]["images"] == tf.TensorSpec((None, *SHAPE), dtype, "images")
    assert served["serving_default"](images=tf.zeros((1, *SHAPE)))["label"].numpy()[0].decode() in "0123"


def test_card(model, tmp_path):
    record = {"threat": "linf:8/255", "robust_accuracy": np.float32(0.5)}
    done = export(model, tmp_path, name="robust", class_names=NAMES, record=record)
    card = json.loads(done.card.read_text())
    assert (card["name"], card["version"], card["classes"]) == ("robust", 1, list(NAMES))
    assert card["input"]["shape"] == [None, *SHAPE] and card["input"]["range"] == [0, 1]
    assert card["record"] == {"threat": "linf:8/255", "robust_accuracy": 0.5}
    assert card["max_difference"] == done.max_difference
    assert set(card["versions"]) == {"tfadv", "keras", "tensorflow"}
    on_disk = {p.relative_to(done.path).as_posix() for p in done.path.rglob("*") if p.is_file()}
    assert set(card["sha256"]) == on_disk - {"card.json"}
    for name, digest in card["sha256"].items():
        assert hashlib.sha256((done.path / name).read_bytes()).hexdigest() == digest


def test_versions_count_on_and_are_never_overwritten(model, tmp_path):
    home = tmp_path / "small"
    (home / "9").mkdir(parents=True)
    (home / "notes").mkdir()
    assert export(model, tmp_path).version == 10
    assert export(model, tmp_path, version=3).version == 3
    assert export(model, tmp_path).version == 11
    before = (home / "3" / "card.json").read_bytes()
    with pytest.raises(TfadvError, match="not overwritten"):
        export(model, tmp_path, version=3)
    assert (home / "3" / "card.json").read_bytes() == before


def test_a_version_that_appears_meanwhile_is_not_overwritten(model, tmp_path, monkeypatch):
    write = signatures.write

    def overtaken(model, class_names, directory):
        write(model, class_names, directory)
        (directory.parent / "1").mkdir()

    monkeypatch.setattr(signatures, "write", overtaken)
    with pytest.raises(TfadvError, match="not overwritten"):
        export(model, tmp_path)
    assert not list((tmp_path / "small" / "1").iterdir())


def test_a_model_that_answers_otherwise_is_refused(model, tmp_path, monkeypatch):
    write = signatures.write

    def write_and_change(model, class_names, directory):
        write(model, class_names, directory)
        model.layers[-1].bias.assign_add([0.0, 1e-3, 0.0, 0.0])

    monkeypatch.setattr(signatures, "write", write_and_change)
    with pytest.raises(TfadvError, match="answers otherwise"):
        export(model, tmp_path)
    assert not list(tmp_path.iterdir())


def test_labels_in_another_order_are_refused(model, tmp_path):
    signatures.write(model, NAMES, tmp_path / "written")
    with pytest.raises(TfadvError, match="labels"):
        check.largest_difference(model, NAMES[::-1], tmp_path / "written")


@pytest.mark.parametrize("bias", [[0, 0, 0, 0], [0, 1e-9, 0, 1e-9], [100, 100.00001, 0, 0]])
def test_tied_logits_are_exported(bias, tmp_path):
    """Of logits that differ by rounding only, their softmax may have its first maximum elsewhere."""
    layers = [keras.Input(SHAPE), keras.layers.Flatten(), keras.layers.Dense(4, kernel_initializer="zeros")]
    tied = keras.Sequential(layers)
    tied.layers[-1].bias.assign(bias)
    assert export(tied, tmp_path, name="tied", class_names=NAMES).max_difference < 1e-5


def test_an_interruption_leaves_nothing_and_no_version_before_the_end(model, tmp_path, monkeypatch):
    seen = []

    def interrupt(model, class_names, directory):
        assert (directory / "saved_model.pb").is_file()
        seen.extend(path.name for path in directory.parent.iterdir())
        raise KeyboardInterrupt

    monkeypatch.setattr(check, "largest_difference", interrupt)
    with pytest.raises(KeyboardInterrupt):
        export(model, tmp_path)
    assert len(seen) == 1 and not seen[0][0].isdigit()
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_one_sentence(model, tmp_path, monkeypatch):
    def full(*_):
        raise tf.errors.ResourceExhaustedError(
            None,
            None,
            "{{function_node __wrapped__SaveV2_device_/CPU:0}} /t/.exporting; No space left on device [Op:SaveV2]",
        )

    monkeypatch.setattr(signatures, "write", full)
    with pytest.raises(TfadvError, match=r"small' \(No space left on device\); nothing was exported"):
        export(model, tmp_path)


def test_a_directory_that_cannot_be_written(model, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(TfadvError, match="cannot write to the directory"):
        export(model, tmp_path / "file")


@pytest.mark.parametrize("name", ["a/b", "a\\b", "..", ".hidden", "", "a:b", "a b", 3])
def test_names_that_are_no_names(model, tmp_path, name):
    with pytest.raises(TfadvError, match="name of an exported model"):
        export(model, tmp_path, name=name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("version", [0, -1, True, "2", 1.5])
def test_versions_that_are_none(model, tmp_path, version):
    with pytest.raises(TfadvError, match="version"):
        export(model, tmp_path, version=version)


def test_class_names_must_be_one_for_each_class(model, tmp_path):
    with pytest.raises(TfadvError, match="one for each of the 4 classes, received 2"):
        export(model, tmp_path, class_names=["a", "b"])


def test_models_that_are_not_built_or_no_models(tmp_path):
    vectors = keras.Sequential([keras.Input((30,)), keras.layers.Dense(3)])
    with pytest.raises(
        TfadvError, match=r"keras.Input\(\(height, width, channels\)\), keras.layers.Reshape\(\(30,\)\)"
    ):
        export(vectors, tmp_path, name="m")
    for net in (keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(3)]), object()):
        with pytest.raises(TfadvError, match="the model to export"):
            export(net, tmp_path, name="m")


def test_a_subclassed_model_exports_as_the_message_says(tmp_path):
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(3)

        def call(self, x):
            return self.dense(keras.ops.reshape(x, (-1, 90)))

    own = Own()
    with pytest.raises(TfadvError, match="Wrap it: x = keras.Input"):
        export(own, tmp_path, name="own")
    x = keras.Input(SHAPE)
    assert export(keras.Model(x, own(x)), tmp_path, name="own").max_difference < 1e-5


def test_probabilities_are_refused(tmp_path):
    layers = [keras.Input(SHAPE), keras.layers.Flatten(), keras.layers.Dense(3, activation="softmax")]
    with pytest.raises(TfadvError, match="as_logits_model"):
        export(keras.Sequential(layers), tmp_path)
    assert not list(tmp_path.iterdir())


def test_mixed_precision_serves_float32(tmp_path):
    policy = keras.dtype_policies.DTypePolicy("mixed_bfloat16")
    layers = [keras.Input(SHAPE), keras.layers.Flatten(), keras.layers.Dense(3, dtype=policy)]
    done = export(keras.Sequential(layers), tmp_path, name="mixed")
    served = tf.saved_model.load(str(done.path)).signatures["logits"]
    assert served(images=tf.zeros((2, *SHAPE)))["logits"].dtype == tf.float32


SERVE = """
import sys
sys.modules["tfadv"] = sys.modules["keras"] = None
import numpy as np, tensorflow as tf
served = tf.saved_model.load(sys.argv[1])
images = np.load(sys.argv[2])
np.save(sys.argv[3], served.signatures["logits"](images=tf.constant(images))["logits"])
"""


def test_served_without_tfadv_in_a_fresh_process(tmp_path):
    net = models.build("cnn", (8, 8, 1), 10)
    done = export(net, tmp_path)
    images = np.random.RandomState(0).rand(3, 8, 8, 1).astype("float32")
    np.save(tmp_path / "images.npy", images)
    # -P, another directory, no PYTHONPATH; where tfadv is installed, None in sys.modules bars it.
    command = [sys.executable, "-P", "-c", SERVE, str(done.path), "images.npy", "logits.npy"]
    clean = {"PATH": "", "HOME": str(tmp_path), "TF_CPP_MIN_LOG_LEVEL": "3"}
    subprocess.run(command, cwd=tmp_path, env=clean, check=True, timeout=120)
    np.testing.assert_allclose(np.load(tmp_path / "logits.npy"), net(images, training=False), atol=1e-5)


@pytest.mark.parametrize(
    "layer", [keras.layers.Dropout(0.5, seed=1), PredictionNoise(0.3, seed=1)], ids=["keras", "own"]
)
def test_what_draws_at_prediction_is_served_with_its_draws(layer, tmp_path):
    """A SavedModel without them would be another model than the one that was judged."""
    inputs = keras.Input(SHAPE)
    options = {"training": True} if isinstance(layer, keras.layers.Dropout) else {}
    hidden = keras.layers.Flatten()(layer(inputs, **options))
    model = keras.Model(inputs, keras.layers.Dense(3)(hidden))
    done, x = (
        export(model, tmp_path, name="noisy"),
        np.random.default_rng(0).uniform(0, 1, (4, *SHAPE)).astype("float32"),
    )
    served = tf.saved_model.load(str(done.path)).signatures["logits"]
    one, other = (served(images=tf.constant(x))["logits"] for _ in range(2))
    assert done.max_difference < 1e-5 and not np.allclose(one, other, atol=1e-3)
    judged = classifier.load(done.path)
    assert not np.allclose(judged(x), judged(x), atol=1e-3)


def test_draws_that_cannot_be_repeated_are_refused(tmp_path):
    inputs = keras.Input(SHAPE)
    hidden = keras.layers.Flatten()(UnseededPepper()(inputs))
    with pytest.raises(TfadvError, match="draw random numbers without keras.random.SeedGenerator"):
        export(keras.Model(inputs, keras.layers.Dense(3)(hidden)), tmp_path)
