"""Writing files so that a crash, a full disk or Ctrl-C leaves the old file or the new one, never a half."""

import contextlib
import dataclasses
import json
import math
import os
import secrets
from pathlib import Path

import numpy as np

from tfadv.errors import TfadvError, invalid


@contextlib.contextmanager
def atomic(path):
    """Yield a temporary path beside `path`; it takes the name `path` once the block has ended well.

    The temporary path keeps the suffix of `path` (Keras chooses the format by it) and does not exist yet.
    Missing parent directories are made. A symbolic link is followed, so that the link stays a link.

    Raises:
        TfadvError: if the file cannot be written (full or read-only disk, a directory of that name, ...).

    Example:
        with atomic("runs/demo/model.keras") as temporary:
            model.save(temporary)
    """
    path = Path(os.path.realpath(path))
    temporary = path.with_name(f".{path.stem}.{os.getpid()}-{secrets.token_hex(4)}{path.suffix}")
    try:
        # os.replace would put an ordinary file in the place of /dev/null.
        if path.exists() and not path.is_file():
            raise OSError(0, "not an ordinary file")
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        _flush(temporary)
        os.replace(temporary, path)
        with contextlib.suppress(OSError):  # Some network disks cannot flush a directory; the file is there.
            _flush(path.parent)
    except OSError as error:
        raise TfadvError(f"cannot write {str(path)!r} ({error.strerror or error}).") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def _flush(path):
    """Have the disk hold it before it gets its name: after a power cut a renamed file may else be empty."""
    if os.name == "nt" and path.is_dir():
        return
    handle = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_bytes(path, content):
    """Write bytes atomically; returns the path. Raises TfadvError if it cannot."""
    with atomic(path) as temporary:
        temporary.write_bytes(content)
    return Path(path)


def write_text(path, text):
    """Write UTF-8 text atomically; returns the path. Raises TfadvError if it cannot.

    Bytes of a file name that are not UTF-8 (surrogates in Python) are written as escapes, valid in JSON too.
    """
    return write_bytes(path, text.encode("utf-8", "backslashreplace"))


def write_json(path, mapping):
    """Write `plain(mapping)` as JSON, atomically; returns the path. Raises TfadvError if it cannot."""
    return write_text(path, json.dumps(plain(mapping), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_npz(path, **arrays):
    """Write named arrays as a compressed npz, atomically; returns the path.

    Raises:
        TfadvError: if an array would need pickle (nobody should have to trust one), or it cannot be written.
    """
    arrays = {name: np.asarray(array) for name, array in arrays.items()}
    for name, array in arrays.items():
        if array.dtype.hasobject:
            raise invalid(f"array {name!r}", "numbers, booleans or texts of one shape", f"dtype {array.dtype}")
    with atomic(path) as temporary, open(temporary, "wb") as stream:
        np.savez_compressed(stream, **arrays)
    return Path(path)


def plain(value):
    """The value in JSON's types: arrays and tuples become lists, dataclasses dicts, paths texts, NaN None.

    >>> plain({"median": np.float32("nan"), "interval": (0.25, np.float64(0.5))})
    {'median': None, 'interval': [0.25, 0.5]}
    """
    if dataclasses.is_dataclass(value):
        return plain(dataclasses.asdict(value))
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, os.PathLike) else value
