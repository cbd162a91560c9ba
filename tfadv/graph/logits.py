"""Classifiers made to return logits."""

import keras
import numpy as np

from tfadv import remedies, validation
from tfadv.errors import TfadvError
from tfadv.graph.structure import is_graph

# What the logarithm of a probability of 0 is taken of: float32 knows some smaller numbers, few of them exactly.
LEAST = 1e-30


def as_logits_model(model: keras.Model) -> keras.Model:
    """The same classifier, with the same weights, without the softmax or sigmoid at its end.

    A model of one unit, which tells two classes apart, gets two logits: [0, z] of the unit's z before its sigmoid,
    whose softmax is [1 - sigmoid(z), sigmoid(z)]. Probabilities that no last layer makes, such as the mean of several
    softmaxes, become their logarithms, whose softmax they are.

    Args:
        model: a Sequential or functional `keras.Model` with one output.

    Raises:
        TfadvError: if the model is subclassed, has several outputs, or returns logits already.

    >>> import keras
    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
    >>> as_logits_model(model).layers[-1].activation.__name__
    'linear'
    """
    if not is_graph(model):
        raise TfadvError(
            "as_logits_model needs a built Sequential or functional model; return logits from your own class."
        )
    if len(model.outputs) > 1:
        raise remedies.several_outputs(model, model.output)
    logits = _without_squashing(model)
    if logits.outputs[0].shape[-1] != 1:
        return logits
    return keras.Model(_inputs(logits), _two_logits(logits.outputs[0]))


def _two_logits(z):
    """[0, z] of one logit z: (n, 1) to (n, 2), as a fixed linear layer, which saves, exports and certifies as any."""
    layer = keras.layers.Dense(2, use_bias=False, trainable=False, dtype="float32", name="two_logits")
    both = layer(z)
    layer.set_weights([np.array([[0.0, 1.0]])])
    return both


def _without_squashing(model):
    inputs = _inputs(model)
    last, node, _ = model.outputs[0]._keras_history
    before = last._inbound_nodes[node].input_tensors[0]
    if isinstance(last, keras.Model):
        return keras.Model(inputs, _without_squashing(last)(before))
    if type(last) is keras.layers.Dense and last.units == 1 and not validation.squashes(last):
        return model
    if not validation.squashes(last):
        if _returns_probabilities(model):
            return keras.Model(inputs, keras.ops.log(keras.ops.maximum(model.outputs[0], LEAST)))
        raise TfadvError(f"the last layer {last.name!r} is no softmax: the model seems to return logits already.")
    if not getattr(last, "weights", None):
        return keras.Model(inputs, before)
    linear = type(last).from_config({**last.get_config(), "activation": "linear"})
    logits = keras.Model(inputs, linear(before))
    linear.set_weights(last.get_weights())
    return logits


def _returns_probabilities(model):
    """Whether it does for a few images of noise."""
    shape = model.inputs[0].shape[1:]
    if len(model.inputs) > 1 or None in shape:
        return False
    noise = np.random.default_rng(0).uniform(0, 1, (8, *shape)).astype(np.float32)
    return validation.are_probabilities(np.asarray(model(noise, training=False)))


def _inputs(model):
    """A list of one input would make Keras warn whenever the new model is called."""
    return model.inputs[0] if len(model.inputs) == 1 else model.inputs
