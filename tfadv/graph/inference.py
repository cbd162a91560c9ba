"""A classifier as it answers when it is used: layers that its graph calls with `training=True` stay active.

Monte-Carlo dropout and noise as a defense are written so. `model(x)` and Keras' `export` keep such layers active;
`predict` and `model(x, training=False)` pass False to every layer, which leaves them out without a word.
"""

import functools
import inspect
import weakref

import keras

from tfadv.graph import rebuild
from tfadv.graph.structure import is_graph, nodes

# They replace their own statistics whenever they are called with training=True: asking them would change the model.
UPDATED = (keras.layers.BatchNormalization, keras.layers.SpectralNormalization)

MODELS = weakref.WeakKeyDictionary()


def inference_model(model):
    """The same classifier for `predict` and `training=False`, in which layers called with `training=True` stay active.

    Layers with statistics that training updates, such as BatchNormalization, run in inference mode all the same:
    `batch_layers` names them. So does augmentation, such as RandomFlip, whose `training` is True if nothing is said:
    `augmentation_layers`.

    Args:
        model: a `keras.Model`. Where no layer is called so, it is returned as it is.

    >>> inputs = keras.Input((8, 8, 1))
    >>> model = keras.Model(inputs, keras.layers.Dropout(0.5)(inputs, training=True))
    >>> inference_model(model) is not model
    True
    """
    if model not in MODELS:
        kept = [layer for layer in _called_in_training(model) if not (_updated(layer) or _augments(layer))]
        # Without the model itself, which would then never be freed.
        MODELS[model] = _with_active(model, kept) if kept else None
    found = MODELS[model]
    return model if found is None else found


def batch_layers(model):
    """The names of layers whose statistics the graph takes from the batch, though inference mode takes stored ones."""
    return tuple(dict.fromkeys(layer.name for layer in _called_in_training(model) if _updated(layer)))


def augmentation_layers(model):
    """The names of layers that `predict` leaves out, though they are random in `model(x)` and in Keras' export."""
    return tuple(dict.fromkeys(layer.name for layer in _called_in_training(model) if _augments(layer)))


def _called_in_training(model):
    if not is_graph(model):
        return []
    found = []
    for node in nodes(model):
        if node.arguments.kwargs.get("training") is True:
            found.append(node.operation)
        else:
            found += _called_in_training(node.operation)
    return found


def _updated(layer):
    return any(isinstance(part, UPDATED) for part in layer._flatten_layers())


def _augments(layer):
    """Whether Keras calls it with training=True unless told otherwise, so that it need not be meant."""
    training = inspect.signature(layer.call).parameters.get("training")
    return training is not None and training.default is True


def _with_active(model, kept):
    active = functools.cache(Active)  # one for a layer, though it may be called several times

    def call(layer, *args, **kwargs):
        if kwargs.get("training") is True and any(layer is one for one in kept):
            return active(layer)(*args, **kwargs)
        return layer(*args, **kwargs)

    return rebuild.rebuilt(model, call, opened=lambda nested: all(nested is not one for one in kept))


class Active(keras.layers.Layer):
    """A layer as it works in training, whatever it is told."""

    def __init__(self, layer):
        super().__init__(name=layer.name, autocast=False)
        self.layer = layer

    def call(self, *args, **kwargs):
        return self.layer(*args, **{**kwargs, "training": True})
