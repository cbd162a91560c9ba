"""Classifiers from files, and classifiers made to return logits."""

import json
import re
import typing
import zipfile
from pathlib import Path

from tfadv import files, layers, runs
from tfadv.errors import TfadvError, reason
from tfadv.models import saved_model

if typing.TYPE_CHECKING:
    import keras


def load(path: str | Path) -> "keras.Model":
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
    layers.register()
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises many types for damaged archives and for unknown or unsafe code.
        raise TfadvError(f"cannot load {str(path)!r}: {_why(error)}") from error


def _why(error):
    """Keras' reason, without the model's whole configuration and without advice to trust the file."""
    text, missing = reason(error), re.search(r"Could not locate \w+ '[^']*'", str(error))
    if "safe_mode" in text or "lambda" in text.lower():
        return "it holds Python code (a Lambda layer), which is never run; build the layer from Keras' own."
    if missing:  # of a layer of a model inside another, at the end of a long text
        said = "import the module that registers it with @keras.saving.register_keras_serializable()"
        return f"{missing[0]}: {said} first, on the command line with --import MODULE."
    return text[:300]


def draws_by_keras(path: str | Path) -> bool:
    """Whether a `.keras` file holds only layers and functions of Keras and tfadv, which draw by Keras' seed generators.

    Not where it cannot be read.

    Raises:
        TfadvError: if there is none.
    """
    try:
        with zipfile.ZipFile(find(path)) as archive:
            return _draws_by_keras(json.loads(archive.read("config.json")))
    except (OSError, KeyError, *files.DAMAGED):  # `load` says why
        return False


def _draws_by_keras(config):
    if isinstance(config, list):
        return all(map(_draws_by_keras, config))
    if not isinstance(config, dict):
        return True
    others = config.get("class_name") in ("Lambda", "TFSMLayer")  # they run what they are given
    known = f"{config.get('module', 'keras')}.".startswith(("keras.", "tfadv.layers."))
    return not others and known and _draws_by_keras([*config.values()])


def find(path: str | Path) -> Path:
    """The `.keras` file, or the directory of the SavedModel, that a user means.

    Raises:
        TfadvError: if there is none.
    """
    path = Path(path)
    if (path / runs.MODEL).is_file():
        return path / runs.MODEL
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

    Raises:
        TfadvError: if it cannot be read, or is not what tfadv writes.
    """
    path = Path(path)
    if (path / runs.SAVED_MODEL).is_file():
        return saved_model.card(path)
    return runs.training(path if path.is_dir() else path.parent)
