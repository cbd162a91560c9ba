"""Files: written so that a crash, a full disk or Ctrl-C leaves the old file or the new one, and read without pickle."""

import contextlib
import dataclasses
import functools
import json
import math
import os
import platform
import re
import secrets
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfadv.errors import TfadvError, invalid

HOST = re.sub(r"[^A-Za-z0-9]", "_", platform.node())
TEMPORARY = re.compile(rf"\..+\.{HOST}-(\d+)-[0-9a-f]{{8}}(\.\w+)?")
# What NumPy raises for half an archive, none, and one that was changed.
DAMAGED = (ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)


@contextlib.contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; it takes the name `path` once the block has ended well.

    The temporary path keeps the suffix of `path` (Keras chooses the format by it) and does not exist yet.
    Missing parent directories are made. A symbolic link is followed, so that the link stays a link. What a process
    that was killed has left behind in the directory is removed.

    Raises:
        TfadvError: if the file cannot be written (full or read-only disk, a directory of that name, ...).

    Example:
        with atomic("runs/demo/model.keras") as temporary:
            model.save(temporary)
    """
    path = Path(os.path.realpath(path))
    temporary = path.with_name(f".{path.stem}.{HOST}-{os.getpid()}-{secrets.token_hex(4)}{path.suffix}")
    try:
        # os.replace would put an ordinary file in the place of /dev/null.
        if path.exists() and not path.is_file():
            raise OSError(0, "not an ordinary file")
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(path.parent)
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


def _remove_leftovers(directory):
    """Remove the temporary files of processes on this machine that are no more."""
    with contextlib.suppress(OSError):  # a directory that cannot be listed, a file that another process removes
        for entry in os.scandir(directory):
            match = TEMPORARY.fullmatch(entry.name)
            if match and not _is_alive(int(match[1])):
                os.unlink(entry)


def _is_alive(process):
    if os.name == "nt":  # there, asking would end it
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _flush(path):
    """Have the disk hold it before it gets its name: after a power cut a renamed file may else be empty."""
    if os.name == "nt" and path.is_dir():
        return
    handle = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_bytes(path: str | Path, content: bytes) -> Path:
    """Write bytes atomically; returns the path. Raises TfadvError if it cannot."""
    with atomic(path) as temporary:
        temporary.write_bytes(content)
    return Path(path)


def write_text(path: str | Path, text: str) -> Path:
    """Write UTF-8 text atomically; returns the path. Raises TfadvError if it cannot.

    Bytes of a file name that are not UTF-8 (surrogates in Python) are written as escapes, valid in JSON too.
    """
    return write_bytes(path, text.encode("utf-8", "backslashreplace"))


def write_json(path: str | Path, mapping: Mapping[str, Any]) -> Path:
    """Write `plain(mapping)` as JSON, atomically; returns the path. Raises TfadvError if it cannot."""
    return write_text(path, json.dumps(plain(mapping), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_npz(path: str | Path, /, level: int = 6, **arrays: np.ndarray) -> Path:
    """Write named arrays as a compressed npz, atomically; returns the path. The same arrays give the same bytes.

    Args:
        level: of compression, 0 (none, fast) to 9.

    Raises:
        TfadvError: if an array would need pickle (which can run code), or it cannot be written.
    """
    arrays = {name: np.asarray(array) for name, array in arrays.items()}
    for name, array in arrays.items():
        if array.dtype.hasobject:
            raise invalid(f"array {name!r}", "numbers, booleans or texts of one shape", f"dtype {array.dtype}")
    with (
        atomic(path) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as archive,
    ):
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as stream:
                np.lib.format.write_array(stream, array, allow_pickle=False)
    return Path(path)


class LaterNpz(Mapping):
    """The arrays of an npz file, read when the first of them is asked for; none where there is no such file."""

    def __init__(self, path: str | Path, hint: str):
        self.path, self.hint = Path(path), hint

    @functools.cached_property
    def _arrays(self):
        return read_npz(self.path, self.hint) if self.path.exists() else {}

    def __getitem__(self, name):
        return self._arrays[name]

    def __iter__(self):
        return iter(self._arrays)

    def __len__(self):
        return len(self._arrays)


def read_npz(path: str | Path, hint: str, names: Iterable[str] | None = None) -> dict[str, np.ndarray]:
    """The arrays of an npz file by name. None is ever unpickled, and no message advises to.

    Args:
        hint: what to do where it cannot be read, `"evaluate again"`.
        names: read only these, as far as they are there.

    Raises:
        TfadvError: if the file is missing, damaged, no npz file, or holds Python objects.
    """
    path = Path(path)
    if path.exists() and not path.is_file():  # opening a named pipe would hang
        raise invalid(f"file {str(path)!r}", "a regular file", "a folder, a pipe or a device")
    try:
        with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as archive:
            wanted = [name for name in archive.files if names is None or name in names]
            _check_size(sum(e.file_size for e in archive.zip.infolist() if e.filename.removesuffix(".npy") in wanted))
            return {name: archive[name] for name in wanted}
    except OSError as error:
        raise TfadvError(f"cannot read {str(path)!r} ({error.strerror or error}); {hint}.") from error
    except MemoryError as error:
        raise TfadvError(f"there is not enough memory to read {str(path)!r} ({error}); store fewer images.") from error
    # `with` and `.files` fail thus on a bare array, a .npy file under another name.
    except (AttributeError, TypeError) as error:
        raise TfadvError(f"{str(path)!r} is not an .npz archive: {hint}.") from error
    except DAMAGED as error:
        pickled = "pickle" in str(error).lower()  # NumPy takes all that it does not know for pickled objects
        if pickled and zipfile.is_zipfile(path):
            raise TfadvError(
                f"{str(path)!r} holds Python objects, which are never loaded: {hint}; store each as one plain array "
                "of numbers or texts, e.g. np.stack(images)."
            ) from error
        why = "" if pickled else f" ({error})"
        raise TfadvError(f"{str(path)!r} is truncated or no .npz archive{why}: {hint}.") from error


def _check_size(unpacked: int):
    """A few kilobytes may unpack to more than the machine has: Linux grants it and then kills the process."""
    if hasattr(os, "sysconf") and unpacked > os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"):
        raise MemoryError(f"{unpacked / 2**30:,.0f} GiB unpacked")


def plain(value: Any) -> Any:
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
