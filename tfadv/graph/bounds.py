"""Interval bounds: what every logit can be at least and at most while each pixel stays between two values.

Gowal et al.: Scalable Verified Training for Provably Robust Image Classification, 2019 (interval bound propagation).

A layer that sums products maps centers c and radii r of intervals to W c + b and |W| r; one that never falls where its
input rises maps the ends. Rounding: whatever the order in which float32 sums n products of x and w, the sum is off by
at most about n 2^-24 sum |w x|, here and in the network itself. `slack_of` is four times as much and a little, so the
bounds hold for what the network computes, not only for what it stands for. Layers that map the ends round in the same
way at all points between them. With less than float32, as TF32 on GPUs has it, this is no longer so: `rounds_coarsely`.
"""

import math
import typing

import keras
import tensorflow as tf
from keras import activations, layers, ops

from tfadv.errors import invalid
from tfadv.graph.inference import inference_model
from tfadv.graph.structure import is_graph, nodes
from tfadv.tensors import finite_or

# Functions that never fall; not gelu, silu and mish.
RISING = (
    activations.linear, activations.relu, activations.relu6, activations.leaky_relu, activations.elu, activations.celu,
    activations.selu, activations.sigmoid, activations.hard_sigmoid, activations.tanh, activations.hard_tanh,
    activations.softplus, activations.softsign, activations.exponential, activations.log_sigmoid,
)  # fmt: skip
# Layers whose outputs never fall where an input rises. In inference mode the random ones of them hand on what they get.
MONOTONE = (
    layers.Flatten, layers.Reshape, layers.Permute, layers.ZeroPadding2D, layers.Cropping2D,
    layers.MaxPooling2D, layers.AveragePooling2D, layers.GlobalMaxPooling2D, layers.GlobalAveragePooling2D,
    layers.Add, layers.Average, layers.Maximum, layers.Minimum, layers.Concatenate, layers.Normalization,
    layers.Identity, layers.Dropout, layers.SpatialDropout2D, layers.AlphaDropout, layers.GaussianDropout,
    layers.GaussianNoise, layers.ActivityRegularization,
)  # fmt: skip
# Activations with slopes and thresholds of their own, see `_rises`.
ACTIVATIONS = (layers.ReLU, layers.LeakyReLU, layers.ELU)
# Each output depends on one input, and rises or falls with it everywhere.
ALONG_OR_AGAINST = (layers.Rescaling, layers.BatchNormalization)
# `x + y`, `ops.pad` and the like, by the names of Keras' operations.
OPERATIONS = {"Add", "Concatenate", "Max", "Maximum", "Mean", "Minimum", "Pad", "Relu", "Reshape", "Transpose"}
# The rounding that `slack_of` bounds, and the type of the centers and radii.
FLOATS = ("float32",)


class Bounds(typing.NamedTuple):
    """The ends of intervals, two tensors of one shape."""

    low: tf.Tensor
    high: tf.Tensor


def unbounded(model: keras.Model) -> str | None:
    """What keeps a model from having interval bounds: its first layer without a rule, or None.

    >>> unbounded(keras.Sequential([keras.Input((4,)), layers.Dense(3, activation="gelu", name="hidden")]))
    "'hidden' (Dense with gelu)"
    """
    model = inference_model(model)
    if not is_graph(model):
        return f"{getattr(model, 'name', '')!r} ({type(model).__name__} with a call of its own)"
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        return f"{model.name!r} (model of several inputs or outputs)"
    inputs = [tensor for tensor in model.inputs if tensor.dtype not in FLOATS]
    if inputs:  # Keras rounds what such an input is given
        return f"{inputs[0].name!r} (input of type {inputs[0].dtype})"
    found = (unbounded(node.operation) if is_graph(node.operation) else _without_rule(node) for node in nodes(model))
    return next(filter(None, found), None)


def rounds_coarsely() -> bool:
    """Whether sums of products have less than float32: on a GPU with TF32, which TensorFlow uses unless told not to."""
    return bool(tf.config.get_visible_devices("GPU")) and tf.config.experimental.tensor_float_32_execution_enabled()


