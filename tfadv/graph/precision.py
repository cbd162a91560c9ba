"""A classifier computing in another precision: mixed training, and crafting in bfloat16, faster on some CPUs."""

import keras

from tfadv.errors import TfadvError, invalid, reason
from tfadv.graph.structure import is_graph

POLICIES = {"bfloat16": "mixed_bfloat16", "float16": "mixed_float16", "float32": "float32"}


def in_precision(model, precision):
    """A copy of a classifier with the same weights that computes in another precision; its logits are float32.

    Args:
        model: a functional or sequential `keras.Model`.
        precision: `"bfloat16"`, `"float16"` or `"float32"`.

    Raises:
        TfadvError: for a model that Keras cannot clone, such as a subclassed one, and for another precision.

    >>> fast = in_precision(model, "bfloat16")  # doctest: +SKIP
    """
    if precision not in POLICIES:
        raise invalid("precision", f"one of {', '.join(POLICIES)}", repr(precision))
    if not is_graph(model):
        # Keras would clone its layers and leave out what its own `call` does.
        said = f"this classifier cannot be copied in {precision}: it is subclassed or not built"
        raise TfadvError(f"{said}; leave its precision as it is.")
    last = model.layers[-1]

    def converted(layer):
        config = layer.get_config()
        # What is no layer, as the padding of a shortcut, computes in the precision of what it is given.
        if isinstance(layer, keras.layers.Layer) and not isinstance(layer, keras.layers.InputLayer):
            config["dtype"] = "float32" if layer is last else POLICIES[precision]
        return type(layer).from_config(config)

    try:
        copy = keras.models.clone_model(model, clone_function=converted)
        copy.set_weights(model.get_weights())
    except (ValueError, TypeError, NotImplementedError) as error:
        said = f"this classifier cannot be copied in {precision}: {reason(error)}"
        raise TfadvError(f"{said.rstrip('.')}; leave its precision as it is.") from error
    return copy
