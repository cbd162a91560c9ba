"""The door to all data: `load` by name or path, `describe` what there is, `prepare` what is not there yet."""

import os
from pathlib import Path
from typing import Any

from tfadv.data import DATASETS
from tfadv.data.split import Dataset, Split
from tfadv.errors import TfadvError, invalid

__all__ = ["Dataset", "Split", "describe", "load", "prepare"]


def load(name: str | Path, data_dir: str | Path | None = None, download: bool = False) -> Dataset:
    """Load a data set.

    Args:
        name: a registered name (`"digits"`), or the path of a folder of class folders or of an `.npz` file.
        data_dir: where TFDS' data are; nowhere else is looked then. Else TFDS_DATA_DIR or TFDS' default, and
            for Fashion-MNIST Debian's package.
        download: whether TFDS may download what is missing.

    Returns:
        A Dataset.

    Raises:
        TfadvError: if there is no such data set, or its data are missing, damaged or no images with labels.

    >>> load("digits").test.x.shape
    (360, 8, 8, 1)
    """
    known = _as_registered(name)
    if known in DATASETS:
        return DATASETS.get(known).load(data_dir, download)
    path = Path(name).expanduser()
    if path.is_dir():
        return _load_folder(path)
    if path.suffix == ".npz" or path.is_file():
        return _load_file(path)
    raise _unknown(name)


def prepare(name: str, data_dir: str | Path | None = None) -> str | Path:
    """Download a registered data set unless it is there, read it as a check, and return where it is.

    Raises:
        TfadvError: for an unknown name, without network (within seconds), or if what came is damaged.
    """
    return DATASETS.get(_as_registered(name)).prepare(data_dir)


def describe(data_dir: str | Path | None = None) -> list[dict[str, Any]]:
    """What can be loaded by name, without loading it: neither TensorFlow nor the network is touched.

    Returns:
        A list of dicts: name, train and test (numbers of images), shape, classes, prepared (bool), where.
    """
    return [_row(DATASETS.get(name), data_dir) for name in DATASETS]


def _as_registered(name) -> str:
    return str(name).strip().lower().replace("-", "_")


def _row(entry, data_dir):
    where = entry.find(data_dir)
    return {
        "name": entry.name,
        "train": entry.train,
        "test": entry.test,
        "shape": entry.shape,
        "classes": entry.classes,
        "prepared": where is not None,
        "where": str(where) if where else f"run `tfadv data prepare {entry.name}`",
    }


def _load_folder(path):
    from tfadv.data.folder import load_folder

    return load_folder(path)


def _load_file(path):
    from tfadv.data.archive import load_npz

    if path.suffix != ".npz":
        raise invalid(f"data file {str(path)!r}", "an .npz archive", f"{path.suffix or 'no'} suffix")
    return load_npz(path)


def _unknown(name):
    if os.sep in str(name):
        return TfadvError(f"there is no data set at {str(name)!r}: give a folder of class folders or an .npz file.")
    try:
        DATASETS.get(name)
    except TfadvError as error:
        return TfadvError(
            f"{str(error).rstrip('.')}; the path of a folder of class folders or of an .npz file works too."
        )
