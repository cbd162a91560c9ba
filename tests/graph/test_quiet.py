"""A classifier with its noise switched off is the one that its layers are without their noise."""

import keras
import numpy as np
import pytest

from tfadv import models, validation
from tfadv.graph.quiet import NoiseFree
from tfadv.graph.reject import with_reject
from tfadv.layers import StochasticLWTA

X = np.random.default_rng(0).uniform(0, 1, (6, 8, 8, 2)).astype("float32")


@pytest.mark.parametrize("noise", ["pni(where=weights, by=channel)", "pni(where=(inputs, outputs, image))"])
def test_of_parametric_noise_the_weights_are_left(noise):
    plain, noisy = (
        models.build(f"resnet8(widths=(2, 4, 4){more})", (8, 8, 2), 10) for more in ("", f", noise={noise}")
    )
    assert np.allclose(NoiseFree(noisy)(X), plain(X), atol=1e-4)
    assert not np.allclose(noisy(X), plain(X), atol=1e-2)


def test_of_competing_channels_the_highest_wins():
    inputs = keras.Input(X.shape[1:])
    quiet = NoiseFree(keras.Model(inputs, keras.layers.Flatten()(StochasticLWTA(seed=1)(inputs))))
    winners = np.where(X.max(axis=-1, keepdims=True) == X, X, 0)
    apart = np.abs(X[..., 0] - X[..., 1]) > 0.1  # at a temperature of 0.01
    assert np.allclose(np.reshape(quiet(X), X.shape)[apart], winners[apart], atol=1e-3)


def test_layers_of_keras_that_stay_on(images):
    inputs = keras.Input((8, 8, 1))
    noisy = keras.layers.GaussianNoise(0.5)(inputs, training=True)
    model = keras.Model(inputs, keras.layers.Flatten()(keras.layers.Dropout(0.3)(noisy, training=True)))
    assert np.allclose(NoiseFree(model)(images), images.reshape(len(images), -1), atol=1e-5)


def test_what_rejects_goes_on_rejecting(classifiers):
    detector = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(1)])
    found = [
        validation.rejects(NoiseFree(model))
        for model in (with_reject(classifiers("mlp"), detector), classifiers("mlp"))
    ]
    assert found == [True, False]
