"""What a training starts from, where that is a model and no file yet: the run keeps it, and can be resumed."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import keras

from tfadv import files, runs
from tfadv.errors import TfadvError, reason
from tfadv.models import classifier


def named(settings: dict, out: str | Path) -> tuple[dict, keras.Model | None]:
    """Settings in which a model is named by the file that the run in `out` keeps of it, and that model, or None."""
    model = settings.get("model")
    if not isinstance(model, keras.Model):
        return settings, None
    return settings | {"model": str(Path(out) / runs.START)}, model


@contextlib.contextmanager
def written(model: keras.Model | None, path: str | Path, resume: bool) -> Iterator[None]:
    """Write a model to the file that a training starts from; it is removed again if the block refuses the training.

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
    except TfadvError:
        Path(path).unlink(missing_ok=True)
        raise
