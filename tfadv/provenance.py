"""Where a number comes from: versions, machine, command and time. Imports no TensorFlow."""

import datetime
import hashlib
import importlib.metadata
import os
import platform
import shlex
import sys
from pathlib import Path
from typing import Any

import numpy as np

from tfadv.version import __version__


def provenance(**facts: object) -> dict[str, Any]:
    """What every result records: versions, platform, cores, command and date, and the facts given.

    >>> sorted(provenance(seed=0))[:3]
    ['command', 'cores', 'date']
    """
    return {
        "tfadv": __version__,
        **{name: version(name) for name in ("tensorflow", "keras", "numpy")},
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "command": command(),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        **facts,
    }


def version(package: str) -> str | None:
    """An installed package's version, or None; tensorflow-cpu counts as tensorflow."""
    for name in (package, f"{package}-cpu"):
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return None


def command() -> str:
    """The command line, with the program's path shortened to its name."""
    return shlex.join([os.path.basename(sys.argv[0]) or "python", *sys.argv[1:]])


def processor() -> str:
    """The processor's name as the system gives it."""
    try:
        with open("/proc/cpuinfo") as lines:
            return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def digest(path: str | Path) -> str:
    """sha256 of a file; of a folder over the names and contents of all files in it, in the order of their names.

    Raises:
        OSError: if it cannot be read.

    >>> digest("/dev/null")[:8]
    'e3b0c442'
    """
    path = Path(path)
    if not path.is_dir():
        with open(path, "rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    inside = sorted(entry.relative_to(path).as_posix() for entry in path.rglob("*") if entry.is_file())
    lines = "".join(f"{digest(path / name)}  {name}\n" for name in inside)
    return hashlib.sha256(lines.encode("utf-8", "surrogateescape")).hexdigest()


def fingerprint(*arrays: np.ndarray) -> str:
    """sha256 over arrays, their types and shapes: whether two results saw the same images or weights.

    >>> fingerprint(np.zeros(2)) == fingerprint(np.zeros(2, "float32"))
    False
    """
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype}{array.shape}".encode())
        # As bytes: a type that NumPy does not know itself, bfloat16, has no buffer.
        digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()
