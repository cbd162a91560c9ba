"""VGG networks for small images: convolutions 3x3 one after another, with batch normalization.

Simonyan, Zisserman: Very Deep Convolutional Networks for Large-Scale Image Recognition, 2015, table 1, column A; with
one dense layer in the place of three, as is usual on CIFAR-10.
"""

import keras
from keras import layers

from tfadv.models.parts import Parts, scaled

# Channels of the convolutions of each stage, which a pooling ends.
VGG11 = ((64,), (128,), (256, 256), (512, 512), (512, 512))


def vgg11(
    image_shape: tuple[int, int, int],
    classes: int,
    *,
    width: float = 1.0,
    noise: str | None = None,
    activation: str = "relu",
    seed: int = 0,
) -> keras.Model:
    """Eight convolutions, one dense layer: 9,231,114 trainable parameters on CIFAR-10.

    Args:
        width: factor of the channels 64, 128, 256, 512.
        noise, activation: as `resnet_of_depth` takes them.

    >>> vgg11((32, 32, 3), 10, width=1 / 16).name
    'vgg11'
    """
    parts = Parts(seed, noise, activation)
    inputs = keras.Input(image_shape)
    x = parts.pixels(inputs)
    for stage in VGG11:
        for filters in scaled("vgg11", stage, width):
            x = parts.active(parts.normal(parts.conv(x, filters, 3, use_bias=True)))
        x = layers.MaxPooling2D(padding="same")(x)  # so that images of 28 pixels have five halves too
    return keras.Model(inputs, parts.logits(layers.GlobalAveragePooling2D()(x), classes), name="vgg11")
