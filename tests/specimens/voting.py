"""Defenses whose last step counts or decodes: its gradient is zero or vanishes, that of the parts is not."""

import functools

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from specimens.by_hand import averaged, joined
from specimens.networks import SHAPE, mlp, register, restored
from specimens.specimen import THREAT, Specimen, following, itself

MEMBERS = {"narrow": (16,), "wide": (40,), "deep": (24, 16), "other": (24,), "deeper": (20, 20)}


@register
class Votes(keras.Model):
    """How many members vote for each class, (n, classes): a subclassed model with a list of networks."""

    def __init__(self, members, **options):
        super().__init__(**options)
        self.members = members

    def call(self, x):
        return sum(ops.one_hot(ops.argmax(member(x), axis=-1), 10) for member in self.members)

    def get_config(self):
        return {"members": [keras.saving.serialize_keras_object(member) for member in self.members]}

    @classmethod
    def from_config(cls, config):
        return cls([keras.saving.deserialize_keras_object(member) for member in config["members"]])


@register
class VoteShares(Votes):
    """The share of the members that vote for each class, which sum to 1 as probabilities do."""

    def call(self, x):
        return super().call(x) / len(self.members)


@register
class CrossMax(layers.Layer):
    """The median over members, after the maximum of each member and then of each class is taken off.

    Fort & Lakshminarayanan 2024: Ensemble everything everywhere.
    """

    def call(self, logits):
        z = ops.stack(logits, axis=1)
        z = z - ops.max(z, axis=2, keepdims=True)
        z = z - ops.max(z, axis=1, keepdims=True)
        return ops.sort(z, axis=1)[:, len(logits) // 2]


@register
class Resolutions(layers.Layer):
    """The image at 8, 4 and 2 pixels a side, as channels, (n, 8, 8, 3)."""

    def call(self, x):
        return ops.concatenate([x, *(self.coarser(x, times) for times in (2, 4))], axis=-1)

    def coarser(self, x, times):
        return ops.repeat(ops.repeat(ops.average_pool(x, times, strides=times), times, axis=1), times, axis=2)


@register
class Decode(layers.Layer):
    """Steep bits compared with each class's code word (Verma & Swami 2019: error correcting output codes).

    What matches less than half is worth 0, as published.
    """

    def __init__(self, slope=10.0, cut=True, **options):
        super().__init__(**options)
        self.slope, self.cut = slope, cut

    def call(self, z):
        match = ops.matmul(ops.tanh(self.slope * z), CODES.T)
        return ops.relu(match) if self.cut else match

    def get_config(self):
        return super().get_config() | {"slope": self.slope, "cut": self.cut}


def hadamard(order):
    """2^order words of as many bits, -1 or 1, any two of which differ in half of them."""
    words = np.ones((1, 1), np.float32)
    for _ in range(order):
        words = np.block([[words, words], [words, -words]])
    return words


CODES = hadamard(4)[1:11]  # the first word is constant


def member(name):
    """An untrained member of the ensemble."""
    return mlp(MEMBERS[name], name=name)


@functools.cache
def votes(kind=Votes, names=tuple(MEMBERS)):
    model = kind([restored(member(name), f"member_{name}") for name in names])
    model.build((None, *SHAPE))
    return model


def vote_shares():
    return votes(VoteShares, ("wide", "deep", "other"))


def resolutions_network(join=CrossMax):
    """One trunk, a head at each depth: functional, three outputs into one layer, which `join` makes."""
    inputs = keras.Input(SHAPE)
    x, heads = Resolutions()(inputs), []
    for depth, (filters, strides) in enumerate(((8, 1), (12, 2), (16, 2))):
        x = layers.Conv2D(filters, 3, strides=strides, padding="same", activation="relu")(x)
        pooled = layers.Flatten()(layers.AveragePooling2D(max(1, 4 // 2**depth))(x))
        heads.append(layers.Dense(10, name=f"head_{depth}")(pooled))
    return keras.Model(inputs, join(name="join")(heads))


@functools.cache
def multi_resolution():
    return restored(resolutions_network(), "multi_resolution")


def codes_network(**options):
    """16 bits of a convolutional network, decoded."""
    inputs = keras.Input(SHAPE)
    x = layers.Conv2D(8, 3, padding="same", activation="relu")(inputs)
    x = layers.Conv2D(16, 3, strides=2, padding="same", activation="relu")(x)
    bits = layers.Dense(16, name="bits")(layers.Flatten()(x))
    return keras.Model(inputs, Decode(**options, name="decode")(bits))


@functools.cache
def output_codes():
    return restored(codes_network(), "output_codes")


def members_together(join):
    return lambda model: join(*model.members)


def heads_together(join):
    """The logits of all heads, which the last layer never sees so."""

    def surrogate(model):
        heads = keras.Model(model.input, model.get_layer("join").input)
        parts = [lambda x, k=k: heads(x)[k] for k in range(3)]
        return join(*parts)

    return surrogate


def gentler_bits(slope):
    """The match with the code words before bits are steep and misses are cut off."""

    def surrogate(model):
        bits = keras.Model(model.input, model.get_layer("bits").output)
        return lambda x: tf.matmul(tf.tanh(slope * bits(x)), CODES.T)

    return surrogate


SPECIMENS = {
    "votes": Specimen(votes, THREAT, following(members_together(joined), members_together(averaged), restarts=2)),
    "vote_shares": Specimen(
        vote_shares, "linf:0.15", following(members_together(joined), members_together(averaged), restarts=2)
    ),
    "multi_resolution": Specimen(
        multi_resolution, THREAT, following(itself, heads_together(averaged), heads_together(joined))
    ),
    "output_codes": Specimen(
        output_codes, "linf:0.12", following(gentler_bits(0.3), gentler_bits(1.0), gentler_bits(4.0))
    ),
}
