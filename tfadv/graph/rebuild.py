"""The layers of Sequential and functional models: their names, which let no gradient pass, others in their place."""

from concurrent import futures

import keras
import numpy as np
import tensorflow as tf

from tfadv.errors import TfadvError
from tfadv.graph.structure import is_graph, unchanged_variables
from tfadv.tensors import finite_or

# Images that layers are tried on, and the size of those whose model leaves it open.
TRIED, FREE_SIZE = 8, 32


def names(model):
    """The names of all layers and operations, in nested models too, in order.

    Raises:
        TfadvError: if the model is subclassed, so that its layers are not known.
    """
    found = {}
    for operation in _graph(model).operations:
        if not isinstance(operation, keras.layers.InputLayer):
            found[operation.name] = None
            found |= dict.fromkeys(names(operation) if is_graph(operation) else ())
    return tuple(found)


def rebuilt(model, call, opened=lambda nested: True):
    """A model of the same layers with the same weights, in which each is called by `call(layer, *args, **kwargs)`.

    Args:
        opened: nested model -> whether it is rebuilt too, or called like a layer.

    Raises:
        TfadvError: if the model is subclassed.
    """
    done = {}

    def called(operation, *args, **kwargs):
        if not is_graph(operation) or not opened(operation):
            return call(operation, *args, **kwargs)
        if id(operation) not in done:
            done[id(operation)] = rebuilt(operation, call, opened)
        return done[id(operation)](*args, **kwargs)

    return keras.models.clone_model(_graph(model), clone_function=lambda layer: layer, call_function=called)


def copied(model):
    """A model of its own layers, with weights of the same values: nothing is shared.

    Raises:
        TfadvError: if the model is subclassed.
    """
    original = _graph(model)
    copy = keras.models.clone_model(original)
    copy.set_weights(original.get_weights())
    return copy


def blocking(model):
    """The names of the layers whose gradient is zero, missing or not finite although their output varies.

    They are tried with 8 random images. A gradient that is there and misleads is not found.

    Raises:
        TfadvError: if the model is subclassed.
    """
    # In a thread of its own, since the caller may be tracing, or have stopped all tapes.
    with futures.ThreadPoolExecutor(1) as thread:
        return thread.submit(_tried, model).result()


def _tried(model):
    found = {}
    trial = rebuilt(model, lambda operation, *args, **kwargs: Trial(operation, found.setdefault)(*args, **kwargs))
    shape = [FREE_SIZE if size is None else size for size in trial.inputs[0].shape[1:]]
    with unchanged_variables(model):  # random layers draw
        trial(np.random.default_rng(0).uniform(0, 1, (TRIED, *shape)).astype("float32"), training=False)
    return tuple(found)


class Trial(keras.Operation):
    """An operation that reports its name when it is called with images and lets no gradient pass."""

    def __init__(self, operation, report):
        super().__init__()
        self.operation, self.report = operation, report

    def compute_output_spec(self, *args, **kwargs):
        return self.operation(*args, **kwargs)

    def call(self, *args, **kwargs):
        if tf.executing_eagerly() and not passes_gradient(self.operation, args, kwargs):
            self.report(self.operation.name)
        return self.operation(*args, **kwargs)


def passes_gradient(operation, args, kwargs):
    """Whether some gradient leads through an operation; True where nothing else does: it is constant, or takes ints."""
    inputs = [part for part in tf.nest.flatten((args, kwargs)) if tf.is_tensor(part) and part.dtype.is_floating]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(inputs)
        outputs = [tf.convert_to_tensor(part) for part in tf.nest.flatten(operation(*args, **kwargs))]
    varies = any(bool(tf.reduce_any(output != output[:1])) for output in outputs)
    if not inputs or not varies:
        return True
    smooth = [output for output in outputs if output.dtype.is_floating]
    if not smooth:
        return False
    directions = [tf.cast(tf.random.stateless_normal(tf.shape(output), [0, 1]), output.dtype) for output in smooth]
    found = [part for part in tape.gradient(smooth, inputs, directions) if part is not None]
    return any(bool(tf.reduce_any(finite_or(tf.zeros_like(part), part) != 0)) for part in found)


def _graph(model):
    """The model as a functional one."""
    if not is_graph(model):
        raise TfadvError(
            f"cannot look into {getattr(model, 'name', '')!r}, a subclassed {type(model).__name__}: build "
            "it with keras.Sequential or keras.Model(inputs, outputs), or attack it without gradients."
        )
    # A list of one tensor would make Keras warn whenever the model is called.
    one_or_all = lambda tensors: tensors[0] if len(tensors) == 1 else tensors  # noqa: E731
    return keras.Model(one_or_all(model.inputs), one_or_all(model.outputs), name=model.name)