def numbers(model: keras.Model) -> float:
    """How many numbers are bounded for an image, those within the last layer included; infinite where that varies.

    >>> numbers(keras.Sequential([keras.Input((4,)), layers.Dense(3), layers.Dense(2)]))
    11
    """
    calls = nodes(inference_model(model))
    kernel = getattr(calls[-1].operation, "kernel", None)  # `_of_last` has one for each image
    return sum(map(_numbers_of, calls)) + (0 if kernel is None else math.prod(kernel.shape))


def _numbers_of(node):
    shape = node.outputs[0].shape[1:]
    return numbers(node.operation) if is_graph(node.operation) else math.inf if None in shape else math.prod(shape)


def bounds(model: keras.Model, low: tf.Tensor, high: tf.Tensor) -> Bounds:
    """Bounds of the logits over all images between two.

    Args:
        model: a `keras.Model`, images to logits; in inference mode.
        low, high: the ends of the interval of each pixel, (n, h, w, c) float32.

    Returns:
        The lowest and highest value of each logit, (n, classes) each. They are true, not tight.

    Raises:
        TfadvError: naming the layer, where one has no rule.

    >>> bounds(model, x - 0.1, x + 0.1).low.shape  # doctest: +SKIP
    TensorShape([32, 10])
    """
    model = _checked(model)
    return reachable(model, Bounds(low, high))[id(model.outputs[0])]


