"""Classifiers from files, and classifiers made to return logits."""

import json
import zipfile
from pathlib import Path

from tfadv import boundary
from tfadv.errors import TfadvError, reason
from tfadv.models import saved_model


def load(path):
    """Load a classifier from a `.keras` file or a run directory, in Keras' safe mode, or from a SavedModel.

    Args:
        path: `model.keras`, a directory that holds one, or a SavedModel, `saved_models/NAME` or `saved_models/NAME/1`.

    Raises:
        TfadvError: if there is none, if it is damaged, or if it needs code that it does not carry.
    """
    import keras

    path = find(path)
    if path.is_dir():
        return saved_model.load(path)
    if not zipfile.is_zipfile(path):
        raise TfadvError(
            f"{str(path)!r} is not a complete .keras file (damaged or truncated); save it again with model.save()."
        )
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises many types for damaged archives and for unknown or unsafe code.
        raise TfadvError(f"cannot load {str(path)!r}: {_why(error)}") from error


def _why(error):
    """Keras' reason, without the model's whole configuration and without advice to trust the file."""
    text = reason(error)
    if "safe_mode" in text or "lambda" in text.lower():
        return "it holds Python code (a Lambda layer), which is never run; build the layer from Keras' own."
    if "Could not locate" in text or "custom_objects" in text:
        return f"{text.split('. ')[0]}. It needs classes of yours: rebuild it from Keras' own layers and save that."
    return text[:300]


def find(path):
    """The `.keras` file, or the directory of the SavedModel, that a user means.

    Raises:
        TfadvError: if there is none.
    """
    path = Path(path)
    if (path / "model.keras").is_file():
        return path / "model.keras"
    served = saved_model.find(path)
    if served:
        return served
    hint = "give a run of `tfadv train`, a .keras file or a SavedModel."
    if path.is_dir():
        raise TfadvError(f"the directory {str(path)!r} holds no model.keras and no saved_model.pb; {hint}")
    if not path.is_file():
        raise TfadvError(f"there is no model {str(path)!r}; {hint}")
    if path.suffix != ".keras":
        raise TfadvError(f"{str(path)!r} is not a .keras file; save the model with model.save('name.keras').")
    return path


def training_of(path):
    """What `tfadv train` wrote about the run that a model belongs to, or {} if it is not from one.

    Of a SavedModel, what `tfadv export` kept of it.
    """
    path = Path(path)
    if (path / "saved_model.pb").is_file():
        return saved_model.card(path)
    record = (path if path.is_dir() else path.parent) / "train.json"
    try:
        return json.loads(record.read_text()) if record.is_file() else {}
    except (OSError, ValueError) as error:
        raise TfadvError(
            f"cannot read {str(record)!r} ({error}); train again or name the data with --dataset."
        ) from error


def as_logits_model(model):
    """The same classifier, with the same weights, without the softmax or sigmoid at its end.

    Args:
        model: a Sequential or functional `keras.Model`.

    Raises:
        TfadvError: if the model is subclassed, or does not end in a softmax.

    >>> import keras
    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
    >>> as_logits_model(model).layers[-1].activation.__name__
    'linear'
    """
    import keras

    from tfadv.structure import is_graph

    if not is_graph(model):
        raise TfadvError(
            "as_logits_model needs a built Sequential or functional model; return logits from your own class."
        )
    # A list of one input would make Keras warn whenever the new model is called.
    inputs = model.inputs[0] if len(model.inputs) == 1 else model.inputs
    last, node, _ = model.outputs[0]._keras_history
    before = last._inbound_nodes[node].input_tensors[0]
    if isinstance(last, keras.Model):
        return keras.Model(inputs, as_logits_model(last)(before))
    if not boundary.squashes(last):
        raise TfadvError(f"the last layer {last.name!r} is no softmax: the model seems to return logits already.")
    if not getattr(last, "weights", None):
        return keras.Model(inputs, before)
    linear = type(last).from_config({**last.get_config(), "activation": "linear"})
    logits = keras.Model(inputs, linear(before))
    linear.set_weights(last.get_weights())
    return logits
