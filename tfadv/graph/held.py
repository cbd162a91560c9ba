"""Classifiers that a model holds in attributes, whether or not TensorFlow sees them when it is traced.

A defense written in Python calls its network through `tf.numpy_function`; another compares with a network, or calls
its layers one by one. The attributes of its layers lead to it all the same.
"""

import types

import keras
import tensorflow as tf

from tfadv.errors import invalid

# How far attributes are followed, and how many things are looked at: a large model has some hundred layers.
DEEP, MOST = 6, 5000
# How many paths an error names.
SHOWN = 10
# Objects of these packages are no part of what a user wrote; layers and models of Keras are.
FOREIGN = ("builtins", "keras", "tensorflow", "numpy", "tfadv", "threading", "_thread", "weakref", "re", "functools")


def held(model, image, columns):
    """The classifiers of images (h, w, c) in a model's attributes: path -> `keras.Model`.

    Args:
        columns: how many logits they have, one of these numbers.

    >>> held(model, (32, 32, 3), (10,))  # doctest: +SKIP
    {'defense.inner': <Functional name=base>}
    """
    models = {path: part for path, part in parts(model) if isinstance(part, keras.Model) and part.built}
    return {path: part for path, part in models.items() if part is not model and _columns(part, image) in columns}


def find(model, path):
    """What a model holds at a path.

    Raises:
        TfadvError: if there is no model; it names the paths that lead to one.
    """
    models = {known: part for known, part in parts(model) if isinstance(part, keras.Model) and part is not model}
    if not models:
        raise invalid("twin: held", "nothing, as the model holds no other model", repr(path), "leave it out.")
    if path not in models:
        known = ", ".join([*models][:SHOWN]) + ", ..." * (len(models) > SHOWN)
        raise invalid("twin: held", f"the path to a classifier in the model ({known})", repr(path))
    return models[path]


def parts(model):
    """Everything that a model holds, with the path to it; the shortest way to each, which begins with public names."""
    seen, left = {id(model)}, [("", model, 0)]
    for path, thing, depth in left:  # which grows
        yield path, thing
        for name, part in _attributes(thing) if depth < DEEP and len(left) < MOST else ():
            if id(part) not in seen and _may_hold(part):
                seen.add(id(part))
                left.append((f"{path}.{name}" if path else str(name), part, depth + 1))


def _attributes(thing):
    """Names and values; those that begin with an underscore last."""
    if isinstance(thing, dict):
        return list(thing.items())
    if isinstance(thing, list | tuple):
        return list(enumerate(thing))
    if isinstance(thing, types.FunctionType):
        cells = zip(thing.__code__.co_freevars, thing.__closure__ or (), strict=False)
        return [(name, cell.cell_contents) for name, cell in cells if cell != types.CellType()]
    named = list(vars(thing).items()) if hasattr(thing, "__dict__") else []
    # What TensorFlow notes of its own objects; and a Sequential model once more.
    named = [item for item in named if not item[0].startswith(("_self_", "_functional"))]
    layers = [(layer.name, layer) for layer in thing.layers] if isinstance(thing, keras.Model) else []
    return sorted(named + layers, key=lambda item: str(item[0]).startswith("_"))


def _may_hold(part):
    if isinstance(part, keras.layers.Layer | dict | list | tuple | types.FunctionType):
        return True
    package = type(part).__module__.split(".")[0]
    return hasattr(part, "__dict__") and not isinstance(part, type | types.ModuleType) and package not in FOREIGN


def _columns(part, image):
    """How many columns a model makes of images, or None where it makes something else of them."""
    run = tf.function(lambda x: part(x, training=False), autograph=False)
    try:
        output = run.get_concrete_function(tf.TensorSpec([None, *image], tf.float32)).structured_outputs
    except Exception:  # whatever layers of a user raise: it is made for something else
        return None
    shape = getattr(output, "shape", None)
    return shape[-1] if shape is not None and shape.rank == 2 else None
