"""Linear bounds (CROWN): below each difference of logits a function that is linear in the pixels.

Zhang et al.: Efficient Neural Network Robustness Certification with General Activation Functions, NeurIPS 2018; with
interval bounds before each ReLU, as in CROWN-IBP (Zhang et al. 2020).

Below a difference of logits lies what the network computes when each ReLU of an input in [l, u] is replaced by a line:
where the difference rises with the ReLU by one below it, slope 0 or 1, else by the one above it, slope u / (u - l),
which cuts the axis at l. So the coefficients of the pixels are a gradient in which ReLUs have these slopes, and the
constant is one too: with respect to a 1 that every bias and every cut is multiplied with.

Coefficients are computed in float64, and what the network itself rounds in float32 is bounded layer by layer, as in
`tfadv.graph.bounds`, and taken off.
"""

import functools
import operator

import keras
import tensorflow as tf
from keras import activations, layers

from tfadv.graph import bounds
from tfadv.graph.bounds import AFFINE, Bounds
from tfadv.graph.inference import inference_model
from tfadv.graph.structure import nodes
from tfadv.tensors import flat_sum, per_example

# In inference mode they hand on what they get.
SILENT = (layers.Dropout, layers.SpatialDropout2D, layers.GaussianNoise, layers.GaussianDropout, layers.Identity)
KNOWN = (*AFFINE, *SILENT, layers.Flatten, layers.Reshape, layers.Rescaling, layers.Add, layers.ReLU, layers.Activation)
FUNCTIONS = (activations.relu, activations.linear)
# A backward pass a class: more take long to trace.
CLASSES = 20
# What float64 rounds, as a share of all summands: far more than 2^-53 times the number of products in a pixel's way.
DOUBLE = 1e-9


def has_linear_bounds(model: keras.Model) -> bool:
    """Whether a model has `linear_margins`: dense and convolutional layers, ReLU, sums, and what only moves numbers.

    It is to have 20 classes at most.

    >>> has_linear_bounds(keras.Sequential([keras.Input((4,)), layers.Dense(3, activation="tanh")]))
    False
    """
    if bounds.unbounded(model) is not None or model.output_shape[-1] > CLASSES:
        return False
    return all(map(_is_known, nodes(inference_model(model))))


def _is_known(node):
    layer = node.operation
    plain = type(layer) is not layers.ReLU or (layer.max_value, layer.negative_slope, layer.threshold) == (None, 0, 0)
    first = getattr(layer, "data_format", "channels_last") == "channels_last"
    alike = len({tensor.shape for tensor in node.input_tensors}) == 1  # no sum that repeats one of its parts
    function = getattr(layer, "activation", activations.relu)
    return type(layer) in KNOWN and plain and first and alike and function in FUNCTIONS


