"""Interval bounds: no point of the box leaves them, by brute force; exact where the network is; refusals that name."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from tfadv.errors import TfadvError
from tfadv.graph.bounds import bounds, margin_bounds, numbers, unbounded

RNG = np.random.default_rng(0)
SHAPE, CLASSES, EPS = (6, 6, 2), 3, 0.1
X = RNG.uniform(size=(4, *SHAPE)).astype("float32")
LOW, HIGH = tf.constant(np.clip(X - EPS, 0, 1)), tf.constant(np.clip(X + EPS, 0, 1))
Y = tf.constant([0, 1, 2, 0])


def functional(make):
    inputs = keras.Input(SHAPE)
    hidden = layers.Flatten()(make(inputs))
    return drawn(keras.Model(inputs, layers.Dense(CLASSES, name="logits")(hidden)))


def drawn(model):
    """Weights of both signs, biases and statistics that are not 0 and 1."""
    rng = np.random.default_rng(1)
    for weight in model.weights:
        positive = "variance" in weight.path
        weight.assign(rng.uniform(0.5, 2, weight.shape) if positive else rng.normal(0, 0.4, weight.shape))
    return model


def stack(*parts):
    def make(x):
        for part in parts:
            x = part(x)
        return x

    return make


def residual(x):
    moved = layers.BatchNormalization()(layers.Conv2D(2, 3, padding="same", use_bias=False)(x))
    wide = ops.pad(layers.AveragePooling2D(2)(x), ((0, 0), (0, 0), (0, 0), (0, 1)))
    joined = layers.Add()([layers.ReLU()(moved), x])
    return layers.Concatenate()([layers.MaxPooling2D(2)(joined), wide, layers.AveragePooling2D(2)(x + moved)])


def nested(x):
    inner = keras.Sequential([keras.Input(SHAPE), layers.Conv2D(3, 3, strides=2, activation="elu"), layers.Flatten()])
    return layers.Concatenate()([inner(x), inner(layers.Rescaling(-2.0, 0.5)(x))])


NETWORKS = {
    "dense": stack(layers.Flatten(), layers.Dense(8, activation="tanh"), layers.Dense(8, activation="leaky_relu")),
    "convolutions": stack(
        layers.Rescaling(-2.0, 1.0), layers.Conv2D(4, 3, strides=2, padding="same", activation="relu"),
        layers.Dropout(0.5), layers.DepthwiseConv2D(2, depth_multiplier=2), layers.LeakyReLU(0.1),
    ),
    "groups": stack(layers.ZeroPadding2D(1), layers.Conv2D(4, 3, groups=2, dilation_rate=2), layers.Activation("relu")),
    "residual": residual,
    "nested": nested,
    "normalized": stack(layers.Normalization(mean=0.3, variance=0.2), layers.Conv2D(3, 2, activation=layers.ELU())),
    "global": stack(layers.Conv2D(5, 3, activation="softplus"), layers.GlobalAveragePooling2D()),
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_no_point_of_the_box_leaves_the_bounds(name):
    model = functional(NETWORKS[name])
    low, high = (end.numpy() for end in bounds(model, LOW, HIGH))
    margins = margin_bounds(model, LOW, HIGH, Y).numpy()
    inside = RNG.uniform(size=(400, *SHAPE)).astype("float32")
    corners = RNG.integers(0, 2, size=(400, *SHAPE)).astype("float32")
    share = np.concatenate([inside, corners])
    for k in range(len(X)):
        z = model(np.clip(LOW[k] + share * (HIGH[k] - LOW[k]), LOW[k], HIGH[k])).numpy().astype("float64")
        assert (z >= low[k]).all() and (z <= high[k]).all()
        assert (z[:, [Y[k]]] - z >= margins[k]).all()
    # They say something: at one point there is nothing between them.
    low, high = bounds(model, tf.constant(X), tf.constant(X))
    np.testing.assert_allclose(low, model(X), atol=2e-3 * np.abs(model(X)).max())
    np.testing.assert_allclose(high, model(X), atol=2e-3 * np.abs(model(X)).max())


def test_of_a_linear_network_they_are_exact():
    """And those of differences too, which the bounds of the logits alone are not."""
    model = functional(lambda x: x)
    w, b = model.layers[-1].get_weights()
    ends = [np.reshape(end, (len(X), -1)) for end in (LOW, HIGH)]
    lowest = lambda w: np.minimum(ends[0][:, :, None] * w, ends[1][:, :, None] * w).sum(axis=1)  # noqa: E731
    low, high = bounds(model, LOW, HIGH)
    np.testing.assert_allclose(low, lowest(w) + b, atol=2e-3)
    np.testing.assert_allclose(high, -lowest(-w) + b, atol=2e-3)
    exact = np.stack([lowest(w[:, [y]] - w)[k] + b[y] - b for k, y in enumerate(Y.numpy())])
    margins = margin_bounds(model, LOW, HIGH, Y).numpy()
    np.testing.assert_allclose(margins, exact, atol=3e-3)
    assert (margins <= exact).all()
    own = np.take_along_axis(low.numpy(), Y.numpy()[:, None], 1)
    assert (margins > own - high.numpy() + 1e-3).sum() >= 6


def test_rounding_never_lifts_a_bound_above_the_truth():
    """Sums of many products that nearly cancel, in float32, against the same sums in float64."""
    n = 20_000
    w = (RNG.choice([-1, 1], (n, 2)) * RNG.uniform(1, 2, (n, 2))).astype("float32")
    w[1::2] = -w[::2]
    model = keras.Sequential([keras.Input((n,)), layers.Dense(2, use_bias=False)])
    model.set_weights([w])
    x = np.repeat(RNG.uniform(1, 1.001, (8, n // 2)), 2, axis=1).astype("float32")
    exact = x.astype("float64") @ w.astype("float64")
    computed = model(x).numpy()
    assert (computed != exact).all()  # float32 does round here
    low, high = bounds(model, tf.constant(x), tf.constant(x))
    for z in (exact, computed):
        assert (low.numpy() <= z).all() and (z <= high.numpy()).all()


def test_what_a_residual_network_is_in_float64_is_within_its_bounds_too():
    low, high = (end.numpy() for end in bounds(functional(residual), tf.constant(X), tf.constant(X)))
    keras.config.set_dtype_policy("float64")
    try:
        exact = functional(residual)(X).numpy()
    finally:
        keras.config.set_dtype_policy("float32")
    assert exact.dtype == "float64" and (low <= exact).all() and (exact <= high).all()


def test_what_overflows_says_nothing():
    model = functional(stack(layers.Flatten(), layers.Dense(4, activation="relu"), layers.Dense(4, activation="relu")))
    model.set_weights([1e30 * weight for weight in model.get_weights()])
    assert not (margin_bounds(model, LOW, HIGH, Y).numpy() > 0).any()


class Doubled(keras.Sequential):
    def call(self, x, training=None, mask=None):
        return super().call(2 * x)


REFUSED = {
    "'hidden' (Dense with gelu)": stack(layers.Flatten(), layers.Dense(4, activation="gelu", name="hidden")),
    "'twice' (Multiply)": lambda x: layers.Multiply(name="twice")([x, x]),
    "'falls' (ELU with ELU)": layers.ELU(-1.0, name="falls"),
    "'larger' (UpSampling2D)": layers.UpSampling2D(interpolation="bicubic", name="larger"),
    "'half' (Conv2D in bfloat16 or quantized)": layers.Conv2D(2, 2, dtype="bfloat16", name="half"),
    "'drawn' (Active)": lambda x: layers.Dropout(0.5, name="drawn")(x, training=True),
    "'own' (Doubled)": lambda x: Doubled([keras.Input(SHAPE), layers.ReLU()], name="own")(x),
    "'inner' (Lambda)": lambda x: keras.Sequential([keras.Input(SHAPE), layers.Lambda(abs, name="inner")])(x),
}


@pytest.mark.parametrize("said", REFUSED)
def test_another_layer_is_named(said):
    model = functional(REFUSED[said])
    assert unbounded(model) == said
    with pytest.raises(TfadvError, match="layers that have interval bounds") as error:
        bounds(model, LOW, HIGH)
    assert said in str(error.value) and "\n" not in str(error.value)


def test_a_subclassed_model_and_an_input_of_integers_are_named():
    assert unbounded(Doubled([keras.Input(SHAPE), layers.Flatten()], name="own")).startswith("'own' (Doubled")
    bytes_ = keras.Input(SHAPE, dtype="uint8", name="bytes")
    model = keras.Model(bytes_, layers.Flatten()(layers.Rescaling(1 / 255)(bytes_)))
    assert unbounded(model) == "'bytes' (input of type uint8)"


def test_numbers_are_those_of_all_layers_and_of_a_kernel_for_each_image():
    within = 5 * 5 * 3 + 3 * 2 * 2 + 12  # the sum of an image, counted by hand
    inner = keras.Sequential([keras.Input((5, 5, 3)), layers.MaxPooling2D(2), layers.Flatten()])
    model = keras.Sequential([keras.Input((6, 6, 1)), layers.Conv2D(3, 2), inner, layers.Dense(4)])
    assert numbers(model) == within + 4 + 12 * 4
    sides = keras.Input((None, None, 1))
    assert numbers(keras.Model(sides, layers.GlobalAveragePooling2D()(layers.Conv2D(3, 2)(sides)))) == float("inf")
