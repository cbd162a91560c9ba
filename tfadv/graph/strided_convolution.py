"""The gradient of a strided convolution with respect to the image, as a convolution of its own.

Training never asks for this gradient, attacks at every step, and TensorFlow's kernel for it is slow on CPU where the
image has few channels (`benchmarks/choices.py`). Pixels s q + r of the image, with r < s, are reached by the outputs
q - j through the weights s j + r: the gradients of all r together are a convolution with s^2 times as many channels, in
the order of `depth_to_space`.
"""

import keras
import tensorflow as tf

from tfadv.graph import rebuild
from tfadv.graph.structure import operations
from tfadv.graph.xla import on_gpu

# With more input channels TensorFlow's own kernel is as fast.
CHANNELS = 4


def with_fast_input_gradient(model):
    """The same classifier with the same weights and outputs, with quicker gradients where it has such a layer.

    Only what Keras knows the layers of is looked into, and on GPUs all stays as it is. Weights get no gradient through
    the layer.

    >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 2, strides=2)])
    >>> with_fast_input_gradient(model) is not model
    True
    """
    if on_gpu() or not any(map(is_slow, operations(model))):
        return model

    def call(layer, *args, **kwargs):
        return Strided(layer)(*args) if is_slow(layer) and not kwargs.keys() - {"training"} else layer(*args, **kwargs)

    return rebuild.rebuilt(model, call)


def is_slow(layer):
    """Whether it is a convolution of few channels with strides, in the form that `Strided` knows."""
    if type(layer) is not keras.layers.Conv2D or layer.compute_dtype != "float32":
        return False
    down, across = layer.strides
    plain = layer.data_format == "channels_last" and layer.groups == 1 and layer.dilation_rate == (1, 1)
    return plain and down == across > 1 and layer.kernel.shape[2] <= CHANNELS


class Strided(keras.Operation):
    """What a convolution does, with a gradient for its input alone."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def compute_output_spec(self, x):
        return self.layer(x)

    def call(self, x):
        layer = self.layer
        if None in x.shape[1:3]:
            return layer(x)
        stride, padding = layer.strides[0], layer.padding

        @tf.custom_gradient
        def convolved(x, kernel):
            def backward(upstream):  # TensorFlow keeps it for ever, so it must not know the layer
                return image_gradient(upstream, kernel, x.shape[1:3], stride, padding), None

            return layer.convolution_op(x, kernel), backward

        y = convolved(tf.cast(x, tf.float32), tf.convert_to_tensor(layer.kernel))
        y = tf.nn.bias_add(y, layer.bias) if layer.use_bias else y
        return y if layer.activation is None else layer.activation(y)


def image_gradient(upstream, kernel, size, stride, padding):
    """The gradient of upstream . convolution(x, kernel) with respect to x.

    Args:
        upstream: (n, rows, columns, filters); kernel: (k_h, k_w, channels, filters).
        size: of the images x, (h, w).
        stride: the same in both directions; padding: `"same"` or `"valid"`.

    Returns:
        (n, h, w, channels).
    """
    sizes = zip(size, kernel.shape, upstream.shape[1:], strict=False)
    (rows, left, above), (columns, right, beside) = (taps(*along, stride, padding) for along in sizes)
    channels, filters = kernel.shape[2:]
    kernel = tf.pad(kernel, [left, right, [0, 0], [0, 0]])
    kernel = tf.reshape(kernel, [rows, stride, columns, stride, channels, filters])
    kernel = tf.reshape(tf.transpose(kernel[::-1, :, ::-1], [0, 2, 5, 1, 3, 4]), [rows, columns, filters, -1])
    blocks = tf.nn.conv2d(upstream, kernel, 1, [[0, 0], above, beside, [0, 0]])
    return tf.nn.depth_to_space(blocks, stride)[:, : size[0], : size[1]]


def taps(size, k, outputs, stride, padding):
    """How outputs reach the pixels along one axis.

    Returns:
        How many outputs reach a block of `stride` pixels; the zeros to put (before, after) the k weights, so that they
        are whole blocks; those to put around the outputs.
    """
    lost = max((outputs - 1) * stride + k - size, 0) // 2 if padding == "same" else 0
    # Pixel s q + r meets the output q - j through the weight s j + r + lost, for j from first to last.
    first, last = -((stride - 1 + lost) // stride), (k - 1 - lost) // stride
    before = -(stride * first + lost)
    count = last - first + 1
    return count, [before, count * stride - before - k], [last, -(-size // stride) - outputs - first]
