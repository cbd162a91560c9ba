"""What a run directory holds, and the names of its files: said once. Imports no TensorFlow."""

import contextlib
import json
import os
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tfadv.errors import TfadvError, invalid

# What `tfadv train` writes: the classifier, the one of the last epoch where another is the best, settings and outcome,
# one row of metrics an epoch; until the training is finished, all that it needs to go on.
MODEL, LAST, TRAIN, HISTORY, BACKUP = "model.keras", "last.keras", "train.json", "history.csv", "backup.npz"
# The model that a training in Python was given, to start from.
START = "start.keras"
# What `tfadv evaluate` writes, and what it goes on from.
RESULT, PER_EXAMPLE, GALLERY, FOOLING = "result.json", "per_example.npz", "gallery.npz", "fooling.npz"
# The digests of the files above, as `sha256sum --check` reads them.
SUMS = "SHA256SUMS"
PARTIAL, PARTIAL_BATCHES = "evaluation.partial.npz", "evaluation.partial"
REPORT, REPORT_MARKDOWN, FIGURES = "report.html", "report.md", "figures"
# What `tfadv export` writes beside TensorFlow's own file.
CARD, SAVED_MODEL = "card.json", "saved_model.pb"
# Held while a command writes to the directory.
LOCK = ".lock"

NAMES = str | list | None
SETTINGS = {"dataset": str, "model": str, "method": str, "epochs": int, "attack": NAMES, "threat": NAMES}
TRAINING = {"settings": dict, "source": str, "class_names": list, "finished": bool}
KINDS = {dict: "a mapping", list: "a list", str: "a text", bool: "true or false", int: "a whole number"}


def training(directory: str | Path) -> dict[str, Any]:
    """What `tfadv train` wrote about the run in a directory, or {} if there is none.

    Raises:
        TfadvError: if the file cannot be read, or is not what `tfadv train` writes.
    """
    path = Path(directory) / TRAIN
    if not path.is_file():
        return {}
    try:
        record = json.loads(path.read_text("utf-8"))
        check(record, TRAINING)
        check(record["settings"], SETTINGS, "settings.")
    except (OSError, ValueError, RecursionError) as error:
        raise TfadvError(
            f"cannot read {str(path)!r} ({str(error).rstrip('.')}); train again, or delete it and name the data with "
            "--dataset."
        ) from error
    return record


def check(record: object, shape: dict[str, Any], where: str = "") -> None:
    """Raises TfadvError unless a record read from JSON is a mapping with these keys and types."""
    if not isinstance(record, dict):
        raise invalid(where.rstrip(".") or "the record", KINDS[dict], repr(record)[:60])
    for key, kind in shape.items():
        value = record.get(key)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise invalid(where + key, KINDS.get(kind, "a text or a list of texts"), repr(value)[:60])


@contextlib.contextmanager
def locked(directory: str | Path, doing: str) -> Iterator[None]:
    """Keep other processes from writing to a directory: `with locked(out, "training"): ...`.

    The system lets go of the lock when the process ends, however it ends. Where it cannot lock files (Windows, some
    network disks), nothing is locked.

    Args:
        directory: is made if it does not exist, and removed again if nothing was written to it.
        doing: what the other process is told, `"training"`.

    Raises:
        TfadvError: if another process, or another thread, holds the lock, or the directory cannot be written.
    """
    directory = Path(directory)
    made = not directory.exists()
    try:
        directory.mkdir(parents=True, exist_ok=True)
        handle = _lock(directory / LOCK, f"process {os.getpid()} on {platform.node()} is {doing} there")
    except OSError as error:
        raise TfadvError(
            f"cannot write to the directory {str(directory)!r} ({error.strerror or error}); choose another one."
        ) from error
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # removed by others, or something was written
            (directory / LOCK).unlink()
            if made:
                directory.rmdir()
        os.close(handle)


def _lock(path, holder):
    """The open file that holds the lock, with the holder's description in it."""
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            if not _is_free(handle):
                other = os.read(handle, 200).decode(errors="replace") or "another process is at work there"
                raise TfadvError(
                    f"{str(path.parent)!r} is in use: {other}. Wait until it has ended, or choose another directory "
                    "with --out."
                )
            # The holder before may have removed the file between our opening and locking it.
            if path.exists() and os.path.samestat(os.fstat(handle), os.stat(path)):
                os.truncate(handle, 0)
                os.write(handle, holder.encode())
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def _is_free(handle):
    """Whether the lock is this process' own from now on; also where the system has no locks."""
    try:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except (ImportError, OSError):
        return True
    return True
