"""Export in TensorFlow Serving's layout, `<directory>/<name>/<version>/`, all of it or nothing."""

import contextlib
import datetime
import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

import tfadv
from tfadv import files, remedies, runs, validation
from tfadv.errors import TfadvError, invalid, reason, writable_directory
from tfadv.graph.inference import inference_model
from tfadv.serving import check, signatures


@dataclass(frozen=True)
class Exported:
    """What was exported.

    Attributes:
        path: the directory of the version, which holds the SavedModel and its card.
        name, version: as TensorFlow Serving addresses it.
        max_difference: the largest difference of logits between the Keras model and the reloaded SavedModel.
    """

    path: Path
    name: str
    version: int
    max_difference: float

    @property
    def card(self) -> Path:
        """The path of card.json, which says what the model is, where it comes from and how it was checked."""
        return self.path / runs.CARD


def export(
    model: keras.Model,
    directory: str | Path = "saved_models",
    *,
    name: str | None = None,
    version: int | None = None,
    class_names: Sequence[str] | None = None,
    record: dict[str, Any] | None = None,
) -> Exported:
    """Write a SavedModel that needs neither tfadv nor Keras, reload it and compare its answers.

    TensorFlow Serving may watch the directory meanwhile: a version appears there complete and checked, or
    not at all.

    Args:
        model: a built classifier, images (n, h, w, c) in [0, 1] to logits; the preprocessing is inside it.
        directory: the folder of all models.
        name: the model's name there; None is `model.name`.
        version: a whole number of at least 1; None is the one after the highest there is. Never overwritten.
        class_names: one for each class; None is "0", "1", ...
        record: what is known of training and evaluation (accuracies, threat model, ...), kept in the card.

    Returns:
        An Exported.

    Raises:
        TfadvError: for a model that is not built or not a classifier, an invalid name, a version that exists,
            a directory that cannot be written, and a SavedModel that answers otherwise than the model.

    >>> export(model, name="robust").path  # doctest: +SKIP
    PosixPath('saved_models/robust/1')
    """
    class_names = _class_names(_checked_classes(model), class_names)
    model = inference_model(model)  # what is judged is what is served
    name = _checked_name(model.name if name is None else name)
    home = Path(directory) / name
    version = _free_version(home, version)
    with _appearing(home, version) as temporary:
        signatures.write(model, class_names, temporary)
        difference = check.largest_difference(model, class_names, temporary)
        facts = {"name": name, "version": version, "classes": class_names, "max_difference": difference}
        files.write_json(temporary / runs.CARD, _card(model, temporary, facts, record))
    return Exported(home / str(version), name, version, difference)


def _checked_classes(model):
    """The number of classes of a model that can be exported."""
    if not isinstance(model, keras.Model):
        raise invalid("the model to export", "a keras.Model", type(model).__name__)
    shape = getattr(model, "input_shape", None) if model.built else None
    if isinstance(shape, list):
        validation.one_input(model)
    if not isinstance(shape, tuple) or len(shape) != 4:
        raise invalid(
            "the model to export",
            "a built model of images (n, height, width, channels)",
            f"{type(model).__name__} {model.name!r} with the input shape {shape}",
            _how_to_wrap(shape),
        )
    return validation.classifier(model, validation.images(check.fixed_images(shape) / 255))


def _how_to_wrap(shape):
    if not shape or len(shape) not in (2, 3):
        return "wrap it: x = keras.Input((height, width, channels)); model = keras.Model(x, model(x))."
    images = "(height, width, channels)" if len(shape) == 2 else (*shape[1:], 1)
    return remedies.behind(f"Reshape({shape[1:]})", images)


def _class_names(classes, class_names):
    names = [str(label) for label in (range(classes) if class_names is None else class_names)]
    if len(names) != classes:
        raise invalid("class names", f"one for each of the {classes} classes", len(names))
    return names


def _checked_name(name):
    # TensorFlow Serving puts it into paths and into URLs, where / and : have meanings.
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", name):
        hint = "give another one with --name."
        raise invalid("the name of an exported model", "letters, digits, - _ and .", repr(name), hint)
    return name


def _free_version(home, version):
    """The wanted version, or the one after the highest, if it does not exist."""
    if version is None:
        taken = [int(path.name) for path in home.glob("*") if re.fullmatch("[0-9]+", path.name)]
        return max(taken, default=0) + 1
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise invalid("version", "a whole number of at least 1", repr(version))
    if os.path.lexists(home / str(version)):
        raise _exists(home / str(version))
    return version


def _exists(path):
    return TfadvError(f"{str(path)!r} exists and is not overwritten; leave the version out to take the next one.")


@contextlib.contextmanager
def _appearing(home, version):
    """Yield a directory that takes the version's name once the block has ended well, and else vanishes.

    Its temporary name is no number, so that TensorFlow Serving overlooks it.
    """
    # Only what is created here may be removed again.
    was_there = home.exists()
    writable_directory(home)
    temporary = home / f".exporting-{version}-{os.getpid()}-{secrets.token_hex(4)}"
    try:
        yield temporary
        _rename(temporary, home / str(version))
    except (OSError, tf.errors.OpError) as error:
        # TensorFlow writes "PATH; No space left on device", where the path is the temporary one.
        why = getattr(error, "strerror", None) or reason(error).rpartition("; ")[2]
        raise TfadvError(f"cannot export to {str(home)!r} ({why}); nothing was exported.") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        if not was_there:
            with contextlib.suppress(OSError):  # it is not empty after a good end
                home.rmdir()


def _rename(temporary, path):
    # Renaming replaces an empty directory without a word; one with files in it is refused by the system.
    if os.path.lexists(path):
        raise _exists(path)
    os.rename(temporary, path)


def _card(model, directory, facts, record):
    return {
        **facts,
        "input": {
            "shape": list(model.input_shape),
            "range": [0.0, 1.0],
            "dtype": "float32 (signature uint8: 0 to 255)",
        },
        "parameters": model.count_params(),
        "exported": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "versions": {"tfadv": tfadv.__version__, "keras": keras.__version__, "tensorflow": tf.__version__},
        "record": record or {},
        "sha256": {p.relative_to(directory).as_posix(): _seal(p) for p in sorted(directory.rglob("*")) if p.is_file()},
    }


def _seal(path):
    """The sha256 of a file that is safely on the disk: after a power cut a renamed file may else be empty."""
    with open(path, "rb+") as stream:
        os.fsync(stream.fileno())
        return hashlib.file_digest(stream, "sha256").hexdigest()
