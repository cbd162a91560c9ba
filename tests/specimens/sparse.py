"""Defenses by sparse activations: winners only, values near their mean left out, pruning at random."""

import functools
import math

import keras
import tensorflow as tf
from keras import layers, ops

from specimens.by_hand import expected, smoothed
from specimens.networks import base, cnn, register, restored
from specimens.specimen import THREAT, Specimen, following, itself
from tfadv.data import datasets


@register
class WinnersTakeAll(layers.Layer):
    """The largest values of an image's feature maps stay, the others become 0 (Xiao, Zhong, Zheng 2020: k-WTA).

    Args:
        share: of the values that stay.
        softness: 0 as published; above it, the width of a smooth threshold, for an attack.
    """

    def __init__(self, share=0.2, softness=0.0, **options):
        super().__init__(**options)
        self.share, self.softness = share, softness

    def call(self, x):
        size = math.prod(x.shape[1:])
        least = ops.top_k(ops.reshape(x, (-1, size)), int(self.share * size))[0][:, -1]
        above = x - ops.reshape(least, (-1, 1, 1, 1))
        return x * (ops.sigmoid(above / self.softness) if self.softness else ops.cast(above >= 0, x.dtype))

    def get_config(self):
        return super().get_config() | {"share": self.share, "softness": self.softness}


@register
class MeanCentered(layers.Layer):
    """Values within `width` standard deviations of their channel's mean become the mean.

    Amini et al. 2024: MeanSparse. Both are measured on training data; see `measure`.
    """

    def __init__(self, width=0.35, **options):
        super().__init__(**options)
        self.width = width

    def build(self, shape):
        options = {"shape": shape[-1:], "trainable": False}
        self.mean = self.add_weight(name="mean", initializer="zeros", **options)
        self.deviation = self.add_weight(name="deviation", initializer="zeros", **options)

    def call(self, x):
        return ops.where(ops.abs(x - self.mean) > self.width * self.deviation, x, self.mean)

    def measure(self, x):
        """Take mean and deviation from features (n, h, w, c)."""
        self.mean.assign(ops.mean(x, axis=(0, 1, 2)))
        self.deviation.assign(ops.std(x, axis=(0, 1, 2)))

    def get_config(self):
        return super().get_config() | {"width": self.width}


@register
class RandomPruning(layers.Layer):
    """Keeps what as many draws would pick, each in proportion to the activations (Dhillon et al. 2018).

    Stochastic activation pruning: what stays is scaled up, so that the expectation is the activation itself.
    """

    def __init__(self, draws=0.5, seed=1, **options):
        super().__init__(**options)
        self.draws, self.seed = draws, seed
        self.generator = keras.random.SeedGenerator(seed)

    def call(self, x):
        share = x / (ops.sum(x, axis=(1, 2, 3), keepdims=True) + 1e-6)
        kept = 1 - (1 - share) ** (self.draws * math.prod(x.shape[1:]))
        drawn = keras.random.uniform(ops.shape(x), seed=self.generator) < kept
        return ops.where(drawn, x / (kept + 1e-6), 0.0)

    def get_config(self):
        return super().get_config() | {"draws": self.draws, "seed": self.seed}


def winners_network(softness=0.0):
    return cnn(activation=lambda: WinnersTakeAll(softness=softness), name="winners")


@functools.cache
def winners_take_all():
    return restored(winners_network(), "winners_take_all")


@functools.cache
def mean_sparse():
    """The base network with a layer before each activation, its weights and the means of its features."""
    model, network = cnn(before=MeanCentered, name="sparse"), base()
    for layer in model.layers:
        if layer.weights and not isinstance(layer, MeanCentered):
            layer.set_weights(network.layers[_place(model, layer)].get_weights())
    x = datasets.load("digits").train.x
    for layer in model.layers:
        if isinstance(layer, MeanCentered):
            layer.measure(keras.Model(model.input, layer.input)(x))
    return model


def _place(model, layer):
    """Where in the base network a layer is that is no `MeanCentered`."""
    return [one for one in model.layers if not isinstance(one, MeanCentered)].index(layer)


@register
class PrunedNetwork(keras.Model):
    """Layers of a network, and pruning at random after each activation: a subclassed model with a list of parts."""

    def __init__(self, network, draws=0.5, **options):
        super().__init__(**options)
        self.network, self.draws = network, draws
        self.prune = [RandomPruning(draws, seed) for seed in (1, 2)]

    def build(self, shape):
        for prune in self.prune:
            prune.build(shape)

    def call(self, x):
        prune = iter(self.prune)
        for layer in self.network.layers[1:]:
            x = layer(x)
            if isinstance(layer, layers.ReLU):
                x = next(prune)(x)
        return x

    def get_config(self):
        nested = keras.saving.serialize_keras_object(self.network)
        return {"network": nested, "draws": self.draws, "name": self.name}

    @classmethod
    def from_config(cls, config):
        return cls(keras.saving.deserialize_keras_object(config.pop("network")), **config)


@functools.cache
def pruned_at_random():
    model = PrunedNetwork(base())
    model.build((None, 8, 8, 1))
    return model


def softer_winners(softness):
    """The same weights, with a smooth threshold."""

    def surrogate(model):
        soft = winners_network(softness)
        soft.set_weights(model.get_weights())
        return soft

    return surrogate


def without_sparsity(model):
    return base()


def straight_through_sparsity(model):
    """The features as they are, with the gradient of the identity."""

    def logits_fn(x):
        for layer in model.layers[1:]:
            new = layer(x)
            x = x + tf.stop_gradient(new - x) if isinstance(layer, MeanCentered) else new
        return x

    return logits_fn


def seen_around(deviation):
    return lambda model: smoothed(model, deviation, 8)


WINNERS = following(itself, seen_around(0.02), seen_around(0.05), softer_winners(0.05), softer_winners(0.2))
SPECIMENS = {
    "winners_take_all": Specimen(winners_take_all, "linf:0.1", WINNERS),
    "mean_sparse": Specimen(mean_sparse, "linf:0.15", following(straight_through_sparsity, itself, without_sparsity)),
    "pruned_at_random": Specimen(
        pruned_at_random,
        THREAT,
        following(lambda model: model.network, lambda model: expected(model, 32), steps=40, goals=2, draws=10),
    ),
}
