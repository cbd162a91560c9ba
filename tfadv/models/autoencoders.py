"""Autoencoders: images to codes and back. No classifiers, but what classifiers of codes are put behind.

Kingma, Welling: Auto-Encoding Variational Bayes, 2014. Sizes are those of Cocola, Rabindranath (section 3.2).
"""

import itertools
import math

import keras
from keras import layers

from tfadv.errors import invalid
from tfadv.graph.rebuild import copied, rebuilt
from tfadv.layers.latent_sample import LatentSample
from tfadv.layers.range_projection import RangeProjection
from tfadv.models.parts import NOISE_SEEDS
from tfadv.options import number

# The slope of PyTorch's LeakyReLU, which the document uses; Keras' own is 0.3.
SLOPE = 0.01
ENCODER, DECODER, STATISTICS, CODES = "encoder", "decoder", "statistics", "codes"
# Hidden layers of an encoder, and of the decoder in reverse.
Widths = tuple[int, ...]


def ae(
    image_shape: tuple[int, int, int], classes: int = 0, *, latent: int = 32, hidden: Widths = (), seed: int = 0
) -> keras.Model:
    """784-32-784, LeakyReLU and sigmoid: images to images, of the models `encoder` and `decoder`.

    Args:
        classes: of the data; an autoencoder knows none.
        latent: how many numbers a code has.
        hidden: widths of further layers of the encoder; the decoder has them in reverse.

    >>> ae((28, 28, 1)).count_params()
    50992
    """
    return _autoencoder("ae", image_shape, latent, hidden, seed, variational=False)


def vae(
    image_shape: tuple[int, int, int], classes: int = 0, *, latent: int = 32, hidden: Widths = (150,), seed: int = 0
) -> keras.Model:
    """784-150-32-150-784, variational: codes are drawn from N(mu, sigma^2), and the encoder makes mu and log sigma^2.

    Args:
        classes, latent, hidden: as `ae` takes them.

    >>> vae((28, 28, 1)).count_params()
    250748
    """
    return _autoencoder("vae", image_shape, latent, hidden, seed, variational=True)


def _autoencoder(name, image_shape, latent, hidden, seed, variational):
    widths = (hidden,) if isinstance(hidden, int) else tuple(hidden)
    for what, value in (("latent", latent), *(("hidden", width) for width in widths)):
        number(f"{name}: {what}", value, "a whole number of at least 1", lambda value: value >= 1, (int,))
    seeds = itertools.count(1000 * seed)
    dense = lambda units, **options: layers.Dense(  # noqa: E731
        units, kernel_initializer=keras.initializers.GlorotUniform(next(seeds)), **options
    )
    leaky = lambda x, units: layers.LeakyReLU(SLOPE)(dense(units)(x))  # noqa: E731
    image = x = keras.Input(image_shape)
    x = layers.Flatten()(x)
    for width in widths:
        x = leaky(x, width)
    if variational:
        x = LatentSample(1000 * seed + NOISE_SEEDS)(dense(2 * latent, name=STATISTICS)(x))
    else:
        x = leaky(x, latent)
    encoder = keras.Model(image, x, name=ENCODER)
    code = x = keras.Input((latent,))
    for width in reversed(widths):
        x = leaky(x, width)
    pixels = dense(math.prod(image_shape), activation="sigmoid", dtype="float32")(x)
    decoder = keras.Model(code, layers.Reshape(image_shape)(pixels), name=DECODER)
    return keras.Model(image, decoder(encoder(image)), name=name)


def parts(autoencoder: keras.Model) -> tuple[keras.Model, keras.Model]:
    """The models `encoder` and `decoder` that an autoencoder is made of.

    Raises:
        TfadvError: for a model that is not made of them.
    """
    named = {layer.name: layer for layer in autoencoder.layers if isinstance(layer, keras.Model)}
    if not {ENCODER, DECODER} <= named.keys():
        hint = "train one: tfadv train --model vae --method reconstruction --keep last --out runs/vae."
        raise invalid("the autoencoder", f"a model of two, {ENCODER!r} and {DECODER!r}", repr(autoencoder.name), hint)
    return named[ENCODER], named[DECODER]


def statistics(autoencoder: keras.Model) -> keras.Model | None:
    """Images to mean and log variance of their codes, (n, 2 d); None of an autoencoder that draws none."""
    encoder, _ = parts(autoencoder)
    drawn = [layer for layer in encoder.layers if isinstance(layer, LatentSample)]
    return keras.Model(encoder.inputs[0], drawn[0].input) if drawn else None


def encoding(autoencoder: keras.Model, *, sample: bool = True) -> keras.Model:
    """E: images to codes, (n, d).

    Args:
        sample: whether a variational encoder draws its codes, or gives their means.
    """
    encoder, _ = parts(autoencoder)
    mean = lambda x: x[..., : x.shape[-1] // 2]  # noqa: E731

    def call(layer, *args, **kwargs):
        return mean(args[0]) if isinstance(layer, LatentSample) and not sample else layer(*args, **kwargs)

    return _named(rebuilt(encoder, call))


def projection(autoencoder: keras.Model, **options: float) -> keras.Model:
    """The code whose image is nearest: images to codes, (n, d).

    Args:
        options: of `RangeProjection`.
    """
    _, decoder = parts(autoencoder)
    # A copy: where the decoder has a place of its own too, in the model of decoded images, a file keeps one of both.
    image = keras.Input(autoencoder.input_shape[1:])
    return _named(keras.Model(image, RangeProjection(copied(decoder), **options)(image)))


def _named(model):
    return keras.Model(model.inputs[0], model.outputs[0], name=CODES)


def behind(codes: keras.Model, autoencoder: keras.Model, classifier: keras.Model, name: str) -> keras.Model:
    """A classifier behind codes: of the codes themselves if it takes such, else of the images that are decoded of them.

    Args:
        codes: images to codes, as `encoding` and `projection` give it.

    Raises:
        TfadvError: for a classifier that takes neither.
    """
    _, decoder = parts(autoencoder)
    image = keras.Input(autoencoder.input_shape[1:])
    takes = tuple(classifier.input_shape[1:])
    if takes not in (tuple(codes.output_shape[1:]), tuple(image.shape[1:])):
        expected = f"one of codes of {codes.output_shape[-1]} numbers, or of images {tuple(image.shape[1:])}"
        raise invalid("the classifier behind an autoencoder", expected, f"one of {takes}")
    code = codes(image)
    return keras.Model(image, classifier(code if len(takes) == 1 else decoder(code)), name=name)
