"""Residual networks for small images, with shortcuts that have no weights.

He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition, 2016, section 4.2, shortcuts of option A.
"""

import keras
from keras import layers, ops

from tfadv.errors import invalid
from tfadv.models.parts import Parts

WIDTHS = (16, 32, 64)


def resnet8(
    image_shape: tuple[int, int, int],
    classes: int,
    *,
    widths: tuple[int, ...] = WIDTHS,
    noise: str | None = None,
    activation: str = "relu",
    seed: int = 0,
) -> keras.Model:
    """One block a stage: 75,290 trainable parameters on CIFAR-10, 19,218 with `widths=(8, 16, 32)`.

    >>> resnet8((32, 32, 3), 10).name
    'resnet8'
    """
    return _resnet(image_shape, classes, 1, widths, Parts(seed, noise, activation))


def resnet20(
    image_shape: tuple[int, int, int],
    classes: int,
    *,
    widths: tuple[int, ...] = WIDTHS,
    noise: str | None = None,
    activation: str = "relu",
    seed: int = 0,
) -> keras.Model:
    """Three blocks a stage: 269,722 trainable parameters on CIFAR-10 and 1,376 statistics of BatchNorm.

    >>> resnet20((32, 32, 3), 10).count_params()
    271098
    """
    return _resnet(image_shape, classes, 3, widths, Parts(seed, noise, activation))


def resnet_of_depth(
    image_shape: tuple[int, int, int],
    classes: int,
    *,
    depth: int = 20,
    widths: tuple[int, ...] = WIDTHS,
    noise: str | None = None,
    activation: str = "relu",
    seed: int = 0,
) -> keras.Model:
    """Of the depth 14, 32, ..., `resnet(depth=14)`: conv3, stages of residual blocks, the mean over the image, logits.

    Args:
        image_shape: (height, width, channels).
        depth: how many convolutions and dense layers: 8, 14, 20, 32, ... of three stages.
        widths: channels of each stage; each stage but the first halves height and width.
        noise: None, or where the weights or tensors are noisy, `"pni(where=weights, by=channel)"`.
        activation: `"relu"` or `"slwta(competitors=2)"`.

    >>> resnet_of_depth((32, 32, 3), 10, depth=14).name
    'resnet14'
    """
    _check(widths)
    stages = len(widths)
    if type(depth) is not int or depth < 2 + 2 * stages or (depth - 2) % (2 * stages):
        raise invalid("resnet: depth", f"2 + {2 * stages} k, as there are {stages} stages", repr(depth))
    return _resnet(image_shape, classes, (depth - 2) // (2 * stages), widths, Parts(seed, noise, activation))


def _resnet(image_shape, classes, blocks, widths, parts):
    """The network of `blocks` residual blocks a stage, two convolutions each."""
    _check(widths)
    inputs = keras.Input(image_shape)
    x = parts.active(parts.normal(parts.conv(parts.pixels(inputs), widths[0], 3)))
    for stage, width in enumerate(widths):
        for block in range(blocks):
            x = _block(parts, x, width, 2 if stage and not block else 1)
    logits = parts.logits(layers.GlobalAveragePooling2D()(x), classes)
    return keras.Model(inputs, logits, name=f"resnet{2 * blocks * len(widths) + 2}")


def _check(widths):
    if not isinstance(widths, tuple) or not widths or not all(type(w) is int and w > 0 for w in widths):
        raise invalid("resnet: widths", "channels of each stage, e.g. (16, 32, 64)", repr(widths))
    if any(b < a for a, b in zip(widths, widths[1:], strict=False)):
        raise invalid("resnet: widths", "no stage narrower than the one before", repr(widths))


def _block(parts, x, width, strides):
    """relu(shortcut(x) + conv(relu(conv(x)))): (n, h, w, c) to (n, h / strides, w / strides, width)."""
    moved = parts.active(parts.normal(parts.conv(x, width, 3, strides)))
    return parts.active(layers.Add()([_shortcut(x, width, strides), parts.normal(parts.conv(moved, width, 3))]))


def _shortcut(x, width, strides):
    """Option A: every `strides`-th pixel, and zeros for the channels that are new."""
    if strides > 1:
        x = layers.AveragePooling2D(1, strides, padding="same")(x)
    new = width - x.shape[-1]
    return ops.pad(x, ((0, 0), (0, 0), (0, 0), (0, new))) if new else x
