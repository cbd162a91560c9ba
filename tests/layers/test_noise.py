"""Noise, parametric noise and dropout by their formulas."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfadv.errors import TfadvError
from tfadv.layers import MonteCarloDropout, NoisyConv2D, NoisyDense, ParametricNoise, PredictionNoise

X = np.random.default_rng(0).normal(2, 3, (4, 5, 5, 2)).astype("float32")


def eta(seed, shape):
    """The first draw of a layer with this seed."""
    return keras.random.normal(shape, seed=keras.random.SeedGenerator(seed)).numpy()


def test_prediction_noise_is_x_and_sigma_times_a_normal_draw():
    assert np.allclose(PredictionNoise(0.3, seed=1)(X), X + 0.3 * eta(1, X.shape), atol=1e-6)
    assert np.array_equal(PredictionNoise(0)(X), X)


@pytest.mark.parametrize(("by", "shape"), [("layer", ()), ("channel", (2,)), ("element", (5, 5, 2))])
def test_parametric_noise_is_alpha_times_the_deviation_of_each_image(by, shape):
    layer = ParametricNoise(by=by, seed=1)
    layer.build(X.shape)
    alpha = np.random.default_rng(1).uniform(0.1, 1, shape).astype("float32")
    assert layer.alpha.shape == shape and np.all(np.asarray(layer.alpha) == 0.25)
    layer.alpha.assign(alpha)
    noise = X.std(axis=(1, 2, 3), keepdims=True) * eta(1, X.shape)
    with tf.GradientTape() as tape:
        x = tf.constant(X)
        tape.watch(x)
        y = layer(x)
        loss = tf.reduce_sum(y * X)
    assert np.allclose(y, X + alpha * noise, atol=1e-5)
    of_x, of_alpha = tape.gradient(loss, [x, layer.alpha.value])
    assert np.allclose(of_x, X, atol=1e-5)  # the deviation is a constant
    over = tuple(range(4 - len(shape)))
    assert np.allclose(of_alpha, (X * noise).sum(axis=over), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("kind", ["convolution", "dense"])
def test_noisy_weights_are_weights_and_alpha_times_their_deviation(kind):
    if kind == "dense":
        noisy, plain = NoisyDense(3, noise_seed=1, activation="relu"), keras.layers.Dense(3, activation="relu")
    else:
        noisy, plain = NoisyConv2D(3, 2, strides=2, noise_seed=1), keras.layers.Conv2D(3, 2, strides=2)
    noisy.build(X.shape), plain.build(X.shape)
    kernel, bias = np.asarray(noisy.kernel), np.array([1, 2, 3], "float32")
    noisy.bias.assign(bias)
    plain.set_weights([kernel + 0.25 * kernel.std() * eta(1, (1, *kernel.shape))[0], bias])
    assert np.allclose(noisy(X), plain(X), atol=1e-5)
    assert [weight.name for weight in noisy.trainable_weights] == ["kernel", "bias", "alpha"]
    assert np.array_equal(noisy.kernel, kernel)  # what is saved is without noise


def test_monte_carlo_dropout_is_inverted_dropout():
    ones = np.ones((1, 20_000), "float32")
    dropped = MonteCarloDropout(0.3, seed=1)(ones).numpy()
    assert np.allclose(np.unique(dropped), [0, 1 / 0.7]) and abs(dropped.mean() - 1) < 0.02


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PredictionNoise(-0.1), "prediction noise: sigma: expected a number of at least 0, received -0.1"),
        (lambda: PredictionNoise(float("nan")), "prediction noise: sigma"),
        (lambda: ParametricNoise(by="row"), "pni: by: expected layer or channel or element, received 'row'"),
        (lambda: ParametricNoise(alpha="much"), "pni: alpha: expected a number"),
        (lambda: ParametricNoise(by="element").build((None, None, None, 3)), "pni: by=element: expected images of one"),
    ],
)
def test_refuses_in_one_sentence(make, message):
    with pytest.raises(TfadvError, match=message):
        make()
