"""The same classifier in which some layers have the gradient of a smooth surrogate."""

import keras
import tensorflow as tf

from tfadv.errors import TfadvError, invalid
from tfadv.graph.rebuild import names as names_of
from tfadv.graph.rebuild import rebuilt
from tfadv.graph.soft_layer import SoftLayer


def straight_through(model, layers, surrogate=None):
    """The same classifier with the same weights, in which some layers have a surrogate gradient.

    Args:
        model: a Sequential or functional `keras.Model`; models in it are looked into.
        layers: the name of a layer (or of a nested model), or several.
        surrogate: what gives the gradient, a Keras layer or a function with an output like the layer's; None is the
            layer's own `surrogate`, or the identity, or where shapes differ what `tfadv.graph.smooth` makes of it.

    Returns:
        A `keras.Model`: its outputs, bit for bit, are those of `model`.

    Raises:
        TfadvError: if the model is subclassed, for a name that it has not, and for a surrogate of another
            shape.

    >>> straight_through(model, "quantize")  # doctest: +SKIP
    """
    layers, known = layer_names(layers), names_of(model)
    for name in layers:
        if name not in known:
            raise invalid("bpda: layers", f"names of the model's layers ({', '.join(known)})", repr(name))

    def call(layer, *args, **kwargs):
        output = layer(*args, **kwargs)
        if layer.name not in layers:
            return output
        return SurrogateGradient()(_surrogate_output(layer, surrogate, output, args, kwargs), output)

    return rebuilt(model, call, opened=lambda nested: nested.name not in layers)


class SurrogateGradient(keras.Operation):
    """(surrogate, output) to the output, with the gradient of the surrogate."""

    def compute_output_spec(self, surrogate_output, output):
        return keras.KerasTensor(output.shape, output.dtype)

    def call(self, surrogate_output, output):
        passed = tf.custom_gradient(lambda _: (tf.identity(output), lambda upstream: upstream))
        return passed(tf.cast(surrogate_output, output.dtype))


class Surrogate(keras.layers.Layer):
    """A function of tensors as a layer."""

    def __init__(self, function):
        super().__init__(autocast=False)
        self.function = function

    def call(self, *args, **kwargs):
        return self.function(*args, **kwargs)


def _surrogate_output(layer, surrogate, output, args, kwargs):
    """The output of a layer's surrogate; refused where it has another shape."""
    surrogate = surrogate or getattr(layer, "surrogate", None)
    tensors = [part for part in tf.nest.flatten((args, kwargs)) if isinstance(part, keras.KerasTensor)]
    if not isinstance(output, keras.KerasTensor) or "float" not in output.dtype:
        raise TfadvError(
            f"bpda: the layer {layer.name!r} gives no floats, which a gradient needs: make one model of it and of the "
            "layers that turn its output into floats, and name that one."
        )
    if surrogate is None:
        same = len(tensors) == 1 and tensors[0].shape == output.shape
        return tensors[0] if same else SoftLayer(layer)(*args, **kwargs)
    call = surrogate if isinstance(surrogate, keras.layers.Layer) else Surrogate(surrogate)
    surrogate_output = call(*args, **kwargs)
    if surrogate_output.shape != output.shape:
        shapes = " and ".join(_shape(part) for part in tensors)
        raise TfadvError(
            f"bpda: the layer {layer.name!r} makes {_shape(output)} of {shapes}, so its surrogate, which gives "
            f"{_shape(surrogate_output)}, is no surrogate for it: give it a smooth function of the same shapes, "
            "layer.surrogate = function."
        )
    return surrogate_output


def layer_names(layers):
    """The names of one layer or several as a tuple. Raises TfadvError for anything else."""
    names = (layers,) if isinstance(layers, str) else layers
    if not isinstance(names, tuple | list) or not names or not all(isinstance(name, str) for name in names):
        raise invalid("bpda: layers", "the name of a layer, or several", repr(layers))
    return tuple(names)


def _shape(tensor):
    return "x".join("any" if size is None else str(size) for size in tensor.shape[1:])
