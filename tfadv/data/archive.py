"""Data sets in an `.npz` file: `np.savez("mine.npz", x=images, y=labels)`."""

from pathlib import Path

from tfadv import files
from tfadv.data.split import Dataset, Split, numbered_classes
from tfadv.errors import TfadvError, invalid

TRAIN, TEST, UNDIVIDED = ("x_train", "y_train"), ("x_test", "y_test"), ("x", "y")


def load_npz(path):
    """Read `x`, `y` or `x_train`, `y_train`, `x_test`, `y_test`, and `class_names` where given.

    Images are uint8, or float in [0, 1]; (n, height, width, channels), or (n, height, width) for grayscale.
    With `x`, `y` the one split serves as both, and `same_split` says so. `x_test`, `y_test` alone are enough to judge a
    model. Pickled objects are never loaded.

    Raises:
        TfadvError: if the file cannot be read, or its arrays are not images and labels.
    """
    path = Path(path)
    wanted = {*TRAIN, *TEST, *UNDIVIDED, "class_names"}
    arrays = files.read_npz(path, "write it with np.savez(path, x=x, y=y)", wanted)
    divided = set(TEST) <= set(arrays) and (set(TRAIN) <= set(arrays) or not {*TRAIN, *UNDIVIDED} & set(arrays))
    if not divided and not set(UNDIVIDED) <= set(arrays):
        found = ", ".join(arrays) or "none"
        expected = "x and y, or x_test and y_test, and to train on x_train and y_train too"
        raise invalid(f"arrays of {path.name}", expected, found)
    test = _split(path, arrays, TEST if divided else UNDIVIDED)
    train = test if not divided else _split(path, arrays, TRAIN) if TRAIN[0] in arrays else None
    names = _names(path, arrays.get("class_names"), train or test, test)
    return Dataset(str(path), train, test, names, str(path.resolve()), same_split=test is train)


def _split(path, arrays, keys):
    images, labels = (arrays[key] for key in keys)
    try:
        return Split(images[..., None] if images.ndim == 3 else images, labels)
    except TfadvError as error:
        raise TfadvError(f"{path.name}: {error}") from None


def _names(path, names, train, test):
    if names is None:
        return numbered_classes(train.labels, test.labels)
    if names.ndim != 1 or names.dtype.kind not in "US":
        raise invalid(
            f"class_names of {path.name}",
            "an array of strings, one per class",
            f"{names.dtype} {names.shape}",
        )
    return tuple(name.decode(errors="replace") if isinstance(name, bytes) else str(name) for name in names)
