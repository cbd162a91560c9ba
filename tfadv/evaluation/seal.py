"""Whether anything was altered: digests of what a result consists of and of what it is about. No TensorFlow here."""

import os
from pathlib import Path

from tfadv import runs
from tfadv.errors import TfadvError
from tfadv.provenance import digest, fingerprint

SEALED = (runs.RESULT, runs.PER_EXAMPLE, runs.GALLERY, runs.FOOLING)
# Folders of images above it are known by the images that were judged alone: reading them all takes too long.
LARGEST = 2**30


def sums(directory):
    """The lines of SHA256SUMS for the files of a result: `sha256sum --check SHA256SUMS` reads them too."""
    inside = [Path(directory) / name for name in SEALED]
    return "".join(f"{digest(path)}  {path.name}\n" for path in inside if path.is_file())


def altered(directory):
    """The names of the files that are no longer as they were written, SHA256SUMS among them; none if all are.

    Raises:
        TfadvError: if there is no SHA256SUMS, or a file cannot be read.
    """
    try:
        written = (Path(directory) / runs.SUMS).read_bytes().splitlines(keepends=True)
        now = sums(directory).encode().splitlines(keepends=True)
    except FileNotFoundError:
        raise TfadvError(
            f"{str(directory)!r} has no {runs.SUMS}: evaluate again, for this result was written by a tfadv that kept "
            "no evidence, or its evidence was removed."
        ) from None
    except OSError as error:
        raise TfadvError(f"cannot read {str(directory)!r} ({error.strerror or error}).") from error
    names = lambda lines: {line[66:].decode(errors="replace").strip() for line in lines}  # noqa: E731
    changed = names(set(now) ^ set(written))
    if not changed and now != written:
        return [runs.SUMS]
    return sorted(name if name in SEALED else runs.SUMS for name in changed)


def fingerprints(model, path, dataset):
    """What tells a model and its data from others: sha256 of the weights as arrays, and of their files.

    Args:
        model: a `keras.Model`; path: the file or the folder that it was loaded from, or None.
        dataset: a `Dataset`.

    Returns:
        `weights`; `model` and `data`, each None where there are no files, as for data that are loaded by name.
    """
    return {
        "weights": fingerprint(*model.get_weights()),
        "model": digest(path) if path and Path(path).exists() else None,
        "data": _of_data(dataset),
    }


def _of_data(dataset):
    """Of a data set that is a file or a folder of the user's; others are known by their images alone."""
    path = Path(dataset.name).expanduser()
    if str(path.resolve()) != dataset.source or not path.exists() or _size(path) > LARGEST:
        return None
    return digest(path)


def _size(path):
    return sum(os.path.getsize(file) for file in ([path] if path.is_file() else path.rglob("*")))