def linear_margins(model: keras.Model, low: tf.Tensor, high: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """As `bounds.margin_bounds`, by linear bounds: tighter on networks that interval bounds were not trained for.

    A backward pass a class.

    Args:
        model: one that `has_linear_bounds`; the other arguments are those of `margin_bounds`.
    """
    model = inference_model(model)
    reached = bounds.reachable(model, Bounds(low, high))
    # Float64 before they are halved: a rounded radius could leave a part of the ball out.
    center, radius = bounds.center_radius(Bounds(tf.cast(low, tf.float64), tf.cast(high, tf.float64)))
    one = tf.ones(tf.shape(center)[:1], tf.float64)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([center, one])
        z, rounded = _relaxed(model, center, one, reached)
    classes = z.shape[-1]
    own, margins = tf.one_hot(labels, classes, dtype=tf.float64), []
    for j in range(classes):
        direction = own - tf.one_hot(j, classes, dtype=tf.float64)
        options = {"unconnected_gradients": tf.UnconnectedGradients.ZERO}  # the constant of networks without biases
        slopes, constant = tape.gradient(z, [center, one], output_gradients=direction, **options)
        reach = flat_sum(tf.abs(slopes) * radius)
        size = reach + flat_sum(tf.abs(slopes * center)) + tf.abs(constant)
        slack = DOUBLE * size + tf.reduce_sum(tf.abs(direction) * tf.cast(rounded, tf.float64), axis=-1)
        margins.append(flat_sum(slopes * center) - reach + constant - slack)
    return tf.cast(tf.where(own > 0, tf.zeros_like(own), tf.stack(margins, axis=-1)), tf.float32)


def _relaxed(model, x, one, reached):
    """The logits with relaxed ReLUs, float64, and how far float32 may be from them, (n, classes) float32."""
    known = {id(model.inputs[0]): (x, tf.zeros_like(tf.cast(x, tf.float32)))}
    for node in nodes(model):
        layer, given = node.operation, [known[id(tensor)] for tensor in node.input_tensors]
        ends = [reached[id(tensor)] for tensor in node.input_tensors]
        known[id(node.outputs[0])] = _called(layer, given, ends, one)
    return known[id(model.outputs[0])]


def _called(layer, given, ends, one):
    """What a layer makes of (value, error) pairs; `ends` are the bounds of its inputs."""
    kind, (x, error) = type(layer), given[0]
    if kind in AFFINE:
        return _summed(layer, x, error, ends[0], one)
    if kind is layers.Add:
        return tuple(functools.reduce(operator.add, parts) for parts in zip(*given, strict=True))
    if kind is layers.Rescaling:
        return _rescaled(layer, x, error, ends[0], one)
    if kind in (layers.Flatten, layers.Reshape):
        shape = [-1] if kind is layers.Flatten else layer.target_shape
        moved = lambda part: tf.reshape(part, [tf.shape(part)[0], *_whole(part, shape)])  # noqa: E731
        return moved(x), moved(error)
    if kind is layers.ReLU or getattr(layer, "activation", None) is activations.relu:
        return _line(ends[0])(x, one), error
    return x, error


def _rescaled(layer, x, error, ends, one):
    scale, offset = (tf.cast(part, tf.float64) for part in (layer.scale, layer.offset))
    steep, shift = (tf.cast(tf.abs(part), tf.float32) for part in (scale, offset))
    size = steep * tf.maximum(tf.abs(ends.low), tf.abs(ends.high)) + shift
    return x * scale + per_example(one, x) * offset, error * steep + bounds.slack_of(0) * size


def _whole(part, shape):
    """The shape of an example, without -1."""
    size, known = part[0].shape.num_elements(), [side for side in shape if side != -1]
    rest = size
    for side in known:
        rest //= side
    return [rest if side == -1 else side for side in shape]


def _summed(layer, x, error, ends, one):
    """W x + b, and through the line of its activation; the error grows by what float32 rounds of such sums."""
    apply, terms = AFFINE[type(layer)]
    center, radius = bounds.center_radius(ends)
    slack = bounds.slack_of(terms(layer.kernel.shape))
    kernel = tf.convert_to_tensor(layer.kernel)
    z = apply(layer, x, tf.cast(kernel, tf.float64))
    error = apply(layer, error + slack * (tf.abs(center) + radius), tf.abs(kernel))
    if layer.use_bias:
        bias = tf.convert_to_tensor(layer.bias)
        z, error = z + per_example(one, z) * tf.cast(bias, tf.float64), error + slack * tf.abs(bias)
    if layer.activation is activations.relu:
        z = _line(bounds.affine(layer, ends))(z, one)
    return z, error


def _line(ends):
    """ReLU of inputs between two ends, with the slopes of its lines as a gradient: what it gives itself is not used."""
    low, high = (tf.cast(end, tf.float64) for end in ends)
    always, never = low >= 0, high <= 0
    none, all_of_it = tf.zeros_like(low), tf.ones_like(low)
    steep = tf.where(always, all_of_it, tf.where(never, none, tf.math.divide_no_nan(high, high - low)))
    flat = tf.where(always | (~never & (high > -low)), all_of_it, none)

    @tf.custom_gradient
    def relaxed(z, one):
        def backward(a):
            cut = tf.where(always | never, none, -steep * low)
            return a * tf.where(a >= 0, flat, steep), flat_sum(tf.minimum(a, none) * cut)

        return tf.nn.relu(z) + none * per_example(one, z), backward

    return relaxed
