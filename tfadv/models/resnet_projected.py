"""ResNet-18 and ResNet-50 for small images: conv3 in the place of the stem, 1x1 convolutions as shortcuts.

He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition, 2016, table 1, shortcuts of option B.
"""

import keras
from keras import layers

from tfadv.models.parts import Parts, scaled

CHANNELS = (64, 128, 256, 512)


def resnet18(
    image_shape: tuple[int, int, int],
    classes: int,
    *,
    width: float = 1.0,
    noise: str | None = None,
    activation: str = "relu",
    seed: int = 0,
) -> keras.Model:
    """Two blocks a stage: 11,173,962 trainable parameters on CIFAR-10, 17,454,170 with `width=1.25`.

    Args:
        width: factor of the channels 64, 128, 256, 512.
        noise, activation: as `resnet_of_depth` takes them.

    >>> resnet18((32, 32, 3), 10, width=1 / 16).name
    'resnet18'
    """
    parts = Parts(seed, noise, activation)
    return _resnet("resnet18", parts, image_shape, classes, (2, 2, 2, 2), _basic, width)


def resnet50(
    image_shape: tuple[int, int, int],
    classes: int,
    *,
    width: float = 1.0,
    noise: str | None = None,
    activation: str = "relu",
    seed: int = 0,
) -> keras.Model:
    """3, 4, 6 and 3 bottlenecks: 23,520,842 trainable parameters on CIFAR-10.

    Args:
        width: factor of the channels 64, 128, 256, 512, of which each bottleneck gives four times as many.
        noise, activation: as `resnet_of_depth` takes them.

    >>> resnet50((32, 32, 3), 10, width=1 / 16).name
    'resnet50'
    """
    parts = Parts(seed, noise, activation)
    return _resnet("resnet50", parts, image_shape, classes, (3, 4, 6, 3), _bottleneck, width)


def _resnet(name, parts, image_shape, classes, blocks, block, width):
    inputs, channels = keras.Input(image_shape), scaled(name, CHANNELS, width)
    x = parts.active(parts.normal(parts.conv(parts.pixels(inputs), channels[0], 3)))
    for stage, (filters, count) in enumerate(zip(channels, blocks, strict=True)):
        for number in range(count):
            x = block(parts, x, filters, 2 if stage and not number else 1)
    return keras.Model(inputs, parts.logits(layers.GlobalAveragePooling2D()(x), classes), name=name)


def _basic(parts, x, filters, strides):
    """relu(shortcut(x) + conv3(relu(conv3(x)))): (n, h, w, c) to (n, h / strides, w / strides, filters)."""
    moved = parts.active(parts.normal(parts.conv(x, filters, 3, strides)))
    moved = parts.normal(parts.conv(moved, filters, 3))
    return parts.active(layers.Add()([_shortcut(parts, x, filters, strides), moved]))


def _bottleneck(parts, x, filters, strides):
    """The same of conv1, conv3, conv1, the last with four times as many channels."""
    moved = parts.active(parts.normal(parts.conv(x, filters, 1)))
    moved = parts.active(parts.normal(parts.conv(moved, filters, 3, strides)))
    moved = parts.normal(parts.conv(moved, 4 * filters, 1))
    return parts.active(layers.Add()([_shortcut(parts, x, 4 * filters, strides), moved]))


def _shortcut(parts, x, filters, strides):
    """Option B: x itself, or where the shape changes a convolution 1x1."""
    if strides == 1 and x.shape[-1] == filters:
        return x
    return parts.normal(parts.conv(x, filters, 1, strides))
