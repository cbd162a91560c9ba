"""The architecture of a model: what it computes, apart from its weights.

What is compiled with the weights as arguments serves every model of one architecture. TensorFlow never frees what XLA
has compiled, so fifty networks of one architecture must not be compiled fifty times.
"""

import hashlib

import keras
import tensorflow as tf

from tfadv.graph.inference import inference_model
from tfadv.graph.structure import operations


def weights_of(model):
    """The values of all variables of a model, as tensors, in the order of `model.variables`."""
    return [tf.convert_to_tensor(variable.value) for variable in model.variables]


def with_weights(function, model, weights):
    """A function that calls the model, made to compute with these weights, tensors, instead of the model's own."""

    def call(*inputs):
        with _scope(model, weights):
            return function(*inputs)

    return call


def forward(model, image):
    """The model as a compiled function of images and weights, and the digest of its architecture.

    Args:
        model: a `keras.Model` that has been called with such images before.
        image: the shape of one image, (h, w, c).

    Returns:
        A function (images (n, h, w, c), weights) -> logits (n, classes), and a string that is the same for models that
        compute the same with the same weights; None where weights alone do not say what a call gives: the model
        changes its variables, is random, or computes with a variable that Keras does not know.

    >>> one, other = (keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()]) for _ in range(2))
    >>> forward(one, (8, 8, 1))[1] == forward(other, (8, 8, 1))[1]
    True
    """
    assigned = []

    def run(x, weights):
        scope = _scope(model, weights)
        before = dict(scope.state_mapping)
        with scope:
            logits = tf.cast(inference_model(model)(x, training=False), tf.float32)
        assigned.extend(key for key, value in scope.state_mapping.items() if before.get(key) is not value)
        return logits

    traced = tf.function(run, autograph=False).get_concrete_function(tf.TensorSpec([None, *image]), weight_specs(model))
    graph = traced.graph
    # Variables that are no weights are captured as resources; an operation with a state is random, or leaves the graph.
    resources = any(outside.dtype in (tf.resource, tf.variant) for outside, _ in graph.captures)
    stateful = any(operation.op_def.is_stateful for operation in graph.get_operations())
    return traced, None if assigned or resources or stateful else _digest(model, graph)


def weight_specs(model):
    """What `weights_of` will be, for `tf.function`."""
    return [tf.TensorSpec(variable.shape, variable.dtype) for variable in model.variables]


def _scope(model, weights):
    return keras.StatelessScope(list(zip(model.variables, weights, strict=True)), initialize_variables=False)


def _digest(model, graph):
    """Of the graph without the names in it, and of the layers, which say where a gradient has a quicker form."""
    layers = [
        (type(layer).__module__, type(layer).__qualname__, getattr(layer, "compute_dtype", ""))
        for layer in operations(model)
    ]
    digest, at = hashlib.sha256(repr(layers).encode()), {}
    for number, operation in enumerate(graph.get_operations()):
        at[operation.name] = number
        inputs = [(at[tensor.op.name], tensor.value_index) for tensor in operation.inputs]
        controls = [at[control.name] for control in operation.control_inputs]
        digest.update(repr((operation.type, inputs, controls)).encode())
        attributes = operation.node_def.attr
        for name in sorted(attributes):
            digest.update(name.encode() + attributes[name].SerializeToString(deterministic=True))
    for constant, inside in graph.captures:
        digest.update(repr(at[inside.op.name]).encode() + constant.numpy().tobytes())
    digest.update(repr([(at[tensor.op.name], tensor.value_index) for tensor in graph.outputs]).encode())
    return digest.hexdigest()
