"""Residual networks for small images, with shortcuts that have no weights.

He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition, 2016, section 4.2, shortcuts of option A.
"""

import keras
from keras import layers, ops

from tfadv.errors import invalid

# (mean, standard deviation) of pixels, roughly those of CIFAR-10; fixed, so that eps means pixels.
PIXELS = (0.5, 0.25)


def resnet8(
    image_shape: tuple[int, int, int], classes: int, *, widths: tuple[int, ...] = (16, 32, 64), seed: int = 0
) -> keras.Model:
    """One block a stage: 75,290 trainable parameters on CIFAR-10, 19,218 with `widths=(8, 16, 32)`.

    >>> resnet8((32, 32, 3), 10).name
    'resnet8'
    """
    return resnet(image_shape, classes, 1, widths, seed)


def resnet20(
    image_shape: tuple[int, int, int], classes: int, *, widths: tuple[int, ...] = (16, 32, 64), seed: int = 0
) -> keras.Model:
    """Three blocks a stage: 269,722 trainable parameters on CIFAR-10 and 1,376 statistics of BatchNorm.

    >>> resnet20((32, 32, 3), 10).count_params()
    271098
    """
    return resnet(image_shape, classes, 3, widths, seed)


def resnet(image_shape, classes, blocks, widths, seed):
    """conv3, stages of `blocks` residual blocks each, the mean over the image, logits.

    Args:
        image_shape: (height, width, channels).
        blocks: two convolutions each.
        widths: channels of each stage; each stage but the first halves height and width.
    """
    if not isinstance(widths, tuple) or not widths or not all(type(w) is int and w > 0 for w in widths):
        raise invalid("resnet: widths", "channels of each stage, e.g. (16, 32, 64)", repr(widths))
    if any(b < a for a, b in zip(widths, widths[1:], strict=False)):
        raise invalid("resnet: widths", "no stage narrower than the one before", repr(widths))
    seeds = iter(range(1000 * seed, 1000 * seed + 1000))
    mean, deviation = PIXELS
    inputs = keras.Input(image_shape)
    x = layers.Rescaling(1 / deviation, -mean / deviation)(inputs)
    x = layers.ReLU()(_conv(x, widths[0], 1, seeds))
    for stage, width in enumerate(widths):
        for block in range(blocks):
            x = _block(x, width, 2 if stage and not block else 1, seeds)
    x = layers.GlobalAveragePooling2D()(x)
    init = keras.initializers.GlorotUniform(next(seeds))
    logits = layers.Dense(classes, dtype="float32", name="logits", kernel_initializer=init)(x)
    return keras.Model(inputs, logits, name=f"resnet{2 * blocks * len(widths) + 2}")


def _block(x, width, strides, seeds):
    """relu(shortcut(x) + conv(relu(conv(x)))): (n, h, w, c) to (n, h / strides, w / strides, width)."""
    moved = layers.ReLU()(_conv(x, width, strides, seeds))
    return layers.ReLU()(layers.Add()([_shortcut(x, width, strides), _conv(moved, width, 1, seeds)]))


def _conv(x, width, strides, seeds):
    init = keras.initializers.HeNormal(next(seeds))
    x = layers.Conv2D(width, 3, strides, padding="same", use_bias=False, kernel_initializer=init)(x)
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x)


def _shortcut(x, width, strides):
    """Option A: every `strides`-th pixel, and zeros for the channels that are new."""
    if strides > 1:
        x = layers.AveragePooling2D(1, strides, padding="same")(x)
    new = width - x.shape[-1]
    return ops.pad(x, ((0, 0), (0, 0), (0, 0), (0, new))) if new else x
