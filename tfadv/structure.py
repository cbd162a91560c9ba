"""What a Keras model is made of, as far as Keras knows it."""

import keras


def made_of(model, accepts):
    """Whether a model consists of nothing but layers that `accepts` is true of.

    Only what Keras itself runs is judged: the `call` of a class of somebody else's may do anything, so neither a
    subclassed model nor a subclass of `keras.Sequential` is made of its layers.

    >>> made_of(keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()]), lambda layer: True)
    True
    """
    return isinstance(model, keras.Model) and _made_of(model, accepts)


def _made_of(operation, accepts):
    if not isinstance(operation, keras.Model):
        return accepts(operation)
    of_keras = type(operation).__module__.partition(".")[0] == "keras"
    parts = operation.layers if isinstance(operation, keras.Sequential) else getattr(operation, "operations", None)
    # A subclassed model has layers, but not the order in which it calls them.
    return of_keras and parts is not None and all(_made_of(part, accepts) for part in parts)
