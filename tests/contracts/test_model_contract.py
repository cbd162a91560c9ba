"""What holds for every registered architecture."""

import keras
import numpy as np
import pytest

from tfadv import models, validation
from tfadv.errors import TfadvError
from tfadv.models import MODELS, classifier

SHAPES = [(28, 28, 1), (32, 32, 3)]
every_model = pytest.mark.parametrize("name", MODELS)


def pixels(shape):
    return np.random.default_rng(0).uniform(0, 1, (3, *shape)).astype("float32")


@every_model
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("classes", [2, 10])
def test_maps_pixels_to_logits(name, shape, classes):
    model = models.build(name, shape, classes)
    assert isinstance(model, keras.Model) and model.name == name.split("_")[0]
    assert validation.classifier(model, pixels(shape)) == classes
    assert model.compute_dtype == "float32" and model.output.dtype == "float32"


@pytest.mark.parametrize(
    ("text", "shape", "weights"),
    [
        ("mlp", (28, 28, 1), 79_510),
        ("lenet", (28, 28, 1), 431_080),
        ("cnn", (28, 28, 1), 166_406),
        ("cnn_maxpool", (28, 28, 1), 421_642),
        ("basicnet", (32, 32, 3), 62_006),
    ],
)
def test_has_as_many_weights_as_the_network_it_is_named_after(text, shape, weights):
    assert models.build(text, shape, 10).count_params() == weights


@every_model
def test_weights_are_a_function_of_the_seed(name):
    one, again, other = (models.build(name, (28, 28, 1), 10, seed=s).get_weights() for s in (0, 0, 1))
    assert all(np.array_equal(a, b) for a, b in zip(one, again, strict=True))
    # Biases and scales that begin constant (0, or BatchNorm's 1) are the same for every seed.
    assert not any(np.array_equal(a, b) for a, b in zip(one, other, strict=True) if np.ptp(a))
    # Two layers of one shape do not begin with the same numbers.
    kernels = [w.ravel()[:20] for w in one if w.ndim > 1]
    assert len({k.tobytes() for k in kernels}) == len(kernels)


@every_model
def test_reloads_in_safe_mode_without_code_of_ours(name, tmp_path):
    model = models.build(name, (28, 28, 1), 10)
    model.save(tmp_path / "model.keras")
    assert "tfadv" not in model.to_json()
    assert np.array_equal(classifier.load(tmp_path)(pixels((28, 28, 1))), model(pixels((28, 28, 1))))


@every_model
def test_logits_are_float32_in_mixed_precision(name):
    before = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_dtype_policy("mixed_bfloat16")
    try:
        model = models.build(name, (28, 28, 1), 10)
    finally:
        keras.mixed_precision.set_dtype_policy(before)
    assert model(pixels((28, 28, 1))).dtype == "float32"


@pytest.mark.parametrize(
    ("text", "shape", "message"),
    [
        ("lenet", (8, 8, 1), r"cannot build 'lenet' for images of \(8, 8, 1\)"),
        ("mlp(hidden=-3)", (8, 8, 1), "mlp: hidden: expected widths"),
        ("mlp(hidden=())", (8, 8, 1), "mlp: hidden: expected widths"),
        ("mlp(hidden=(10, 2.5))", (8, 8, 1), "mlp: hidden"),
        ("mlp(init=zeros)", (8, 8, 1), "mlp: init: expected truncated_normal or glorot"),
        ("cnn(filters=-3)", (8, 8, 1), "cnn"),
        ("cnn(filters=x)", (8, 8, 1), "cnn"),
        ("cnn(seed=1)", (8, 8, 1), "has no option 'seed'"),
        ("resnet", (8, 8, 1), "unknown model 'resnet': .*known are"),
    ],
)
def test_refuses_in_one_sentence(text, shape, message):
    with pytest.raises(TfadvError, match=message) as error:
        models.build(text, shape, 10)
    assert "\n" not in str(error.value)
