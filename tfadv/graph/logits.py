"""Classifiers made to return logits."""

import keras

from tfadv import validation
from tfadv.errors import TfadvError
from tfadv.graph.structure import is_graph


def as_logits_model(model):
    """The same classifier, with the same weights, without the softmax or sigmoid at its end.

    Args:
        model: a Sequential or functional `keras.Model`.

    Raises:
        TfadvError: if the model is subclassed, or does not end in a softmax.

    >>> import keras
    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
    >>> as_logits_model(model).layers[-1].activation.__name__
    'linear'
    """
    if not is_graph(model):
        raise TfadvError(
            "as_logits_model needs a built Sequential or functional model; return logits from your own class."
        )
    # A list of one input would make Keras warn whenever the new model is called.
    inputs = model.inputs[0] if len(model.inputs) == 1 else model.inputs
    last, node, _ = model.outputs[0]._keras_history
    before = last._inbound_nodes[node].input_tensors[0]
    if isinstance(last, keras.Model):
        return keras.Model(inputs, as_logits_model(last)(before))
    if not validation.squashes(last):
        raise TfadvError(f"the last layer {last.name!r} is no softmax: the model seems to return logits already.")
    if not getattr(last, "weights", None):
        return keras.Model(inputs, before)
    linear = type(last).from_config({**last.get_config(), "activation": "linear"})
    logits = keras.Model(inputs, linear(before))
    linear.set_weights(last.get_weights())
    return logits
