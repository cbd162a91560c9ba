"""What holds for every registered architecture."""

import functools

import keras
import numpy as np
import pytest

from tfadv import models, validation
from tfadv.errors import TfadvError
from tfadv.models import MODELS, classifier

GRAY = (28, 28, 1)
# Those with many weights have few channels here.
SMALL = {
    "resnet": "resnet(depth=14, widths=(4, 8, 16))",
    "resnet18": "resnet18(width=1/16)",
    "resnet50": "resnet50(width=1/32)",
    "vgg11": "vgg11(width=1/16)",
    "wrn": "wrn(depth=10, width=0.5)",
}
# Architectures with noise, and others that are no entries of their own.
VARIANTS = [
    *MODELS,
    "mlp(hidden=(8, 8), init=glorot, activation=(linear, relu))",
    "basicnet(dropout=0.3)",
    "basicnet(noise=pni)",
    "resnet8(widths=(2, 4, 4), noise=pni(where=(inputs, outputs, image), by=channel))",
    "resnet8(widths=(2, 4, 4), activation=slwta)",
]
every_model = pytest.mark.parametrize("name", VARIANTS)


@functools.cache
def built(name, shape=GRAY, classes=10, seed=0):
    return models.build(SMALL.get(name, name), shape, classes, seed=seed)


def pixels(shape):
    return np.random.default_rng(0).uniform(0, 1, (3, *shape)).astype("float32")


@every_model
@pytest.mark.parametrize(("shape", "classes"), [(GRAY, 10), ((32, 32, 3), 2)], ids=str)
def test_maps_pixels_to_logits(name, shape, classes):
    model = built(name, shape, classes)
    assert isinstance(model, keras.Model) and model.name.startswith(name.partition("(")[0].split("_")[0])
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
    one, again, other = (model.get_weights() for model in (built(name), built.__wrapped__(name), built(name, seed=1)))
    assert all(np.array_equal(a, b) for a, b in zip(one, again, strict=True))
    # Biases and scales that begin constant (0, or BatchNorm's 1) are the same for every seed.
    assert not any(np.array_equal(a, b) for a, b in zip(one, other, strict=True) if np.ptp(a))
    # Two layers of one shape do not begin with the same numbers.
    kernels = [w.ravel()[:20] for w in one if w.ndim > 1]
    assert len({k.tobytes() for k in kernels}) == len(kernels)


@every_model
def test_reloads_in_safe_mode_and_without_code_of_ours_unless_it_is_noisy(name, tmp_path):
    model, x = built.__wrapped__(name), pixels(GRAY)
    model.save(tmp_path / "model.keras")
    assert ("tfadv" in model.to_json()) is ("pni" in name or "slwta" in name)
    assert np.array_equal(classifier.load(tmp_path)(x), model(x))  # noise begins with the same draw


@every_model
def test_logits_are_float32_in_mixed_precision(name):
    before = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_dtype_policy("mixed_bfloat16")
    try:
        model = built.__wrapped__(name)
    finally:
        keras.mixed_precision.set_dtype_policy(before)
    z = model(pixels(GRAY))
    assert z.dtype == "float32" and np.isfinite(z).all()


@pytest.mark.parametrize(
    ("text", "shape", "message"),
    [
        ("lenet", (8, 8, 1), r"cannot build 'lenet' for images of \(8, 8, 1\)"),
        ("mlp(hidden=-3)", (8, 8, 1), "mlp: hidden: expected widths"),
        ("mlp(hidden=())", (8, 8, 1), "mlp: hidden: expected widths"),
        ("mlp(hidden=(10, 2.5))", (8, 8, 1), "mlp: hidden"),
        (
            "mlp(activation=tanh)",
            (8, 8, 1),
            "mlp: activation: expected relu or linear, or one for each of the 1 hidden",
        ),
        ("mlp(hidden=(4, 4), activation=(relu,))", (8, 8, 1), "mlp: activation: expected relu or linear"),
        ("mlp(init=zeros)", (8, 8, 1), "mlp: init: expected truncated_normal or glorot"),
        ("cnn(filters=-3)", (8, 8, 1), "cnn"),
        ("cnn(filters=x)", (8, 8, 1), "cnn"),
        ("cnn(seed=1)", (8, 8, 1), "has no option 'seed'"),
        ("linear(center=True)", (8, 8, 1), "subtracts the mean of its training images"),
        ("resnt", (8, 8, 1), "unknown model 'resnt': .*known are"),
        ("resnet(depth=15)", (8, 8, 1), "resnet: depth: expected 2 \\+ 6 k"),
        ("wrn(depth=12)", (8, 8, 1), "wrn: depth: expected 10, 16, 22"),
        ("resnet18(width=0)", (8, 8, 1), "resnet18: width: expected a factor of the channels above 0"),
        ("resnet8(noise=pnj)", (8, 8, 1), "unknown noise 'pnj': did you mean 'pni'"),
        ("resnet8(noise=pni(where=kernel))", (8, 8, 1), "pni: where: expected weights, inputs, outputs, image"),
        ("resnet8(noise=pni(by=row))", (8, 8, 1), "pni: by: expected layer or channel or element"),
        ("resnet8(activation=selu)", (8, 8, 1), "unknown activation 'selu'"),
        (
            "resnet8(activation=slwta(competitors=3))",
            (8, 8, 1),
            "slwta: channels: expected a multiple of 3",
        ),
        ("resnet8(activation=slwta(temperature=0))", (8, 8, 1), "slwta: temperature: expected a number above 0"),
    ],
)
def test_refuses_in_one_sentence(text, shape, message):
    with pytest.raises(TfadvError, match=message) as error:
        models.build(text, shape, 10)
    assert "\n" not in str(error.value)
