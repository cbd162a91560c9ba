"""Operations without a useful gradient: forward as they are, backward as a smooth one would be."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from tfadv.graph import inside


class Custom(layers.Layer):
    """A layer of which Keras knows nothing but its name."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def call(self, x):
        return self.function(x)


def model_of(function):
    x = keras.Input((2, 2, 1))
    return keras.Model(x, layers.Flatten()(Custom(function)(x)))


def value_and_slope(model, x):
    """The output of the twin and the gradient of its sum: both (n, 4)."""
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        z = inside.twin(model)(x)
    return z.numpy(), tape.gradient(z, x).numpy().reshape(len(x), -1)


@pytest.fixture
def x():
    return np.random.default_rng(0).uniform(0.1, 0.9, (3, 2, 2, 1)).astype("float32")


@tf.custom_gradient
def backwards(x):
    return x * x, lambda upstream: -upstream


def half(x):
    """Ranks as ints that are moved about, and back."""
    return ops.cast(ops.reshape(ops.cast(x * 8, "int32") + 1, (-1, 2, 2, 1)), "float32")


def quarters(x):
    return ops.round(4 * x) / 4


def in_a_loop(while_loop):
    """Three steps, each rounded: their gradient is that of the steps without rounding."""
    return lambda x: while_loop(lambda k, _: k < 3, lambda k, x: (k + 1, quarters(2 * x)), (0, x))[1]


def each_by_itself(x):
    """Image by image, in a loop that `tf.map_fn` makes."""
    return tf.map_fn(lambda image: tf.round(4 * image) / 4, x)


# What hides the gradient -> the slope that the twin has in its place, at x.
SLOPES = {
    "in a loop": (in_a_loop(tf.while_loop), lambda x: np.full_like(x, 8)),
    "in a loop of Keras": (in_a_loop(ops.while_loop), lambda x: np.full_like(x, 8)),
    "image by image": (each_by_itself, lambda x: np.ones_like(x)),
    "rounded": (lambda x: ops.round(4 * x) / 4, lambda x: np.ones_like(x)),
    "stopped": (lambda x: x * ops.stop_gradient(x), lambda x: 2 * x),
    "custom gradient": (lambda x: backwards(x), lambda x: 2 * x),
    "root of 0": (lambda x: x + ops.sqrt(x - x), lambda x: np.ones_like(x)),
    "ints": (half, lambda x: np.full_like(x, 8)),
}


@pytest.mark.parametrize("name", SLOPES)
def test_a_hidden_gradient_is_found_and_the_output_stays(name, x):
    function, slope = SLOPES[name]
    model = model_of(function)
    z, found = value_and_slope(model, x)
    np.testing.assert_allclose(z, model(x), atol=1e-6)
    np.testing.assert_allclose(found, slope(x.reshape(3, -1)), rtol=1e-4)


STEPS = {
    "above": lambda x: ops.cast(x > 0.5, "float32"),
    "within": lambda x: ops.cast(ops.logical_and(x > 0.2, ops.logical_not(x < 0.4)), "float32"),
    "chosen": lambda x: ops.where(x > 0.5, 2.0, 1.0),
    "sign": lambda x: ops.sign(x - 0.5),
    "in a call": lambda x: tf.function(lambda x: tf.cast(x > 0.5, tf.float32))(x),
}


@pytest.mark.parametrize("name", STEPS)
def test_a_step_rises_and_the_output_stays(name, x):
    model = model_of(STEPS[name])
    z, slope = value_and_slope(model, x)
    np.testing.assert_allclose(z, model(x), atol=1e-6)
    near = np.abs(x.reshape(3, -1) - (0.3 if name == "within" else 0.5)) > 0.15
    assert (slope > 0)[near if name == "within" else ...].any() and np.isfinite(slope).all()
    assert (slope > 0).all() or name == "within"


