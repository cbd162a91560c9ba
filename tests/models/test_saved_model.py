"""Models that were exported, by tfadv, by Keras and by others, judged as they are."""

import json
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
from eager import eagerly  # noqa: F401
from keras import layers

from tfadv import PGD, LInf, gradients, validation
from tfadv.attacks import get
from tfadv.errors import TfadvError
from tfadv.models import classifier, saved_model
from tfadv.serving.export import export
from toy_models import classifier as toy

IMAGES = tf.TensorSpec([None, 8, 8, 1], tf.float32)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """The network `cnn`, exported by tfadv and by Keras, with logits and with probabilities only."""
    home, cnn = tmp_path_factory.mktemp("saved"), toy("cnn")
    export(cnn, home, name="ours", record={"training": {"settings": {"dataset": "digits"}, "source": "embedded"}})
    x = keras.Input((8, 8, 1))
    for name, model in (("keras", cnn), ("softmax", keras.Model(x, layers.Softmax()(cnn(x))))):
        model.export(str(home / name / "7"), verbose=False)
    return home


def graph_of(function, path, *specs, variables=(), **signatures):
    """A SavedModel of functions, as people write who know no Keras."""
    module = tf.Module()
    module.kept = list(variables)
    compiled = {name: tf.function(f, input_signature=list(specs)) for name, f in signatures.items()}
    if function is not None:
        compiled["serving_default"] = tf.function(function, input_signature=list(specs))
    tf.saved_model.save(module, str(path), signatures=compiled)
    return path


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize("name", ["ours", "keras"])
def test_answers_attacks_and_gradients_are_those_of_the_model(name, home, images, labels):
    model, cnn = classifier.load(home / name), toy("cnn")
    assert isinstance(model, keras.Model) and model.name.startswith(name) and saved_model.remark(model) is None
    assert np.allclose(model(images), cnn(images), atol=1e-5) and validation.classifier(model, images) == 10
    assert gradients.differentiable(model, images)
    assert model.count_params() == cnn.count_params() and len(model.get_weights()) == len(cnn.get_weights())
    for attack in (PGD(steps=5), get("deepfool(steps=5)")):
        found, expected = (attack(m, images, labels, threat=LInf(0.1)) for m in (model, cnn))
        assert np.mean(np.abs(found - expected) > 1e-4) < 0.02


def test_probabilities_become_logits(home, images, labels):
    model, cnn = classifier.load(home / "softmax"), toy("cnn")
    z = model(images).numpy()
    assert np.allclose(z, tf.nn.log_softmax(cnn(images)), atol=1e-3) and validation.classifier(model, images) == 10
    assert "probabilities (serving_default: output_0)" in saved_model.remark(model)
    assert gradients.differentiable(model, images)
    left = [
        np.mean(cnn(PGD(steps=10)(m, images, labels, threat=LInf(0.15))).numpy().argmax(1) == labels)
        for m in (model, cnn)
    ]
    assert abs(left[0] - left[1]) < 0.07


def test_probabilities_of_which_nothing_is_left_do_not_become_infinite(tmp_path):
    graph_of(lambda images: {"p": tf.nn.softmax(1e4 * images[:, 0, :3, 0])}, tmp_path / "m", IMAGES)
    model = classifier.load(tmp_path / "m")
    assert np.isfinite(model(np.random.rand(9, 8, 8, 1))).all() and saved_model.remark(model)


@pytest.mark.parametrize(
    ("ending", "said"), [(tf.sigmoid, "judged as the probability"), (tf.identity, "two logits, 0 and that unit")]
)
def test_one_unit_becomes_two_logits(tmp_path, ending, said):
    z = lambda images: 40 * tf.reduce_mean(images, axis=[1, 2, 3])[:, None] - 20  # noqa: E731
    graph_of(lambda images: {"p": ending(z(images))}, tmp_path / "m", IMAGES)
    model, x = classifier.load(tmp_path / "m"), np.random.default_rng(1).uniform(0, 1, (9, 8, 8, 1)).astype("float32")
    assert validation.classifier(model, x) == 2
    assert np.allclose(tf.nn.softmax(model(x))[:, 1:], tf.sigmoid(z(x)), atol=1e-4)
    assert said in saved_model.remark(model) and "(serving_default: p)" in saved_model.remark(model)


