"""Classifiers that look robust to an attack which takes their gradients at their word, and are not.

Each is a trained network, broken by every honest attack, behind something that hides its gradients. The first three
classes of Athalye, Carlini, Wagner 2018: shattered, stochastic, vanishing or exploding gradients.
"""

import functools

import keras
import tensorflow as tf
from keras import layers, ops

from toy_models import classifier, trained

LEVELS = 16


class Quantize(layers.Layer):
    """round(16 x) / 16: gradient zero everywhere, and the digits, which have 17 levels, stay what they are."""

    def call(self, x):
        return ops.round(x * LEVELS) / LEVELS


class Thermometer(layers.Layer):
    """Each pixel as 16 bits, bit k saying whether it is above k / 16 (Buckman et al. 2018)."""

    def call(self, x):
        return ops.cast(x > self.steps(), "float32")

    def surrogate(self, x):
        """The same with slopes instead of steps."""
        return ops.clip((x - self.steps()) * LEVELS, 0.0, 1.0)

    def steps(self):
        return ops.arange(LEVELS, dtype="float32") / LEVELS


class Noise(layers.Layer):
    """Gaussian noise that is there at test time too."""

    def __init__(self, stddev, seed=1):
        super().__init__()
        self.stddev, self.draws = stddev, keras.random.SeedGenerator(seed)

    def call(self, x):
        return x + self.stddev * keras.random.normal(ops.shape(x), seed=self.draws)


class UnseededNoise(Noise):
    """The same drawn by TensorFlow, which nobody can begin anew."""

    def call(self, x):
        return x + self.stddev * tf.random.normal(tf.shape(x))


class WrongSign(layers.Layer):
    """x, with the gradient of -x."""

    def call(self, x):
        return 2 * ops.stop_gradient(x) - x


class Cut(layers.Layer):
    """x, without any gradient."""

    def call(self, x):
        return ops.stop_gradient(x)


class Drowned(layers.Layer):
    """x, with a gradient that is lost in noise which has none in the forward pass."""

    def call(self, x):
        @tf.custom_gradient
        def drowned(x):
            return tf.identity(x), lambda upstream: 1e3 * tf.random.normal(tf.shape(x))

        return drowned(x)


class NotANumber(layers.Layer):
    """x, with the gradient NaN: the square root of 0 times 0."""

    def call(self, x):
        return x + ops.sqrt(x - x)


def behind(layer, model):
    """A model behind a layer that is named "trap"."""
    layer.name = "trap"
    x = keras.Input(model.input_shape[1:])
    return keras.Model(x, model(layer(x)))


def network():
    return classifier("cnn")


def thermometer():
    stack = [Thermometer(name="trap"), layers.Conv2D(16, 3, activation="relu"), layers.Flatten(), layers.Dense(10)]
    return trained(keras.Sequential([keras.Input((8, 8, 1)), *stack]), 3)


def saturated():
    """Logits so far apart that the cross-entropy is 0 in float32, and its gradient too."""
    return keras.Model(network().input, layers.Rescaling(1e4)(network().output))


TRAPS = {
    "quantized": lambda: behind(Quantize(), network()),
    "thermometer": thermometer,
    "saturated": saturated,
    "noisy": lambda: behind(Noise(0.3), network()),
    "noisy_unseeded": lambda: behind(UnseededNoise(0.3), network()),
    "wrong_sign": lambda: behind(WrongSign(), network()),
    "cut": lambda: behind(Cut(), network()),
    "drowned": lambda: behind(Drowned(), network()),
    "not_a_number": lambda: behind(NotANumber(), network()),
}


@functools.cache
def trap(name):
    keras.utils.set_random_seed(2)
    return TRAPS[name]()
