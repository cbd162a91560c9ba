"""Gradients of strided convolutions against TensorFlow's own."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tfadv import PGD, LInf, gradients
from tfadv.graph.strided_convolution import with_fast_input_gradient

SHAPES = [
    # (height, width, channels), filter, stride
    ((8, 8, 1), 4, 2),
    ((9, 7, 3), 4, 2),
    ((10, 9, 2), (5, 3), 3),
    ((7, 11, 1), (1, 2), 2),
    ((9, 9, 3), 2, 4),
    ((16, 16, 3), 7, 2),
]


def both(model, x):
    """Logits and the gradient of a random combination of them, of a model and of its quick form."""
    for form in (model, with_fast_input_gradient(model)):
        logits, pullback = gradients.logits_and_pullback(gradients.logits_of(form), x)
        yield logits.numpy(), pullback(tf.random.stateless_normal(logits.shape, [1, 2])).numpy()


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize(("shape", "k", "stride"), SHAPES)
def test_gradients_are_those_of_tensorflow(shape, k, stride, padding):
    first = layers.Conv2D(5, k, stride, padding, activation="relu", bias_initializer="normal")
    model = keras.Sequential([keras.Input(shape), first, layers.Flatten(), layers.Dense(3)])
    x = tf.random.stateless_uniform([4, *shape], [0, 1])
    (logits, gradient), (same, quick) = both(model, x)
    np.testing.assert_allclose(same, logits, atol=1e-6)
    np.testing.assert_allclose(quick, gradient, atol=1e-5 * np.abs(gradient).max())
    assert with_fast_input_gradient(model) is not model and np.ptp(gradient) > 0


def test_within_nested_models_and_where_the_image_goes_two_ways():
    inputs = keras.Input((8, 8, 1))
    inner = keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2D(4, 3, 2, "same", use_bias=False), layers.Flatten()])
    joined = layers.Concatenate()([inner(inputs), layers.Flatten()(inputs), inner(1 - inputs)])
    model = keras.Model(inputs, layers.Dense(3)(joined))
    (logits, gradient), (same, quick) = both(model, tf.random.stateless_uniform([4, 8, 8, 1], [0, 1]))
    np.testing.assert_allclose(same, logits, atol=1e-6)
    np.testing.assert_allclose(quick, gradient, atol=1e-6)
    assert with_fast_input_gradient(model) is not model and np.ptp(gradient) > 0


class Negative(keras.Sequential):
    """Its layers are not all that it does."""

    def call(self, x, training=None, mask=None):
        return super().call(1 - x)


class Trained(keras.Model):
    """A graph, trained in a way of its own."""

    def train_step(self, data):
        return {}


def test_what_a_call_of_ones_own_does_is_not_left_out():
    stack = [keras.Input((8, 8, 1)), layers.Conv2D(4, 3, 2), layers.Flatten(), layers.Dense(3)]
    inputs = keras.Input((8, 8, 1))
    negative, plain = Negative(stack), keras.Sequential(stack)
    around = keras.Model(inputs, layers.Dense(3)(negative(layers.UpSampling2D()(layers.Conv2D(1, 2, 2)(inputs)))))
    assert with_fast_input_gradient(negative) is negative
    for model in (around, Trained(plain.inputs, plain.outputs)):
        assert with_fast_input_gradient(model) is not model
        (logits, gradient), (same, quick) = both(model, tf.random.stateless_uniform([4, 8, 8, 1], [0, 1]))
        np.testing.assert_allclose(same, logits, atol=1e-6)
        np.testing.assert_allclose(quick, gradient, atol=1e-6)


def test_other_models_stay_as_they_are(classifiers):
    class Subclassed(keras.Model):
        def call(self, x):
            return x

    def first(*arguments, channels=1, **options):
        return keras.Sequential([keras.Input((8, 8, channels)), layers.Conv2D(4, *arguments, **options)])

    others = [
        classifiers("mlp"), Subclassed(), first(3), first(3, 1), first(3, (1, 2)), first(3, dilation_rate=2),
        first(2, 2, channels=8), first(2, 2, channels=2, groups=2), first(2, 2, dtype="float16"),
    ]  # fmt: skip
    for model in others:
        assert with_fast_input_gradient(model) is model


def test_an_attack_goes_the_same_way(classifiers, images, labels, monkeypatch):
    model, attack = classifiers("cnn"), PGD(steps=5, random_start=False)
    assert with_fast_input_gradient(model) is not model
    quick = attack(model, images, labels, threat=LInf(0.1))
    slow = PGD(steps=5, random_start=False, keep_best=True, restarts=1)
    monkeypatch.setattr("tfadv.attacks.base.with_fast_input_gradient", lambda model: model)
    other = keras.models.clone_model(model)
    other.set_weights(model.get_weights())
    np.testing.assert_allclose(slow(other, images, labels, threat=LInf(0.1)), quick, atol=1e-6)
