"""Defenses by randomness in the input: noise, noise that the image itself seeds, random sizes and places."""

import functools

import keras
import tensorflow as tf
from keras import layers, ops

from specimens.by_hand import expected, smoothed
from specimens.networks import SHAPE, base, behind, cnn, register, restored
from specimens.specimen import THREAT, Specimen, following, part


@register
class TestTimeNoise(layers.Layer):
    """x + deviation * N(0, 1), in inference too (Liu et al. 2018: random self-ensemble)."""

    def __init__(self, deviation=0.1, seed=1, **options):
        super().__init__(**options)
        self.deviation, self.seed = deviation, seed
        self.generator = keras.random.SeedGenerator(seed)

    def call(self, x):
        return x + keras.random.normal(ops.shape(x), stddev=self.deviation, seed=self.generator)

    def get_config(self):
        return super().get_config() | {"deviation": self.deviation, "seed": self.seed}


@register
class DrawnByTensorFlow(layers.Layer):
    """Noise of `tf.random`, which knows of no seed generator: gamma-distributed brightness, and pixels left out."""

    def __init__(self, concentration=20.0, kept=0.85, **options):
        super().__init__(**options)
        self.concentration, self.kept = concentration, kept

    def call(self, x):
        brightness = tf.random.gamma(tf.shape(x)[:1], self.concentration) / self.concentration
        stays = tf.random.uniform(tf.shape(x)) < self.kept
        return tf.where(stays, x * brightness[:, None, None, None], 0.0)

    def get_config(self):
        return super().get_config() | {"concentration": self.concentration, "kept": self.kept}


@register
class NoiseOfTheImage(layers.Layer):
    """Noise seeded by a hash of the image's bits: the same image always meets the same noise, its neighbors another."""

    def __init__(self, deviation=0.1, **options):
        super().__init__(**options)
        self.deviation = deviation

    def call(self, x):
        return x + self.deviation * tf.math.ndtri(_uniform_of(x))

    def get_config(self):
        return super().get_config() | {"deviation": self.deviation}


def _uniform_of(x):
    """Numbers in (0, 1) that are a hash of all the bits of each image and of the pixel's place: like x."""
    bits = tf.bitcast(tf.cast(x, tf.float32), tf.int32)
    places = tf.reshape(tf.range(1, tf.size(x[0]) + 1), tf.shape(x)[1:])
    mixed = tf.reduce_sum(_scrambled(bits + places * 40503), axis=(1, 2, 3), keepdims=True)
    word = _scrambled(_scrambled(mixed) + places * 97_001)
    return (tf.cast(tf.bitwise.bitwise_and(word, 0xFFFF), tf.float32) + 0.5) * 2.0**-16


def _scrambled(word):
    """A bijection of 32 bits that mixes them, after C. Wellons' `lowbias32`."""
    for shift, factor in ((16, 0x7FEB352D), (15, 0x46CA68B)):
        moved = tf.bitwise.bitwise_and(tf.bitwise.right_shift(word, shift), (1 << (32 - shift)) - 1)
        word = tf.bitwise.bitwise_xor(word, moved) * factor
    return tf.bitwise.bitwise_xor(word, tf.bitwise.bitwise_and(tf.bitwise.right_shift(word, 16), 0xFFFF))


@register
class ResizedAndPadded(layers.Layer):
    """Images of a random size at a random place on black, another for each batch (Xie et al. 2018)."""

    def __init__(self, size=10, seed=1, **options):
        super().__init__(**options)
        self.size, self.seed = size, seed
        self.generator = keras.random.SeedGenerator(seed)

    def call(self, x):
        side, top, left = self.drawn(8, self.size + 1), *(self.drawn(0, 1000) for _ in "yx")
        resized = tf.image.resize(x, (side, side), method="bilinear")
        free = self.size - side
        top, left = top % (free + 1), left % (free + 1)
        padded = tf.pad(resized, [[0, 0], [top, free - top], [left, free - left], [0, 0]])
        return tf.ensure_shape(padded, (None, self.size, self.size, 1))

    def drawn(self, low, high):
        return keras.random.randint((), low, high, seed=self.generator)

    def compute_output_shape(self, shape):
        return (shape[0], self.size, self.size, shape[-1])

    def get_config(self):
        return super().get_config() | {"size": self.size, "seed": self.seed}


@functools.cache
def noise():
    return behind(TestTimeNoise(), base())


@functools.cache
def drawn_by_tensorflow():
    return behind(DrawnByTensorFlow(), base())


@functools.cache
def noise_of_the_image():
    return behind(NoiseOfTheImage(), base())


def resized_network():
    inputs = keras.Input(SHAPE)
    return keras.Model(inputs, cnn(shape=(10, 10, 1))(ResizedAndPadded(name="resized")(inputs)))


@functools.cache
def resized():
    return restored(resized_network(), "resized")


def own_expectation(model):
    return expected(model)


def separate_draws(model):
    """The mean of calls: a batch shares one draw."""
    return lambda x: tf.add_n([model(x) for _ in range(10)]) / 10


def around(deviation):
    """What the base network says of the image with noise of its own."""
    return lambda model: smoothed(model.get_layer("base"), deviation)


SPECIMENS = {
    "noise": Specimen(noise, THREAT, following(own_expectation, part("base"), goals=3, draws=10)),
    "drawn_by_tensorflow": Specimen(
        drawn_by_tensorflow, THREAT, following(part("base"), own_expectation, steps=50, goals=3, draws=10)
    ),
    "noise_of_the_image": Specimen(noise_of_the_image, "linf:0.12", following(around(0.1), part("base"))),
    "resized": Specimen(resized, "linf:0.15", following(separate_draws, goals=3, draws=10)),
}
