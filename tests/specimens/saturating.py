"""Defenses whose gradient vanishes, explodes or points elsewhere, though nothing is rounded and nothing is random."""

import functools

import keras
import tensorflow as tf
from keras import layers, ops

from specimens.networks import SHAPE, base, cnn, register, restored
from specimens.specimen import THREAT, Specimen, following, itself, part

TEMPERATURE = 100.0


@register
class AnnealedLogSoftmax(layers.Layer):
    """log(softmax(z / temperature) + floor), with the cold temperature at which annealing ended."""

    def __init__(self, temperature=0.05, floor=1e-4, **options):
        super().__init__(**options)
        self.temperature, self.floor = temperature, floor

    def call(self, z):
        return ops.log(ops.softmax(z / self.temperature) + self.floor)

    def get_config(self):
        return super().get_config() | {"temperature": self.temperature, "floor": self.floor}


@register
class ClippedLogits(layers.Layer):
    """Logits at most `range` below the highest: beyond it their gradient is zero."""

    def __init__(self, range=0.5, **options):
        super().__init__(**options)
        self.range = range

    def call(self, z):
        return ops.maximum(z - ops.max(z, axis=-1, keepdims=True), -self.range)

    def get_config(self):
        return super().get_config() | {"range": self.range}


@register
class Steep(layers.Layer):
    """tanh(slope x): nearly a step, its gradient nearly zero everywhere."""

    def __init__(self, slope=20.0, **options):
        super().__init__(**options)
        self.slope = slope

    def call(self, x):
        return ops.tanh(self.slope * x)

    def get_config(self):
        return super().get_config() | {"slope": self.slope}


@register
class Elsewhere(layers.Layer):
    """x, with the gradient of x moved by one pixel: what a wrong `stop_gradient` does."""

    def call(self, x):
        neighbor = ops.roll(x, 1, axis=2)
        return ops.stop_gradient(x - neighbor) + neighbor


@register
class AdaptiveODE(layers.Layer):
    """dz/dt = 12 softmax(z) - z up to t = `until`, by Heun's steps that adapt to their error (Kang et al. 2021).

    Each class is a stable point of the flow, in which what an attack changes dies out.
    """

    def __init__(self, until=4.0, tolerance=0.05, **options):
        super().__init__(**options)
        self.until, self.tolerance = until, tolerance

    def call(self, z):
        zeros = tf.zeros_like(z[:, :1])
        state = (zeros, zeros + 0.1, z)
        return tf.while_loop(lambda t, *_: tf.reduce_any(t < self.until), self.step, state, maximum_iterations=60)[2]

    def step(self, t, h, z):
        """One step of each example, taken only where its error is small enough; then another size."""
        h = tf.minimum(h, self.until - t)
        slope = self.slope(z)
        euler = z + h * slope
        heun = z + h / 2 * (slope + self.slope(euler))
        error = tf.reduce_max(tf.abs(heun - euler), axis=-1, keepdims=True)
        taken = error <= self.tolerance
        size = h * tf.clip_by_value(0.9 * tf.sqrt(self.tolerance / (error + 1e-6)), 0.3, 2.0)
        return tf.where(taken, t + h, t), tf.maximum(size, 1e-3), tf.where(taken, heun, z)

    def slope(self, z):
        return 12 * tf.nn.softmax(z) - z

    def get_config(self):
        return super().get_config() | {"until": self.until, "tolerance": self.tolerance}


def followed_by(network, layer):
    """A functional model of a nested network and a layer on its logits."""
    x = keras.Input(SHAPE)
    return keras.Model(x, layer(network(x)))


@functools.cache
def annealed():
    return followed_by(base(), AnnealedLogSoftmax())


@functools.cache
def clipped_logits():
    """The network's own graph goes on: nothing is nested."""
    network = base()
    return keras.Model(network.input, ClippedLogits()(network.output))


@functools.cache
def adaptive_ode():
    return followed_by(base(), AdaptiveODE())


@functools.cache
def distilled():
    """Trained at a temperature of 100, used at 1 (Papernot et al. 2016)."""
    return restored(cnn(name="distilled"), "distilled")


def steep_network(slope=20.0):
    return cnn(activation=lambda: Steep(slope), name="steep")


@functools.cache
def steep_activations():
    return restored(steep_network(), "steep_activations")


def misled_network():
    return cnn(before=Elsewhere, name="misled")


@functools.cache
def misled():
    """The base network's weights; between its layers the gradient goes astray."""
    model = misled_network()
    model.set_weights(base().get_weights())
    return model


def before_the_last(model):
    """The logits that the last layer receives."""
    return keras.Model(model.input, model.layers[-1].input)


def divided(model):
    """Logits at the temperature of training."""
    return lambda x: model(x) / TEMPERATURE


def gentler(slope):
    """The same weights with flatter activations."""

    def surrogate(model):
        twin = steep_network(slope)
        twin.set_weights(model.get_weights())
        return twin

    return surrogate


def straight_through_steepness(slope):
    """The features as they are, with the gradient of flatter activations."""

    def surrogate(model):
        def logits_fn(x):
            for layer in model.layers[1:]:
                new = layer(x)
                if isinstance(layer, Steep):
                    flat = tf.tanh(slope * x)
                    new = flat + tf.stop_gradient(new - flat)
                x = new
            return x

        return logits_fn

    return surrogate


SPECIMENS = {
    "annealed": Specimen(annealed, THREAT, following(part("base"), itself)),
    "clipped_logits": Specimen(clipped_logits, THREAT, following(before_the_last)),
    "adaptive_ode": Specimen(adaptive_ode, THREAT, following(part("base"))),
    "distilled": Specimen(distilled, "linf:0.1", following(divided)),
    "steep_activations": Specimen(
        steep_activations,
        THREAT,
        following(straight_through_steepness(1.0), straight_through_steepness(4.0), gentler(4.0), itself),
    ),
    "misled": Specimen(misled, THREAT, following(lambda model: base())),
}
