"""Backward pass differentiable approximation: layers without a useful gradient are lent that of a smooth stand-in.

Athalye, Carlini, Wagner: Obfuscated Gradients Give a False Sense of Security, 2018, section 4.1.
"""

import dataclasses

import keras
import tensorflow as tf

from tfadv.attacks import layer_graph
from tfadv.attacks.around import Around
from tfadv.attacks.options import OF_MODEL
from tfadv.errors import TfadvError, invalid


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class BPDA(Around):
    """Another attack, to whom a layer g has the gradient of a stand-in h ~ g: forward g(x), backward h'(x).

    The stand-in is the layer's own method `surrogate`, or the identity if it has none. To a layer that somebody else
    wrote, `layer.surrogate = function` gives one.

    Args:
        attack: what is run, an attack or its spec, `"apgd(loss=dlr)"`.
        layers: names of the layers to replace, one or several, in nested models too; None looks for those whose
            gradient is zero or missing although their output varies.

    >>> BPDA(layers="quantize")(model, x, y, threat=LInf(8 / 255))  # doctest: +SKIP
    """

    layers: tuple[str, ...] | str | None = dataclasses.field(default=None, metadata=OF_MODEL)

    def __post_init__(self):
        super().__post_init__()
        if self.layers is not None:
            object.__setattr__(self, "layers", _several(self.layers))

    def view(self, model):
        layers = layer_graph.blocking(model) if self.layers is None else self.layers
        return super().view(straight_through(model, layers) if layers else model)


def straight_through(model, layers, surrogate=None):
    """The same classifier with the same weights, in which some layers have the gradient of a stand-in.

    Args:
        model: a Sequential or functional `keras.Model`; models in it are looked into.
        layers: the name of a layer (or of a nested model), or several.
        surrogate: what lends its gradient, a Keras layer or a function with an output like the layer's; None is the
            layer's own `surrogate`, or the identity.

    Returns:
        A `keras.Model`: its outputs, bit for bit, are those of `model`.

    Raises:
        TfadvError: if the model is subclassed, for a name that it has not, and for a stand-in of another shape, as the
            identity is where a layer changes the shape.

    >>> straight_through(model, "quantize")  # doctest: +SKIP
    """
    layers, known = _several(layers), layer_graph.names(model)
    for name in layers:
        if name not in known:
            raise invalid("bpda: layers", f"names of the model's layers ({', '.join(known)})", repr(name))

    def call(layer, *args, **kwargs):
        output = layer(*args, **kwargs)
        if layer.name not in layers:
            return output
        return LendGradient()(_stand_in(layer, surrogate, output, args, kwargs), output)

    return layer_graph.rebuilt(model, call, opened=lambda nested: nested.name not in layers)


class LendGradient(keras.Operation):
    """(stand-in, output) to the output, with the gradient of the stand-in."""

    def compute_output_spec(self, stand_in, output):
        return keras.KerasTensor(output.shape, output.dtype)

    def call(self, stand_in, output):
        lent = tf.custom_gradient(lambda _: (tf.identity(output), lambda upstream: upstream))
        return lent(tf.cast(stand_in, output.dtype))


class Surrogate(keras.layers.Layer):
    """A function of tensors as a layer."""

    def __init__(self, function):
        super().__init__(autocast=False)
        self.function = function

    def call(self, *args, **kwargs):
        return self.function(*args, **kwargs)


def _stand_in(layer, surrogate, output, args, kwargs):
    """The output of what lends its gradient to a layer; refused where it cannot."""
    surrogate = surrogate or getattr(layer, "surrogate", None)
    tensors = [part for part in tf.nest.flatten((args, kwargs)) if isinstance(part, keras.KerasTensor)]
    if not isinstance(output, keras.KerasTensor) or "float" not in output.dtype:
        raise TfadvError(
            f"bpda: the layer {layer.name!r} gives no floats, which a gradient needs: make one model of it and of the "
            "layers that turn its output into floats, and name that one."
        )
    if surrogate is None:
        stand_in = tensors[0] if len(tensors) == 1 else None
    else:
        call = surrogate if isinstance(surrogate, keras.layers.Layer) else Surrogate(surrogate)
        stand_in = call(*args, **kwargs)
    if stand_in is None or stand_in.shape != output.shape:
        shapes = " and ".join(_shape(part) for part in tensors)
        which = "the identity" if surrogate is None else f"its surrogate, which gives {_shape(stand_in)},"
        raise TfadvError(
            f"bpda: the layer {layer.name!r} makes {_shape(output)} of {shapes}, so {which} cannot stand for it: give "
            "it a smooth function of the same shapes, layer.surrogate = function."
        )
    return stand_in


def _several(layers):
    names = (layers,) if isinstance(layers, str) else layers
    if not isinstance(names, tuple | list) or not names or not all(isinstance(name, str) for name in names):
        raise invalid("bpda: layers", "the name of a layer, or several", repr(layers))
    return tuple(names)


def _shape(tensor):
    return "x".join("any" if size is None else str(size) for size in tensor.shape[1:])
