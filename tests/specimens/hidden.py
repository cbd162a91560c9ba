"""Defenses of whose network a traced graph shows little: called in Python, run in a loop, behind a switch."""

import functools

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from specimens.by_hand import averaged, joined
from specimens.networks import SHAPE, base, register
from specimens.specimen import THREAT, Specimen, following, itself


@register
class CalledInPython(layers.Layer):
    """Logits of a network that is called through Python, of the image in 16 gray levels: no gradient passes."""

    def __init__(self, network, **options):
        super().__init__(**options)
        self.network = network

    def call(self, x):
        answer = lambda x: self.network(np.round(x * 16) / 16).numpy()  # noqa: E731
        return tf.ensure_shape(tf.numpy_function(answer, [x], tf.float32), (None, 10))

    def compute_output_shape(self, shape):
        return (shape[0], 10)

    def get_config(self):
        return super().get_config() | {"network": keras.saving.serialize_keras_object(self.network)}

    @classmethod
    def from_config(cls, config):
        return cls(keras.saving.deserialize_keras_object(config.pop("network")), **config)


@register
class LabelsOnly(layers.Layer):
    """Ten times the one-hot label, computed in NumPy from weights that are no variables: all that a service returns."""

    def call(self, x):
        return tf.ensure_shape(tf.numpy_function(self.labels, [x], tf.float32), (None, 10))

    def labels(self, x):
        return 10 * np.eye(10, dtype="float32")[numpy_logits(x).argmax(axis=1)]

    def compute_output_shape(self, shape):
        return (shape[0], 10)


@functools.cache
def numpy_weights():
    return base().get_weights()


def numpy_logits(x):
    """The base network without TensorFlow."""
    first, second, last = (numpy_weights()[k : k + 2] for k in (0, 2, 4))
    x = np.maximum(convolved(x, *first, stride=1, pad=(1, 1)), 0)
    x = np.maximum(convolved(x, *second, stride=2, pad=(0, 1)), 0)
    return x.reshape(len(x), -1) @ last[0] + last[1]


def convolved(x, kernel, bias, stride, pad):
    """A convolution with 3 x 3 kernels, padded as TensorFlow's "same"."""
    padded = np.pad(x, [(0, 0), pad, pad, (0, 0)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))[:, ::stride, ::stride]
    return np.einsum("nijcab,abcf->nijf", windows, kernel) + bias


@register
class PurifiedInALoop(layers.Layer):
    """Steps towards the mean of the neighborhood, each rounded to 8 gray levels, in a `tf.while_loop`."""

    def __init__(self, steps=3, share=0.3, **options):
        super().__init__(**options)
        self.steps, self.share = steps, share

    def call(self, x):
        def step(k, x):
            moved = x + self.share * (ops.average_pool(x, 3, strides=1, padding="same") - x)
            return k + 1, tf.round(moved * 8) / 8

        return tf.while_loop(lambda k, _: k < self.steps, step, (0, x))[1]

    def get_config(self):
        return super().get_config() | {"steps": self.steps, "share": self.share}


@register
class Switched(layers.Layer):
    """Image by image, `tf.cond`: a rough image is smoothed before it is classified, the others are not."""

    def __init__(self, network, roughness=0.22, **options):
        super().__init__(**options)
        self.network, self.roughness = network, roughness

    def call(self, x):
        return tf.map_fn(self.one, x, fn_output_signature=tf.TensorSpec((10,)))

    def one(self, image):
        rough = tf.reduce_mean(tf.abs(image[1:] - image[:-1])) > self.roughness
        return tf.cond(rough, lambda: self.network(smooth(image[None]))[0], lambda: self.network(image[None])[0])

    def get_config(self):
        nested = keras.saving.serialize_keras_object(self.network)
        return super().get_config() | {"network": nested, "roughness": self.roughness}

    @classmethod
    def from_config(cls, config):
        return cls(keras.saving.deserialize_keras_object(config.pop("network")), **config)


def smooth(x):
    """Half of the image and half of its neighborhood, in 4 gray levels."""
    return ops.round(2 * (x + ops.average_pool(x, 3, strides=1, padding="same"))) / 4


def smooth_straight(x):
    """The same without rounding."""
    return (x + ops.average_pool(x, 3, strides=1, padding="same")) / 2


def of_layer(layer):
    """A functional model of one layer that returns logits."""
    x = keras.Input(SHAPE)
    return keras.Model(x, layer(x))


@functools.cache
def called_in_python():
    return of_layer(CalledInPython(base(), name="guard"))


@functools.cache
def labels_only():
    return of_layer(LabelsOnly(name="service"))


@functools.cache
def purified_in_a_loop():
    x = keras.Input(SHAPE)
    return keras.Model(x, base()(PurifiedInALoop(name="loop")(x)))


@functools.cache
def switched():
    return of_layer(Switched(base(), name="switch"))


def guarded(model):
    return model.get_layer("guard").network


def unrounded_loop(model):
    """As purified, with the gradient of the loop without rounding."""
    loop, network = model.get_layer("loop"), model.get_layer("base")

    def logits_fn(x):
        soft = x
        for _ in range(loop.steps):
            soft = soft + loop.share * (ops.average_pool(soft, 3, strides=1, padding="same") - soft)
        return network(soft + tf.stop_gradient(loop(x) - soft))

    return logits_fn


def both_ways(join):
    """The classifier of the image and of the smoothed image together."""

    def surrogate(model):
        network = model.get_layer("switch").network
        return join(network, lambda x: network(smooth_straight(x)))

    return surrogate


def smoothed_way(model):
    network = model.get_layer("switch").network
    return lambda x: network(smooth_straight(x) + tf.stop_gradient(smooth(x) - smooth_straight(x)))


SPECIMENS = {
    "called_in_python": Specimen(called_in_python, THREAT, following(guarded)),
    "labels_only": Specimen(labels_only, THREAT, following(lambda model: base())),
    "purified_in_a_loop": Specimen(purified_in_a_loop, "linf:0.15", following(unrounded_loop, itself)),
    "switched": Specimen(
        switched, THREAT, following(smoothed_way, both_ways(joined), both_ways(averaged), lambda model: base())
    ),
}
