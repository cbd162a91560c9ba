"""Wide residual networks: few layers with many channels, batch normalization and ReLU before each convolution.

Zagoruyko, Komodakis: Wide Residual Networks, 2016. What most robust classifiers of the literature are.
"""

import keras
from keras import layers

from tfadv.errors import invalid
from tfadv.models.parts import Parts, scaled


def wrn(
    image_shape: tuple[int, int, int],
    classes: int,
    *,
    depth: int = 28,
    width: float = 10,
    dropout: float = 0.0,
    noise: str | None = None,
    activation: str = "relu",
    seed: int = 0,
) -> keras.Model:
    """WRN-28-10: 36,479,194 trainable parameters on CIFAR-10; WRN-34-10 has 46,160,474.

    Args:
        depth: how many convolutions and dense layers, without those of shortcuts: 10, 16, 22, 28, 34, ...
        width: factor of the channels 16, 32, 64.
        dropout: share of the channels' values dropped between the convolutions of a block, in training.
        noise, activation: as `resnet_of_depth` takes them.

    >>> wrn((32, 32, 3), 10, depth=10, width=1).name
    'wrn-10-1'
    """
    if type(depth) is not int or depth < 10 or (depth - 4) % 6:
        raise invalid("wrn: depth", "10, 16, 22, 28, 34, ...", repr(depth))
    parts = Parts(seed, noise, activation)
    inputs = keras.Input(image_shape)
    x = parts.conv(parts.pixels(inputs), 16, 3)
    for stage, filters in enumerate(scaled("wrn", (16, 32, 64), width)):
        for number in range((depth - 4) // 6):
            x = _block(parts, x, filters, 2 if stage and not number else 1, dropout)
    x = layers.GlobalAveragePooling2D()(parts.active(parts.normal(x)))
    return keras.Model(inputs, parts.logits(x, classes), name=f"wrn-{depth}-{width:g}")


def _block(parts, x, filters, strides, dropout):
    """shortcut(x) + conv(relu(conv(relu(x)))): (n, h, w, c) to (n, h / strides, w / strides, filters)."""
    before = parts.active(parts.normal(x))
    # Where the number of channels changes, the shortcut too begins after the activation.
    shortcut = x if x.shape[-1] == filters and strides == 1 else parts.conv(before, filters, 1, strides)
    moved = parts.active(parts.normal(parts.conv(before, filters, 3, strides)))
    moved = layers.Dropout(dropout)(moved) if dropout else moved
    return layers.Add()([shortcut, parts.conv(moved, filters, 3)])
