import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tfadv import FGSM, L0, L1, L2, LInf, validation
from tfadv.errors import TfadvError

X = np.random.default_rng(0).uniform(0, 1, (6, 8, 8, 1)).astype("float32")
Y = np.array([0, 1, 2, 3, 4, 5])


def with_nan(value=np.nan):
    x = X.copy()
    x[2, 3, 3, 0] = value
    return x


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (X * 16, "Divide them by 255, or by what white is in them"),
        (X * 2 - 1, "normalization"),
        (X + 1e-2, r"Clip them with x.clip\(0, 1\)"),
        (X * 1.1 - 0.05, "Clip them"),
        ((X * 255).astype("uint8"), "type uint8. Divide by 255"),
        ((X * 255).astype("int64"), "type int64. Divide by 255"),
        (X[..., 0], r"\(6, 8, 8\).*x\[\.\.\., None\]"),
        (X[0], r"x\[None\]"),
        (X.reshape(6, -1), "reshape"),
        (X[:0], "at least one image"),
        (with_nan(), "NaN or infinity"),
        (with_nan(np.inf), "NaN or infinity"),
        (None, r"shape \(\)"),
        ("x", r"shape \(\)"),
        ([[1, 2], [3]], "one array, received list"),
        (X.astype(object), "type object"),
        (X > 0.5, "type bool"),
    ],
)
def test_images_refused(x, message):
    with pytest.raises(TfadvError, match=message) as error:
        validation.images(x)
    assert "\n" not in str(error.value)


def test_images_accepted():
    for x in (X, X.astype("float64"), tf.constant(X), X.tolist(), np.asfortranarray(X)):
        assert validation.images(x).dtype == np.float32 and np.array_equal(validation.images(x), X)
    assert validation.images(X) is X or np.shares_memory(validation.images(X), X)
    assert np.allclose(validation.images(X.astype("float16")), X, atol=1e-3)
    rounded = validation.images(X.astype("float64") * (1 + 1e-7) - 1e-8)
    assert rounded.min() >= 0 and rounded.max() <= 1


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.eye(6), r"shape \(6, 6\), perhaps one-hot. Use y.argmax"),
        (Y[:, None], "reshape"),
        (Y.astype("float32"), r"float32. Use y.astype\('int32'\)"),
        (Y > 2, "bool"),
        (Y.astype(str), "ints"),
        (Y[:5], "one per image, 6 in all, received 5"),
        (Y - 1, "negative label -1"),
        (Y + 5, "from 0 to 9, received the label 10"),
        (3, r"shape \(\)"),
    ],
)
def test_labels_refused(y, message):
    with pytest.raises(TfadvError, match=message) as error:
        validation.labels(y, 6, 10)
    assert "\n" not in str(error.value)


def test_labels_accepted():
    for y in (Y, Y.astype("uint8"), tf.constant(Y), Y.tolist()):
        assert validation.labels(y, 6, 10).dtype == np.int32 and np.array_equal(validation.labels(y), Y)
    with pytest.raises(TfadvError, match="without gaps"):
        validation.labels(Y + 2**40)


def dense(units, **options):
    return keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(units, **options)])


def broken(value):
    model = dense(10)
    kernel = model.layers[-1].kernel
    kernel.assign(np.full(kernel.shape, value))
    return model


class Subclassed(keras.Model):
    """What `tfadv` cannot look into: only its outputs tell."""

    def __init__(self, squash):
        super().__init__()
        self.flatten, self.dense, self.squash = layers.Flatten(), layers.Dense(10), squash

    def call(self, x):
        return self.squash(self.dense(self.flatten(x)))


def two_outputs():
    x = keras.Input((8, 8, 1))
    return keras.Model(x, [layers.Dense(3)(layers.Flatten()(x)), x])


def two_inputs():
    x, other = keras.Input((8, 8, 1)), keras.Input((4,))
    return keras.Model([x, other], layers.Dense(3)(layers.Concatenate()([layers.Flatten()(x), other])))


