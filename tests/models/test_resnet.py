import keras
import numpy as np
import pytest
from keras import layers

from tfadv import models
from tfadv.errors import TfadvError
from tfadv.models import classifier, resnet

X = np.random.default_rng(0).uniform(0, 1, (4, 32, 32, 3)).astype("float32")


# He et al., table 6 (0.27 M) and, exactly, the published option-A implementations.
@pytest.mark.parametrize(
    ("text", "parameters"), [("resnet20", 269_722), ("resnet8", 75_290), ("resnet8(widths=(8, 16, 32))", 19_218)]
)
def test_trainable_parameters(text, parameters):
    model = models.build(text, (32, 32, 3), 10)
    assert sum(int(np.prod(w.shape)) for w in model.trainable_weights) == parameters


@pytest.mark.parametrize(("name", "depth"), [("resnet8", 8), ("resnet20", 20)])
def test_depth_counts_convolutions_and_the_last_layer(name, depth):
    model = models.build(name, (32, 32, 3), 10)
    assert sum(isinstance(layer, layers.Conv2D | layers.Dense) for layer in model.layers) == depth


def test_shortcut_is_every_second_pixel_and_zeros():
    inputs = keras.Input((5, 5, 3))
    out = keras.Model(inputs, resnet._shortcut(inputs, 7, 2))(X[:, :5, :5]).numpy()
    assert np.array_equal(out[..., :3], X[:, :5:2, :5:2]) and out.shape == (4, 3, 3, 7) and not out[..., 3:].any()


def test_statistics_move_in_training_only():
    model = models.build("resnet8", (32, 32, 3), 10)
    before = [w.copy() for w in model.get_weights()]
    model(X, training=False)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    model(X, training=True)
    batch = next(layer for layer in model.layers if isinstance(layer, layers.BatchNormalization))
    assert batch.momentum == 0.9 and batch.epsilon == 1e-5 and np.asarray(batch.moving_mean).any()


def test_reloads_with_its_statistics(tmp_path):
    model = models.build("resnet8", (32, 32, 3), 10)
    model(X, training=True)
    model.save(tmp_path / "model.keras")
    assert np.array_equal(classifier.load(tmp_path)(X), model(X))


@pytest.mark.parametrize("widths", ["()", "16", "(16, 0)", "(16, 2.5)", "(32, 16)"])
def test_refuses_widths(widths):
    with pytest.raises(TfadvError, match="resnet: widths: expected"):
        models.build(f"resnet8(widths={widths})", (32, 32, 3), 10)