def test_counted_votes_have_the_gradient_of_a_softmax(x):
    votes = Custom(lambda z: ops.one_hot(ops.argmax(z, axis=-1), 4))
    inputs = keras.Input((2, 2, 1))
    model = keras.Model(inputs, votes(layers.Flatten()(inputs)))
    at = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(at)
        z = inside.twin(model)(at)
        own = tf.gather(z, tf.argmax(z, -1), batch_dims=1)
    np.testing.assert_array_equal(z, model(x))
    slope = tape.gradient(own, at).numpy().reshape(3, 4)
    top = x.reshape(3, 4).argmax(axis=1)
    assert (slope[range(3), top] > 0).all() and (np.delete(slope[0], top[0]) < 0).all()


def rough(x):
    return tf.reduce_mean(x) > 0.5


SWITCHES = {
    "where": lambda x: tf.where(rough(x), 2 * x, x),
    "cond": lambda x: tf.cond(rough(x), lambda: 2 * x, lambda: tf.identity(x)),
    "one of two": lambda x: tf.switch_case(tf.cast(rough(x), tf.int32), [lambda: tf.identity(x), lambda: 2 * x]),
    "image by image": lambda x: tf.map_fn(lambda z: tf.cond(rough(z), lambda: 2 * z, lambda: tf.identity(z)), x),
}


@pytest.mark.parametrize("name", SWITCHES)
def test_a_switch_passes_the_gradients_of_both_paths(name, x):
    """And that of the switch: the path of higher values is nearer where pixels are brighter."""
    model = model_of(SWITCHES[name])
    z, slope = value_and_slope(model, x)
    np.testing.assert_allclose(z, model(x), atol=1e-6)
    taken = (z / x.reshape(3, -1)).round()
    assert set(taken.ravel()) == ({1, 2} if name == "image by image" else {taken[0, 0]})
    assert (slope > 1.01).all() and (np.abs(slope - taken) > 0.01).all()


def test_a_condition_on_something_else_leaves_the_branches_as_they_are(x):
    switched = model_of(lambda x: tf.cond(tf.shape(x)[0] > 2, lambda: quarters(x), lambda: tf.identity(x)))
    z, slope = value_and_slope(switched, x)
    np.testing.assert_allclose(z, quarters(x).numpy().reshape(3, -1))
    np.testing.assert_array_equal(slope, 1)


NOISE = {
    "of other kinds": lambda x: tf.random.shuffle(x * tf.random.gamma(tf.shape(x)[:1], 1.0)[:, None, None, None]),
    "normal": lambda x: x + keras.random.normal(ops.shape(x)),
    "uniform": lambda x: x + keras.random.uniform(ops.shape(x), -1, 1),
    "dropped": lambda x: ops.where(keras.random.uniform(ops.shape(x)) < 0.5, 2 * x, 0.0),
    "masked": lambda x: 2 * x * ops.cast(keras.random.uniform(ops.shape(x)) > 0.5, "float32"),
    "seeded by the image": lambda x: (
        x + tf.random.stateless_normal(tf.shape(x), tf.cast(x[0, 0, :2, 0] * 99, tf.int32))
    ),
    "hashed bits": lambda x: x + 0.1 * tf.cast(tf.bitcast(x, tf.int32) % 2, tf.float32),
}


@pytest.mark.parametrize("name", NOISE)
def test_noise_is_left_out(name, x):
    z, slope = value_and_slope(model_of(NOISE[name]), x)
    shift = (z - x.reshape(3, -1)).mean() if name == "hashed bits" else 0
    np.testing.assert_allclose(z, x.reshape(3, -1) + shift, atol=1e-5)
    np.testing.assert_allclose(slope, 1, atol=1e-5)


def test_a_function_in_python_has_the_gradient_of_the_identity(x):
    model = model_of(lambda x: tf.ensure_shape(tf.numpy_function(lambda x: np.round(x), [x], tf.float32), x.shape))
    z, slope = value_and_slope(model, x)
    np.testing.assert_array_equal(z, np.round(x).reshape(3, -1))
    np.testing.assert_array_equal(slope, 1)
