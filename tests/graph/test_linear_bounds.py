"""Linear bounds: no point of the box goes below them, exact where the network is linear, and tighter than intervals."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tfadv.graph.bounds import margin_bounds
from tfadv.graph.linear_bounds import has_linear_bounds, linear_margins

RNG = np.random.default_rng(0)
SHAPE = (6, 6, 2)
X = RNG.uniform(size=(4, *SHAPE)).astype("float32")
Y = tf.constant([0, 1, 2, 0])


def residual(x):
    moved = layers.ReLU()(layers.Conv2D(2, 3, padding="same")(x))
    return layers.Add()([x, layers.Conv2D(2, 3, padding="same", use_bias=False)(moved)])


def network(*parts):
    x = inputs = keras.Input(SHAPE)
    for part in (*parts, layers.Flatten(), layers.Dense(3, name="logits")):
        x = part(x)
    model, rng = keras.Model(inputs, x), np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(rng.normal(0, 0.4, weight.shape))
    return model


NETWORKS = {
    "linear": [],
    "dense": [layers.Flatten(), layers.Dense(12, activation="relu"), layers.Dense(8, activation="relu")],
    "convolutions": [
        layers.Rescaling(2.0, -1.0), layers.Conv2D(4, 3, strides=2, padding="same", activation="relu"),
        layers.Dropout(0.5), layers.DepthwiseConv2D(2), layers.Activation("relu"), layers.Reshape((-1, 4)),
    ],
    "residual": [residual, layers.ReLU()],
}  # fmt: skip


def ends(eps):
    return tf.constant(np.clip(X - eps, 0, 1)), tf.constant(np.clip(X + eps, 0, 1))


@pytest.mark.parametrize("eps", [0.02, 0.3])
@pytest.mark.parametrize("name", NETWORKS)
def test_no_point_of_the_box_goes_below(name, eps):
    model, (low, high) = network(*NETWORKS[name]), ends(eps)
    assert has_linear_bounds(model)
    margins = linear_margins(model, low, high, Y).numpy()
    share = np.concatenate([RNG.uniform(size=(400, *SHAPE)), RNG.integers(0, 2, size=(400, *SHAPE))]).astype("float32")
    for k in range(len(X)):
        z = model(np.clip(low[k] + share * (high[k] - low[k]), low[k], high[k])).numpy()
        assert (z[:, [Y[k]]] - z >= margins[k]).all()
    z = model(X).numpy()
    at = linear_margins(model, *ends(0.0), Y).numpy()
    np.testing.assert_allclose(at, np.take_along_axis(z, Y.numpy()[:, None], 1) - z, atol=5e-3 * np.abs(z).max())


def test_of_a_linear_network_they_are_those_of_intervals_which_are_exact():
    model, (low, high) = network(), ends(0.1)
    linear, interval = linear_margins(model, low, high, Y), margin_bounds(model, low, high, Y)
    np.testing.assert_allclose(linear, interval, atol=5e-3)
    unbiased = keras.Sequential([keras.Input(SHAPE), layers.Flatten(), layers.Dense(3, use_bias=False)])
    bounds = (of(unbiased, low, high, Y) for of in (linear_margins, margin_bounds))
    np.testing.assert_allclose(*bounds, atol=5e-3)


def test_the_lowest_point_of_one_relu_is_found():
    """min over x in [l, u] of w relu(x) is on the line above for w below 0, and at 0 or l for w above 0."""
    model = keras.Sequential(
        [keras.Input((1, 1, 1)), layers.Flatten(), layers.Dense(1), layers.ReLU(), layers.Dense(2)]
    )
    model.set_weights([np.float32([[1]]), np.float32([-0.5]), np.float32([[1, 0]]), np.float32([0, 0])])
    low, high = (tf.fill((1, 1, 1, 1), end) for end in (0.3, 0.9))  # before the ReLU: -0.2 to 0.4
    rising = linear_margins(model, low, high, tf.constant([0])).numpy()[0, 1]
    falling = linear_margins(model, low, high, tf.constant([1])).numpy()[0, 0]
    assert rising == pytest.approx(-0.2, abs=1e-4)  # slope 1 below, as u > -l
    assert falling == pytest.approx(-0.4, abs=1e-4)  # at u, on the line from (l, 0) to (u, u)


@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_they_certify_more_than_intervals_on_a_network_that_was_not_trained_for_either(
    classifiers, images, labels, name
):
    model, eps = classifiers(name), {"mlp": 0.05, "cnn": 0.01}[name]
    low, high = (tf.constant(np.clip(images + e, 0, 1)) for e in (-eps, eps))
    least = [f(model, low, high, tf.constant(labels)).numpy() for f in (margin_bounds, linear_margins)]
    right = [(margins + 1e9 * np.eye(10)[labels]).min(axis=1) > 0 for margins in least]
    assert right[1].sum() > right[0].sum()


def test_other_layers_have_none():
    assert not has_linear_bounds(network(layers.MaxPooling2D()))
    assert not has_linear_bounds(network(layers.Dense(3, activation="tanh")))
    assert not has_linear_bounds(network(layers.ReLU(max_value=1.0)))
    assert not has_linear_bounds(network(lambda x: layers.Add()([x, layers.Conv2D(1, 1)(x)])))  # of another shape
