"""What a Keras model is made of, as far as Keras knows it."""

import contextlib

import keras
import numpy as np

# They move pixels, and leave their scale as it is.
MOVING = (
    keras.layers.CenterCrop, keras.layers.Cropping2D, keras.layers.Identity, keras.layers.RandomFlip,
    keras.layers.RandomRotation, keras.layers.RandomTranslation, keras.layers.RandomZoom, keras.layers.Resizing,
    keras.layers.ZeroPadding2D,
)  # fmt: skip


def is_graph(model):
    """Whether Keras knows all that a model does: it is Sequential or functional, without a `call` of its own.

    A class with a `train_step` of its own is still a graph.

    >>> is_graph(keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()]))
    True
    """
    built = isinstance(model, keras.Model) and bool(getattr(model, "outputs", None))
    return built and type(model).call.__module__.partition(".")[0] == "keras"


def operations(model):
    """The layers and operations of a model that is a graph, those of nested graphs in their place; else the model."""
    if not is_graph(model):
        return [model]
    parts = model.layers if isinstance(model, keras.Sequential) else model.operations
    return [one for part in parts for one in operations(part)]


def nodes(model):
    """The calls that a model which is a graph consists of, those in nested models left out.

    They come in the order in which they run. Each has an `operation`, its `arguments` and `outputs`.
    """
    # A Sequential keeps its graph to itself.
    graph = keras.Model(model.inputs, model.outputs) if isinstance(model, keras.Sequential) else model
    return [
        node for _, level in sorted(graph._nodes_by_depth.items(), reverse=True) for node in level if not node.is_input
    ]


def made_of(model, accepts):
    """Whether a model consists of nothing but layers that `accepts` is true of.

    >>> made_of(keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()]), lambda layer: True)
    True
    """
    return is_graph(model) and all(map(accepts, operations(model)))


def expects_bytes(model):
    """What tells that a model is made for pixels in 0 to 255: `"input of type uint8"`, `"Rescaling layer"`, or None.

    >>> expects_bytes(keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Rescaling(1 / 255)]))
    'Rescaling layer'
    """
    for layer in operations(model):
        if isinstance(layer, keras.layers.InputLayer):
            if "int" in layer.dtype:
                return f"input of type {layer.dtype}"
        elif not isinstance(layer, MOVING):
            return "Rescaling layer" if _divides(layer) else None
    return None


def _divides(layer):
    """Whether a layer is a Rescaling by 1/255, 1/127.5 or the like; no deviation of pixels in [0, 1] is so large."""
    return isinstance(layer, keras.layers.Rescaling) and np.abs(layer.scale).max() < 0.1


@contextlib.contextmanager
def unchanged_variables(model):
    """Give what a model changes when it is called, such as the seeds of random layers, its value of before."""
    before = [(variable, np.array(variable)) for variable in model.non_trainable_variables]
    try:
        yield
    finally:
        for variable, value in before:
            variable.assign(value)
