"""Classifiers that look robust to an attack which takes their gradients at their word, and are not.

Each is a trained network, broken by every honest attack, behind something that hides its gradients. The first three
classes of Athalye, Carlini, Wagner 2018: shattered, stochastic, vanishing or exploding gradients.
"""

import functools

import keras
import tensorflow as tf
from keras import layers, ops

from toy_models import classifier, drawn, trained

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
    """x + stddev * N(0, 1), at test time too."""

    def __init__(self, stddev, **options):
        super().__init__(**options)
        self.stddev, self.draws = stddev, keras.random.SeedGenerator(1)

    def call(self, x):
        return x + self.stddev * keras.random.normal(ops.shape(x), seed=self.draws)


class Pepper(Noise):
    """Half of the pixels are black, others each time."""

    def __init__(self):
        super().__init__(0.5, name="trap")

    def call(self, x):
        return x * ops.cast(keras.random.uniform(ops.shape(x), seed=self.draws) > 0.5, "float32")


class UnseededPepper(Pepper):
    """The same drawn by TensorFlow, which nobody can begin anew."""

    def call(self, x):
        return x * tf.cast(tf.random.uniform(tf.shape(x)) > 0.5, tf.float32)


class SeededNoise(layers.Layer):
    """x and noise of this deviation, seeded by the sum of the image's pixels, or of those of the whole batch."""

    def __init__(self, stddev, together=False, fineness=1e4):
        super().__init__()
        self.stddev, self.together, self.fineness = stddev, together, fineness

    def call(self, x):
        total = tf.reduce_sum(x, axis=None if self.together else (1, 2, 3), keepdims=True)
        places = tf.reshape(tf.range(64, dtype=tf.float32), (1, 8, 8, 1))
        hashed = tf.math.floormod(43758.5453 * tf.sin(tf.floor(self.fineness * total) + 78.233 * places), 1.0)
        return x + self.stddev * tf.stop_gradient((hashed - 0.5) * 12**0.5)


class WrongSign(layers.Layer):
    """x, with the gradient of -x."""

    def call(self, x):
        return 2 * ops.stop_gradient(x) - x


class WrongSignOffTheData(WrongSign):
    """The same where the first column, which is dark in every digit, is not."""

    def call(self, x):
        bright = ops.max(x[:, :, :1], axis=(1, 2, 3), keepdims=True) > 0.15
        return ops.where(bright, super().call(x), x)


class Cut(layers.Layer):
    """x, without any gradient."""

    def call(self, x):
        return ops.stop_gradient(x)


class Drowned(Noise):
    """x, with its gradient times 1 + 10 N(0, 1): noise drowns it, though none is seen in the logits."""

    def call(self, x):
        noise = self.stddev * keras.random.normal(ops.shape(x), seed=self.draws)
        return x + noise * (x - ops.stop_gradient(x))


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


def trained_behind(layer, epochs):
    stack = [layer, layers.Conv2D(16, 3, activation="relu"), layers.Flatten(), layers.Dense(10)]
    return trained(keras.Sequential([keras.Input((8, 8, 1)), *stack]), epochs)


def saturated():
    """Logits so far apart that the cross-entropy is 0 in float32, and its gradient too."""
    return keras.Model(network().input, layers.Rescaling(1e4)(network().output))


TRAPS = {
    "quantized": lambda: behind(Quantize(), network()),
    "thermometer": lambda: trained_behind(Thermometer(name="trap"), 3),
    "saturated": saturated,
    "noisy": lambda: trained_behind(Pepper(), 8),
    "noisy_unseeded": lambda: trained_behind(UnseededPepper(), 8),
    "wrong_sign": lambda: behind(WrongSign(), network()),
    "cut": lambda: behind(Cut(), network()),
    "drowned": lambda: behind(Drowned(10.0), network()),
    "bent": lambda: behind(layers.Activation("tanh"), network()),
    "not_a_number": lambda: behind(NotANumber(), network()),
}


def drawing_anew(model):
    """The same model; its seeds begin where they began before."""
    for variable in model.variables:
        if "seed" in variable.path:
            variable.assign([1, 2])
    return model


@functools.cache
def trap(name):
    return drawn(2, TRAPS[name])