MODELS = {
    "28x28 to 32x32": (
        lambda: keras.Sequential([keras.Input((32, 32, 3)), layers.Flatten()]),
        "32 x 32 x 3, received 8 x 8 x 1",
    ),
    "vectors": (lambda: keras.Sequential([keras.Input((64,)), layers.Dense(10)]), "64, received 8 x 8 x 1.*Reshape"),
    "channels second": (lambda: keras.Sequential([keras.Input((8, 1, 8)), layers.Flatten()]), "transpose"),
    "softmax": (lambda: dense(10, activation="softmax"), "as_logits_model"),
    "sigmoid": (lambda: dense(10, activation="sigmoid"), "as_logits_model"),
    "softmax nested": (
        lambda: keras.Sequential([keras.Input((8, 8, 1)), dense(10, activation="softmax")]),
        "as_logits_model",
    ),
    "softmax unseen": (
        lambda: Subclassed(keras.ops.softmax),
        "logits, received probabilities .its outputs.*sum to 1",
    ),
    "NaN weights": (lambda: broken(np.nan), "weights that are not finite .*kernel"),
    "infinite weights": (lambda: broken(np.inf), "weights that are not finite"),
    "NaN logits": (lambda: Subclassed(lambda z: z / 0.0), "logits that are not finite"),
    "one unit": (lambda: dense(1), "at least 2 classes.*as_logits_model"),
    "one sigmoid unit": (lambda: dense(1, activation="sigmoid"), r"at least 2 classes.*\[0, z\].*as_logits_model"),
    "one unit unseen": (lambda: Subclassed(lambda z: z[:, :1]), r"z = log\(p / \(1 - p\)\)"),
    "two inputs": (two_inputs, "one input, the images, received 2 inputs. Hold the others fixed"),
    "dictionary unseen": (lambda: Subclassed(lambda z: {"z": z}), "return the logits alone|Return the logits alone"),
    "not flat": (
        lambda: keras.Sequential([keras.Input((8, 8, 1)), layers.Dense(3)]),
        r"shape \(6, 8, 8, 3\)",
    ),
    "images of images": (
        lambda: keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2D(2, 1, activation="sigmoid"), layers.Dense(1)]),
        "received images of 8 x 8 x 1, which an autoencoder gives. Put a classifier behind it",
    ),
    "images of a sigmoid": (
        lambda: keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2D(2, 1, activation="sigmoid")]),
        r"classifier's output: .*shape \(6, 8, 8, 2\)",
    ),
    "two outputs": (two_outputs, "one tensor of logits, received list of 2. Keep one"),
    "does not fit": (
        lambda: Subclassed(lambda z: keras.ops.reshape(z, (7, 7))),
        "cannot process images of shape 8 x 8 x 1: .*eshape",
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_classifier_refused(name):
    make, message = MODELS[name]
    with pytest.raises(TfadvError, match=message) as error:
        validation.classifier(make(), X)
    assert "\n" not in str(error.value) and "\x1b" not in str(error.value) and len(str(error.value)) < 400


def with_names():
    """Keras sorts the outputs by name: the first one is not the logits."""
    x = keras.Input((8, 8, 1))
    features = layers.Flatten()(x)
    return keras.Model(x, {"logits": layers.Dense(3)(features), "features": layers.Dense(4)(features)})


MENDED = {
    "vectors": lambda: keras.Sequential([keras.Input((64,)), layers.Dense(3)]),
    "rows": lambda: keras.Sequential([keras.Input((8, 8)), layers.Flatten(), layers.Dense(3)]),
    "channels first": lambda: keras.Sequential([keras.Input((1, 8, 8)), layers.Flatten(), layers.Dense(3)]),
    "any size, channels first": lambda: keras.Sequential(
        [keras.Input((1, None, None)), layers.Permute((2, 3, 1)), layers.GlobalAveragePooling2D(), layers.Dense(3)]
    ),
    "two outputs": two_outputs,
    "names": with_names,
}


@pytest.mark.parametrize("name", MENDED)
def test_the_line_in_the_message_mends_the_model(name):
    model = MENDED[name]()
    with pytest.raises(TfadvError) as error:
        validation.classifier(model, X)
    line = str(error.value).partition("model = ")[2].rstrip(".")
    mended = eval(line, {"keras": keras, "model": model})
    assert validation.classifier(mended, X) == 3


@pytest.mark.parametrize("name", ["linear", "cnn", "batchnorm_dropout", "saturated", "constant", "nan_gradients"])
def test_classifier_accepted(name, classifiers):
    assert validation.classifier(classifiers(name), X) == 10


def test_counted_votes_are_no_probabilities():
    """The mean of one-hot votes sums to 1 too, and its logarithm says no more."""
    votes = np.eye(4, dtype="float32")[[[0, 1, 1], [2, 2, 2], [3, 0, 1]]].mean(axis=1)
    soft = np.float32([[0.7, 0.2, 0.07, 0.03], [0.11, 0.21, 0.31, 0.37], [0.25, 0.25, 0.25, 0.25]])
    assert validation.are_probabilities(votes) and validation.are_vote_shares(votes)
    assert validation.are_probabilities(soft) and not validation.are_vote_shares(soft * 0.9973)
    x = np.zeros((3, 8, 8, 1), "float32")
    assert validation.classifier(Subclassed(lambda z: votes), x) == 4


@pytest.mark.parametrize(
    ("threat", "message"),
    [
        (LInf(8), "at most 1, from black to white, received linf:8.0. Did you mean linf:8/255?"),
        (L2(128), "at most 8, from black to white, received l2:128.0. Did you mean l2:128/255?"),
        (L1(64.1), "at most 64,"),
        (L0(65), r"at most 64, from black to white, received l0:65\.$"),
        (LInf(1e4), r"received linf:10000.0\.$"),
    ],
)
def test_an_eps_beyond_the_box(threat, message):
    with pytest.raises(TfadvError, match=message):
        validation.radius(threat, (8, 8, 1))


def test_an_eps_as_large_as_the_box():
    for threat in (LInf(1), L2(8), L1(64), L2(np.sqrt(3072))):
        validation.radius(threat, (8, 8, 1) if threat.eps != np.sqrt(3072) else (32, 32, 3))


def test_subclassed_and_sizeless_models_are_accepted():
    assert validation.classifier(Subclassed(lambda z: z), X) == 10
    anysize = keras.Sequential([keras.Input((None, None, 1)), layers.GlobalAveragePooling2D(), layers.Dense(3)])
    assert validation.classifier(anysize, X) == 3


def test_attacks_ask_at_every_call(classifiers):
    """The compiled attack would return x for a model that has broken since, and it would look robust."""
    model = dense(10)
    FGSM()(model, X, Y, threat=LInf(0.1))
    model.layers[-1].kernel.assign(np.full((64, 10), np.nan))
    with pytest.raises(TfadvError, match="weights that are not finite"):
        FGSM()(model, X, Y, threat=LInf(0.1))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threat": "linf:0.1"}, "threat: expected a threat model, received 'linf:0.1'"),
        ({"seed": 1.5}, "seed: expected a whole number"),
        ({"seed": None}, "seed: expected a whole number"),
        ({"batch_size": 0}, "batch_size: expected a whole number of at least 1"),
        ({"targets": Y[:3]}, "targets: expected one per image"),
        ({"targets": Y + 9}, "targets: .*received the label"),
    ],
)
def test_arguments_of_a_call_refused(options, message, classifiers):
    with pytest.raises(TfadvError, match=message):
        FGSM()(classifiers("linear"), X, Y, **{"threat": LInf(0.1), **options})
