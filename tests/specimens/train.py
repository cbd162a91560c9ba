"""Make the weights of the specimens: in `tests`, `python -m specimens.train [NAME ...]`; minutes for all."""

import sys
import zlib

import keras
import numpy as np
import tensorflow as tf

from specimens import controls, networks, noisy, quantizing, saturating, sparse, voting
from tfadv import LInf
from tfadv.attacks import PGD
from tfadv.data import datasets
from tfadv.training import Adversarial, Trades

DIGITS = datasets.load("digits").train
THREAT = LInf(0.15)
ATTACK = PGD(steps=7)


def fitted(model, epochs=30, y=None, x=None, loss=None, rate=5e-3):
    """Fit with Adam, whose rate falls to 0."""
    steps = epochs * -(-len(DIGITS) // 100)
    loss = loss or keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(rate, steps)), loss)
    model.fit(DIGITS.x if x is None else x, DIGITS.y if y is None else y, batch_size=100, epochs=epochs, verbose=0)
    return model


def plain(model):
    return fitted(model)


def with_pgd(model):
    fitted(Adversarial(model, attack=ATTACK, threat=THREAT))
    return model


def with_pgd_after_plain(model):
    return with_pgd(fitted(model, 10, rate=2e-3))


def with_trades(model):
    fitted(Trades(model, attack=ATTACK, threat=THREAT, beta=2.0))
    return model


def denoising(model):
    """Images and noisy images to images."""
    noise = np.random.default_rng(0).normal(0, 0.15, DIGITS.x.shape).astype("float32")
    return fitted(model, 100, y=DIGITS.x, x=(DIGITS.x + noise).clip(0, 1), loss="mse")


def distilled(model):
    """At a temperature of 100, on what a network trained at that temperature says."""
    hot = lambda inner: keras.Model(inner.input, keras.layers.Rescaling(1 / saturating.TEMPERATURE)(inner.output))  # noqa: E731
    teacher = fitted(hot(networks.cnn()), 40, rate=0.02)
    soft = tf.nn.softmax(teacher(DIGITS.x)).numpy()
    fitted(hot(model), 40, y=soft, loss=keras.losses.CategoricalCrossentropy(from_logits=True), rate=0.02)
    return model


def steeper(model):
    """The slope of the activations rises; a steep one alone would learn nothing."""
    for slope in (1.0, 4.0, 20.0):
        flatter = saturating.steep_network(slope)
        flatter.set_weights(model.get_weights())
        model.set_weights(with_pgd(flatter).get_weights())
    return model


def joined_late(model):
    """The heads learn on average first: the median of untrained ones teaches nothing."""
    averaged = voting.resolutions_network(keras.layers.Average)
    model.set_weights(with_pgd_after_plain(averaged).get_weights())
    fitted(model, 20, rate=2e-3)
    fitted(Adversarial(model, attack=ATTACK, threat=THREAT), 20, rate=2e-3)
    return model


MEMBERS = {f"member_{name}": (lambda name=name: voting.member(name), with_pgd) for name in voting.MEMBERS}
RECIPES = {
    "base": (networks.cnn, with_pgd),
    "autoencoder": (networks.dense_autoencoder, denoising),
    "thermometer": (quantizing.thermometer_network, with_pgd_after_plain),
    "winners_take_all": (sparse.winners_network, with_pgd),
    "resized": (noisy.resized_network, with_pgd),
    **MEMBERS,
    "multi_resolution": (voting.resolutions_network, joined_late),
    "output_codes": (lambda: voting.codes_network(slope=1.0, cut=False), with_pgd_after_plain),
    "distilled": (lambda: networks.cnn(name="distilled"), distilled),
    "steep_activations": (saturating.steep_network, steeper),
    "plain": (networks.cnn, plain),
    "trades": (networks.cnn, with_trades),
    "linear": (controls.linear, plain),
    "mlp": (networks.mlp, with_pgd),
    "batch_normalized": (controls.batch_normalized, with_pgd),
    "deep": (controls.deep, with_pgd),
    "max_pooled": (controls.max_pooled, with_pgd),
}


def train(name):
    """Train and write the weights, rounded to 16 bits."""
    build, recipe = RECIPES[name]
    keras.utils.set_random_seed(zlib.crc32(name.encode()))
    weights = recipe(build()).get_weights()
    rounded = {f"{k:02d}": value.astype("float16") for k, value in enumerate(weights)}
    np.savez_compressed(networks.WEIGHTS / f"{name}.npz", **rounded)
    print(f"{name}: {sum(value.size for value in weights)} numbers", flush=True)


if __name__ == "__main__":
    for name in sys.argv[1:] or RECIPES:
        train(name)
