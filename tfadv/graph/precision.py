"""A classifier computing in another precision: mixed training, and crafting in bfloat16, faster on some CPUs."""

import itertools

import keras
from keras.layers import InputLayer, Layer, Normalization

from tfadv.errors import TfadvError, invalid, reason
from tfadv.graph.structure import operations

POLICIES = {"bfloat16": "mixed_bfloat16", "float16": "mixed_float16", "float32": "float32"}


def in_precision(model, precision):
    """A copy of a classifier with the same weights that computes in another precision; its logits are float32.

    What pixels pass before the first layer with weights, and their normalization, computes in float32: half precision
    would round them twice.

    Args:
        model: a functional or sequential `keras.Model`; models in it are copied too.
        precision: `"bfloat16"`, `"float16"` or `"float32"`.

    Raises:
        TfadvError: for a model that Keras cannot clone, such as a subclassed one, and for another precision.

    >>> fast = in_precision(model, "bfloat16")  # doctest: +SKIP
    """
    if precision not in POLICIES:
        raise invalid("precision", f"one of {', '.join(POLICIES)}", repr(precision))
    parts = operations(model)
    if any(isinstance(part, keras.Model) for part in parts):
        # Keras would clone its layers and leave out what its own `call` does.
        said = f"this classifier cannot be copied in {precision}: it, or a model in it, is subclassed or not built"
        raise TfadvError(f"{said}; leave its precision as it is.")
    layers = [part for part in parts if isinstance(part, Layer)]
    exact = {*itertools.takewhile(_without_weights, layers), layers[-1]}

    def converted(layer):
        config, policy = layer.get_config(), "float32" if layer in exact else POLICIES[precision]
        # What is no layer, as the padding of a shortcut, computes in the precision of what it is given.
        return type(layer).from_config(_with_policy(config, policy) if isinstance(layer, Layer) else config)

    try:
        copy = keras.models.clone_model(model, clone_function=converted, recursive=True)
        copy.set_weights(model.get_weights())
    except (ValueError, TypeError, NotImplementedError) as error:
        said = f"this classifier cannot be copied in {precision}: {reason(error)}"
        raise TfadvError(f"{said.rstrip('.')}; leave its precision as it is.") from error
    return copy


def precision_of(model):
    """What the layers of a classifier compute in: `"float32"`, unless one of them computes in half precision.

    >>> precision_of(keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()]))
    'float32'
    """
    # A model itself has the policy of the process that made it.
    layers = (layer for layer in model._flatten_layers() if not isinstance(layer, keras.Model))
    found = {layer.compute_dtype for layer in layers}
    return next((half for half in ("bfloat16", "float16") if half in found), "float32")


def _without_weights(layer):
    """Whether a layer has none, or none but the mean and variance of pixels."""
    return not layer.weights or isinstance(layer, Normalization)


def _with_policy(config, policy):
    """The configuration of a layer with another policy, which those that it wraps have too."""
    if isinstance(config, list):
        return [_with_policy(part, policy) for part in config]
    if not isinstance(config, dict) or config.get("class_name") == InputLayer.__name__:
        return config
    return {name: policy if name == "dtype" else _with_policy(part, policy) for name, part in config.items()}
