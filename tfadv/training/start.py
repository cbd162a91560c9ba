"""What a training starts from: which model that is, and a file of one that is none yet, so that it can be resumed."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np

from tfadv import files, runs
from tfadv.errors import TfadvError, reason
from tfadv.models import classifier
from tfadv.provenance import fingerprint

# What a configuration says of a model besides what it computes: how it came to its weights, what draws of it are seeded
# with, whether it has been called or compiled.
NO_PART = ("seed", "build_config", "build_input_shape", "compile_config", "shared_object_id")


def named(settings: dict, out: str | Path) -> tuple[dict, keras.Model | None]:
    """Settings in which a model is named by the file that the run in `out` keeps of it, and that model, or None."""
    model = settings.get("model")
    if not isinstance(model, keras.Model):
        return settings, None
    return settings | {"model": str(Path(out) / runs.START)}, model


def identity(model: keras.Model) -> dict[str, str | None]:
    """What tells the model that a training starts from from others: digests of its weights and its architecture.

    The architecture is that of its `get_config`, whatever its layers are called; None where it has none.

    Raises:
        TfadvError: for a model that does not know the shape of its images yet.

    >>> identity(tfadv.models.build("mlp", (8, 8, 1), 10))  # doctest: +SKIP
    {'start': 'b6f1...', 'architecture': '9c0e...'}
    """
    if getattr(model, "input_shape", None) is None:
        hint = "build it first: begin a Sequential with keras.Input(shape), wrap another in keras.Model(x, model(x))."
        raise TfadvError(f"the model {model.name!r} does not say which images it takes; {hint}")
    weights = fingerprint(*model.get_weights())
    try:
        config = json.dumps([type(model).__name__, _unnamed(model.get_config())], sort_keys=True)
    except (NotImplementedError, TypeError, ValueError):  # where it must be written, `written` says why it cannot be
        return {"start": weights, "architecture": None}
    return {"start": weights, "architecture": fingerprint(np.frombuffer(config.encode(), np.uint8))}


def _unnamed(config, names=None, key=""):
    """A configuration with the number of each name in the order in which they come, in the model that it is in."""
    if isinstance(config, dict) and key != "dtype":
        names = {} if names is None or "layers" in config else names
        parts = {key: part for key, part in config.items() if not key.endswith("_initializer") and key not in NO_PART}
        return {key: _unnamed(part, names, key) for key, part in parts.items()}
    if isinstance(config, list | tuple):
        return [_unnamed(part, names, key) for part in config]
    if isinstance(config, str) and key in ("name", "keras_history", "input_layers", "output_layers"):
        return names.setdefault(config, len(names))
    return config


@contextlib.contextmanager
def written(model: keras.Model | None, path: str | Path, resume: bool) -> Iterator[None]:
    """Write a model to the file that a training starts from; it is removed again if the block raises.

    Args:
        model: None writes nothing.
        resume: what the run has kept stays.

    Raises:
        TfadvError: for a model that Keras cannot write, or that cannot be loaded in its safe mode.
    """
    if model is None or (resume and Path(path).is_file()):
        yield
        return
    try:
        with files.atomic(path) as temporary:
            model.save(temporary)
            classifier.load(temporary)
    except (NotImplementedError, TypeError, ValueError) as error:  # what Keras cannot write, or not load
        why = str(error).rpartition(": ")[2] if isinstance(error, TfadvError) else f"{reason(error).rstrip('.')}."
        said = f"cannot keep the model {model.name!r}, which the run needs to be resumed: {why}"
        raise TfadvError(f"{said} Build it from registered layers, or give a spec such as 'mlp'.") from error
    try:
        yield
    except Exception:
        Path(path).unlink(missing_ok=True)
        raise
