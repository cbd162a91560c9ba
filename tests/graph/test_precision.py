"""The same classifier in bfloat16: the same weights, nearly the same logits, other arithmetic."""

import keras
import numpy as np
import pytest

from tfadv.errors import TfadvError
from tfadv.graph.precision import in_precision
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


def test_refusals(classifiers):
    class Own(keras.Model):
        def call(self, x):
            return keras.ops.mean(x, axis=(1, 2))

    class Negative(keras.Sequential):
        def call(self, x, training=None, mask=None):
            return super().call(1 - x)

    stack = [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(3)]
    for model in (Own(), Negative(stack)):
        with pytest.raises(TfadvError, match="cannot be copied"):
            in_precision(model, "bfloat16")
    with pytest.raises(TfadvError, match="precision: expected"):
        in_precision(classifiers("mlp"), "int4")
