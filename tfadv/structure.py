"""What a Keras model is made of, as far as Keras knows it."""

import keras


def made_of(model, accepts):
    """Whether a model consists of nothing but layers that `accepts` is true of.

    Only what Keras itself runs is judged: the `call` of a subclassed model or layer may do anything.

    >>> made_of(keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()]), lambda layer: True)
    True
    """
    return isinstance(model, keras.Model) and _made_of(model, accepts)


def _made_of(operation, accepts):
    parts = operation.layers if isinstance(operation, keras.Sequential) else getattr(operation, "operations", None)
    if parts is None:
        # A subclassed model has layers, but not the order in which it calls them.
        return not isinstance(operation, keras.Model) and accepts(operation)
    return all(_made_of(part, accepts) for part in parts)