def margin_bounds(model: keras.Model, low: tf.Tensor, high: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """The lowest value of z_y - z_j over all images between two, for the label y and each class j: (n, classes).

    The last layer, if it is dense, is made one with the difference, which is tighter than the difference of the bounds
    (Gowal et al. 2019, section 3). That of the label itself is 0; where all others are above 0, no image between the
    two is misclassified: `proven`.

    Args:
        labels: (n,) ints; the other arguments and errors are those of `bounds`.
    """
    model = _checked(model)
    reached = reachable(model, Bounds(low, high))
    last = next(node for node in nodes(model) if node.outputs[0] is model.outputs[0])
    own = tf.one_hot(labels, model.output_shape[-1])
    if type(last.operation) is layers.Dense and last.operation.activation is activations.linear:
        margins = _of_last(last.operation, reached[id(last.input_tensors[0])], own)
    else:
        z = reached[id(model.outputs[0])]
        margins = tf.reduce_sum(z.low * own, axis=-1, keepdims=True) - z.high
    return tf.where(own > 0, 0.0, margins)


def proven(margins: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Where every class but the label's is below it by more than nothing: of `margin_bounds`, (n,) bool."""
    own = tf.one_hot(labels, margins.shape[-1], True, False, dtype=tf.bool)
    return tf.reduce_all(own | (margins > 0), axis=-1)


def _checked(model):
    if found := unbounded(model):
        raise invalid("model", "layers that have interval bounds", found, "judge it by attacks.")
    return inference_model(model)


def _without_rule(node):
    """The name of the layer that a node calls and why it has no rule; None where it has one."""
    layer = node.operation
    kind, of_keras = type(layer), type(layer).__module__.startswith("keras.src.ops.")
    known = kind in (*AFFINE, *MONOTONE, *ACTIVATIONS, *ALONG_OR_AGAINST, layers.Activation)
    if not (known or (of_keras and kind.__name__ in OPERATIONS)) or len(node.outputs) != 1:
        return f"{layer.name!r} ({kind.__name__})"
    if not of_keras and (layer.compute_dtype not in FLOATS or getattr(layer, "quantization_mode", None)):
        return f"{layer.name!r} ({kind.__name__} in {layer.compute_dtype} or quantized)"
    function = layer if kind in ACTIVATIONS else getattr(layer, "activation", activations.linear)
    if not _rises(function):
        return f"{layer.name!r} ({kind.__name__} with {getattr(function, '__name__', type(function).__name__)})"
    return None


def _rises(function):
    """Whether a function, or a layer that is one, never falls."""
    slopes = [getattr(function, name, 0) for name in ("negative_slope", "alpha")]
    return function in RISING or (type(function) in ACTIVATIONS and min(map(float, slopes)) >= 0)


def reachable(model, given):
    """The bounds of all tensors of a graph, by their ids."""
    known = {id(model.inputs[0]): given}
    for node in nodes(model):
        ends = {id(tensor): known[id(tensor)] for tensor in node.input_tensors}
        known[id(node.outputs[0])] = _finite(_through(node, ends))
    return known


def _through(node, ends):
    """The bounds of what a node computes; `ends` are those of its inputs, by the ids of the tensors."""
    layer, kind = node.operation, type(node.operation)
    if is_graph(layer):
        (given,) = ends.values()
        return reachable(layer, given)[id(layer.outputs[0])]
    if kind in AFFINE:
        (given,) = ends.values()
        sums = affine(layer, given)
        return Bounds(*map(layer.activation, sums))
    low, high = (_called(node, {key: end[place] for key, end in ends.items()}) for place in (0, 1))
    if kind in ALONG_OR_AGAINST:
        return Bounds(tf.minimum(low, high), tf.maximum(low, high))
    return Bounds(low, high)


def _called(node, tensors):
    """What the operation of a node gives for these tensors, in inference mode."""
    args, kwargs = node.arguments.fill_in(tensors)
    if getattr(node.operation, "_call_has_training_arg", False):
        kwargs = kwargs | {"training": False}
    return node.operation(*args, **kwargs)


def _finite(ends):
    """Whatever is not a number is a bound that says nothing: a ReLU could make 0 of it, which says much."""
    return Bounds(finite_or(-tf.float32.max, ends.low), finite_or(tf.float32.max, ends.high))


def affine(layer, ends):
    """W c + b -+ (|W| r + slack): the bounds before the activation."""
    apply, terms = AFFINE[type(layer)]
    center, radius = center_radius(ends)
    slack = slack_of(terms(layer.kernel.shape))
    middle = apply(layer, center, layer.kernel)
    spread = apply(layer, radius + slack * (tf.abs(center) + radius), tf.abs(layer.kernel))
    if layer.use_bias:
        bias = layer.bias if getattr(layer, "data_format", "") != "channels_first" else layer.bias[:, None, None]
        middle, spread = middle + bias, spread + slack * tf.abs(bias)
    return _finite(Bounds(middle - spread, middle + spread))


def _of_last(layer, ends, own):
    """The lowest values of z_y - z_j: sum (W_y - W_j) c + b_y - b_j - |W_y - W_j| r - slack, (n, classes)."""
    center, radius = center_radius(ends)
    kernel, bias = tf.convert_to_tensor(layer.kernel), layer.bias if layer.use_bias else 0.0
    slack = slack_of(kernel.shape[0])
    of_label = lambda z: tf.reduce_sum(z * own, axis=-1, keepdims=True)  # noqa: E731
    middle = center @ kernel + bias
    rounding = slack * ((tf.abs(center) + radius) @ tf.abs(kernel) + tf.abs(bias))
    differences = tf.abs((own @ tf.transpose(kernel))[:, :, None] - kernel)  # (n, features, classes)
    spread = tf.einsum("nf,nfk->nk", radius, differences)
    return of_label(middle - rounding) - (middle + rounding) - spread


def center_radius(ends):
    """The middle of each interval, and half its length."""
    return 0.5 * ends.low + 0.5 * ends.high, 0.5 * ends.high - 0.5 * ends.low


def slack_of(terms):
    """Four times n 2^-24, and what the center, the radius and an activation before the layer round."""
    return 4 * (terms + 8) * 2.0**-24


def _dense(layer, x, kernel):
    return tf.tensordot(x, kernel, 1)


def _convolution(layer, x, kernel):
    return layer.convolution_op(x, kernel)


def _depthwise(layer, x, kernel):
    return ops.depthwise_conv(x, kernel, layer.strides, layer.padding, layer.data_format, layer.dilation_rate)


# How each sums products, and of how many the sum is, by the shape of the kernel.
AFFINE = {
    layers.Dense: (_dense, lambda shape: shape[0]),
    layers.Conv2D: (_convolution, lambda shape: math.prod(shape[:-1])),
    layers.DepthwiseConv2D: (_depthwise, lambda shape: math.prod(shape[:2])),
}
