"""The same classifier in bfloat16: the same weights, nearly the same logits, other arithmetic."""

import keras
import numpy as np
import pytest
from keras import layers

from tfadv.errors import TfadvError
from tfadv.graph.precision import in_precision, precision_of
from tfadv.graph.structure import operations
from tfadv.models import build


@pytest.mark.parametrize("name", ["linear", "mlp", "cnn", "batchnorm_dropout"])
def test_logits_are_those_of_the_model_up_to_rounding(name, classifiers, images):
    model = classifiers(name)
    fast = in_precision(model, "bfloat16")
    exact, rounded = model(images).numpy(), fast(images).numpy()
    assert rounded.dtype == np.float32
    difference = np.abs(exact - rounded).max()
    assert difference < 0.05 * np.ptp(exact) and bool(difference > 0) is (name != "linear")  # the last layer is exact
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), fast.get_weights(), strict=True))
    assert model.dtype_policy.name == "float32"


def test_hidden_layers_compute_in_bfloat16(classifiers):
    hidden = [layer.compute_dtype for layer in in_precision(classifiers("cnn"), "bfloat16").layers[1:]]
    assert hidden[-1] == "float32" and set(hidden[:-1]) == {"bfloat16"}


def test_shortcuts_that_are_padded_by_an_operation_and_no_layer_compute_in_it_too(images):
    model = build("resnet8(widths=(2, 4, 8))", (8, 8, 1), 10)
    exact, rounded = (network(images[:4], training=False) for network in (model, in_precision(model, "bfloat16")))
    assert 0 < np.abs(exact - rounded).max() < 0.05 * np.ptp(exact)


def test_models_in_it_and_wrapped_layers_are_converted_and_pixels_are_scaled_in_float32(images):
    inputs = keras.Input((8, 8, 1))
    conv = layers.SpectralNormalization(layers.Conv2D(4, 3))
    convolved = keras.Model(inputs, layers.Flatten()(conv(inputs)))
    dense = keras.Sequential([keras.Input((144,)), layers.Dense(16), layers.Dense(10)])
    model = keras.Sequential([keras.Input((8, 8, 1)), layers.Rescaling(2, -1), convolved, dense])
    fast = in_precision(model, "bfloat16")
    computed = [part.compute_dtype for part in operations(fast) if not isinstance(part, layers.InputLayer)]
    assert computed == ["float32", "bfloat16", "bfloat16", "bfloat16", "float32"]
    assert fast.layers[1].layers[1].layer.compute_dtype == "bfloat16"
    exact, rounded = (network(images[:4], training=False) for network in (model, fast))
    assert 0 < np.abs(exact - rounded).max() < 0.05 * np.ptp(exact)
    assert (precision_of(model), precision_of(fast)) == ("float32", "bfloat16")
    assert np.array_equal(in_precision(fast, "float32")(images[:4], training=False), exact)


def test_refusals(classifiers):
    class Own(keras.Model):
        def call(self, x):
            return keras.ops.mean(x, axis=(1, 2))

    class Negative(keras.Sequential):
        def call(self, x, training=None, mask=None):
            return super().call(1 - x)

    stack = [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(3)]
    for model in (Own(), Negative(stack), keras.Sequential([keras.Input((8, 8, 1)), Negative(stack)])):
        with pytest.raises(TfadvError, match="cannot be copied"):
            in_precision(model, "bfloat16")
    with pytest.raises(TfadvError, match="precision: expected"):
        in_precision(classifiers("mlp"), "int4")
