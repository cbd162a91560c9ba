"""Whether the layers of a model prove that it is linear."""

import keras
from keras import layers

from tfadv.graph.structure import made_of

# Layers that are linear in what they are given, if their activation is, they are not quantized, and they do not round.
# Not dropout and batch normalization: a model may have fixed them in the way they work in training.
LINEAR = (
    layers.InputLayer, layers.Flatten, layers.Reshape, layers.Permute, layers.Dense, layers.Conv2D,
    layers.DepthwiseConv2D, layers.AveragePooling2D, layers.GlobalAveragePooling2D, layers.ZeroPadding2D,
    layers.Cropping2D, layers.Rescaling, layers.Normalization, layers.Add, layers.Subtract, layers.Average,
    layers.Concatenate, layers.Activation,
)  # fmt: skip
FLOATS = ("float32", "float64")


def is_linear(model):
    """Whether the logits are linear functions of the pixels, up to a constant, as the kinds of its layers prove.

    >>> is_linear(keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(10)]))
    True
    """
    return made_of(model, _is_straight)


def _is_straight(layer):
    straight = keras.activations.linear
    return (
        type(layer) in LINEAR
        and layer.dtype in FLOATS  # what is given to an input of integers is rounded
        and getattr(layer, "activation", straight) is straight
        and getattr(layer, "quantization_mode", None) is None
        and layer.compute_dtype in FLOATS
    )