@pytest.mark.parametrize("given", ["keras", "keras/7", "keras/7/saved_model.pb"])
def test_paths(given, home):
    assert classifier.find(home / given) == home / "keras" / "7"
    assert saved_model.name(classifier.find(home / given)) == "keras-7" == classifier.load(home / given).name


def test_the_highest_version_counts_as_a_number(home, tmp_path):
    for version in ("2", "10", "9", "notes"):
        shutil.copytree(home / "keras" / "7", tmp_path / "many" / version)
    assert classifier.find(tmp_path / "many") == tmp_path / "many" / "10"


def test_a_run_directory_is_a_run(home, tmp_path):
    shutil.copytree(home / "keras" / "7", tmp_path / "1")
    toy("cnn").save(tmp_path / "model.keras")
    assert classifier.find(tmp_path) == tmp_path / "model.keras"


def test_what_the_export_knew_of_the_training(home):
    record = classifier.training_of(classifier.find(home / "ours"))
    assert record["settings"] == {"dataset": "digits"} and record["class_names"] == [str(k) for k in range(10)]
    assert classifier.training_of(classifier.find(home / "keras")) == {}


@pytest.mark.parametrize("damage", ["{", '{"classes": 3, "record": []}', "[1]"])
def test_a_card_that_cannot_be_read(damage, home, tmp_path):
    shutil.copytree(home / "keras" / "7", tmp_path / "1")
    (tmp_path / "1" / "card.json").write_text(damage)
    with pytest.raises(TfadvError, match="cannot read .*card.json"):
        classifier.training_of(tmp_path / "1")


def weights():
    return tf.Variable(np.random.default_rng(0).normal(size=(64, 4)).astype("float32"))


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize("dtype", ["float16", "float64", "uint8", "int32"])
def test_images_of_other_types(dtype, tmp_path):
    """Floats in [0, 1], whole numbers as bytes; through those no gradient passes."""
    w, whole = weights(), "int" in dtype

    def serve(images):
        pixels = tf.cast(images, tf.float32) / (255 if whole else 1)
        return {"scores": tf.reshape(pixels, [-1, 64]) @ w}

    path = graph_of(serve, tmp_path / "m", tf.TensorSpec([None, 8, 8, 1], dtype), variables=[w])
    model, x = classifier.load(path), np.random.default_rng(1).integers(0, 256, (40, 8, 8, 1)) / 255
    assert np.allclose(model(x), x.reshape(-1, 64) @ w.numpy(), atol=0.05 if dtype == "float16" else 1e-4)
    assert gradients.differentiable(model, x) is not whole
    y = model(x).numpy().argmax(axis=1)
    found = get("square(queries=50)")(model, x, y, threat=LInf(0.1))
    assert np.mean(model(found).numpy().argmax(axis=1) != y) > 0.2


def test_the_likeliest_signature_and_output_are_taken(tmp_path):
    w = weights()
    scores = lambda images: tf.reshape(images, [-1, 64]) @ w  # noqa: E731
    path = graph_of(
        lambda images: {"embedding": 2 * scores(images), "output_0": scores(images), "n": tf.shape(images)},
        tmp_path / "m", IMAGES, variables=[w], b=lambda images: {"x": 3 * scores(images)},
    )  # fmt: skip
    x = np.random.rand(5, 8, 8, 1).astype("float32")
    assert np.allclose(saved_model.load(path)(x), scores(x), atol=1e-5)
    assert np.allclose(saved_model.load(path, "b")(x), 3 * scores(x), atol=1e-5)
    with pytest.raises(TfadvError, match="no signature .* b from images float32"):
        saved_model.load(path, "c")


