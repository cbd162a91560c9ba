"""What a Keras model is made of, as far as Keras knows it."""

import keras


def is_graph(model):
    """Whether Keras knows all that a model does: it is Sequential or functional, and nobody has written its `call`.

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

    Each has an `operation` and its `arguments`.
    """
    # A Sequential keeps its graph to itself.
    graph = keras.Model(model.inputs, model.outputs) if isinstance(model, keras.Sequential) else model
    return [node for level in graph._nodes_by_depth.values() for node in level if not node.is_input]


def made_of(model, accepts):
    """Whether a model consists of nothing but layers that `accepts` is true of.

    >>> made_of(keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()]), lambda layer: True)
    True
    """
    return is_graph(model) and all(map(accepts, operations(model)))