@pytest.mark.parametrize(
    ("spec", "function"),
    [
        (tf.TensorSpec([None, 64], tf.float32), lambda x: {"z": x[:, :3]}),
        (tf.TensorSpec([None], tf.string), lambda x: {"z": tf.zeros([tf.size(x), 3])}),
        (tf.TensorSpec([1, 8, 8, 1], tf.float32), lambda x: {"z": x[:, 0, :3, 0]}),
        (IMAGES, lambda x: {"z": tf.argmax(x[:, 0, :3, 0], axis=1)}),
        (IMAGES, lambda x: {"z": x * 2}),
    ],
    ids=["flat", "strings", "one at a time", "classes", "images"],
)
def test_signatures_that_do_not_fit_are_listed(spec, function, tmp_path):
    refused(graph_of(function, tmp_path / "m", spec), "no signature .*maps images.*serving_default from x .* to z")


@pytest.mark.usefixtures("eagerly")
def test_free_sizes(tmp_path):
    path = graph_of(
        lambda x: {"z": tf.reduce_max(x, axis=[1, 2])}, tmp_path / "m", tf.TensorSpec([None, None, None, 3])
    )
    model = classifier.load(path)
    assert model.input_shape == (None, None, None, 3)
    assert PGD(steps=2)(model, np.random.rand(4, 9, 7, 3), np.zeros(4, int), threat=LInf(0.1)).shape == (4, 9, 7, 3)


def test_a_graph_without_gradients_is_attacked_without_them(tmp_path, images, labels):
    w = weights()
    path = graph_of(
        lambda x: {"z": tf.reshape(tf.round(8 * x) / 8, [-1, 64]) @ w}, tmp_path / "m", IMAGES, variables=[w]
    )
    model = classifier.load(path)
    assert not gradients.differentiable(model, images)
    y = model(images).numpy().argmax(axis=1)
    left = [
        np.mean(model(get(a)(model, images, y, threat=LInf(0.2))).numpy().argmax(axis=1) == y)
        for a in ("fgsm", "square(queries=100)")
    ]
    assert left[0] == 1 and left[1] < 0.7
    with pytest.raises(TfadvError, match="is no surrogate for it|no floats"):
        get("bpda")(model, images, y, threat=LInf(0.2))


@pytest.mark.parametrize("operation", ["WriteFile", "ReadFile", "EagerPyFunc"])
def test_graphs_that_do_more_than_compute_are_not_run(operation, tmp_path):
    target = tmp_path / "written"

    def harm(x):
        if operation == "EagerPyFunc":
            [x] = [tf.py_function(lambda x: x, [x], tf.float32)]
            x = tf.ensure_shape(x, [None, 8, 8, 1])
        elif operation == "WriteFile":
            tf.io.write_file(str(target), "harm")
        else:
            x += tf.cast(tf.strings.length(tf.io.read_file("/etc/hostname")), tf.float32)
        return {"z": x[:, 0, :3, 0]}

    refused(graph_of(harm, tmp_path / "m", IMAGES), f"is not run: its graph calls {operation}")
    assert not target.exists()


@pytest.mark.parametrize("keep", [0, 50, 0.5])
def test_damaged_files(keep, home, tmp_path):
    shutil.copytree(home / "keras" / "7", tmp_path / "m")
    graph = tmp_path / "m" / "saved_model.pb"
    content = graph.read_bytes()
    graph.write_bytes(content[: keep if isinstance(keep, int) else int(keep * len(content))])
    refused(tmp_path / "m", "is damaged, or holds no graph|cannot load|no signature")


def test_missing_weights(home, tmp_path):
    shutil.copytree(home / "keras" / "7", tmp_path / "m")
    shutil.rmtree(tmp_path / "m" / "variables")
    refused(tmp_path / "m", "cannot load the SavedModel")


def refused(path, message):
    with pytest.raises(TfadvError, match=message) as error:
        classifier.load(path)
    assert "\n" not in str(error.value) and "\x1b" not in str(error.value)


def test_remark_on_other_models():
    assert saved_model.remark(toy("cnn")) is None and json.dumps(saved_model.remark(toy("mlp"))) == "null"
