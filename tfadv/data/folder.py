"""Data sets in folders: `animals/cat/1.png`, `animals/dog/2.jpg`, or the same below `train/` and `test/`."""

from pathlib import Path

import numpy as np

from tfadv.data.split import Dataset, Split
from tfadv.errors import TfadvError, invalid

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")


def load_folder(path):
    """Read a folder of class folders; the classes are their names, sorted, and so are the files within each.

    With `train/` and `test/` inside, each holds the class folders; without, the one split serves as both, and
    `same_split` says so. All images have one shape, grayscale or RGB.

    Raises:
        TfadvError: if there are no images, or one is damaged, of another shape or no regular file, and which.
    """
    root = Path(path)
    divided = (root / "train").is_dir() and (root / "test").is_dir()
    classes = _classes(root / "train" if divided else root)
    train = _split(root / "train" if divided else root, classes)
    test = _test(root / "test", classes) if divided else train
    # A file name that is not UTF-8 has surrogates, which neither figures nor exported models can hold.
    names = tuple(name.encode("utf-8", "backslashreplace").decode() for name in classes)
    return Dataset(str(path), train, test, names, str(root.resolve()), same_split=test is train)


def _test(root, classes):
    unknown = [name for name in _classes(root) if name not in classes]
    if unknown:
        raise invalid(f"class folders of {str(root)!r}", f"those of training, {', '.join(classes)}", unknown[0])
    return _split(root, classes)


def _classes(root):
    try:
        names = sorted(child.name for child in root.iterdir() if child.is_dir() and not child.name.startswith("."))
    except OSError as error:
        raise TfadvError(f"cannot read {str(root)!r} ({error.strerror or error}).") from error
    if not names:
        raise invalid(
            f"folder {str(root)!r}",
            "one folder of images per class",
            "none",
            "put them in cat/1.png, dog/2.png, ...",
        )
    return names


def _split(root, classes):
    files, labels = [], []
    for label, name in enumerate(classes):
        found = _files(root / name)
        files += found
        labels += [label] * len(found)
    if not files:
        raise invalid(f"folder {str(root)!r}", "images", "none")
    return Split(_stack(files), np.array(labels, np.int32))


def _files(folder):
    if not folder.is_dir():  # a class that has no test images
        return []
    images = images_in(folder)
    if not images:
        raise invalid(f"class folder {str(folder)!r}", f"images ({', '.join(SUFFIXES[:3])}, ...)", "none")
    return images


def images_in(folder):
    """The image files of a folder, sorted.

    Raises:
        TfadvError: if one is no regular file.
    """
    files = sorted(file for file in folder.iterdir() if not file.name.startswith("."))
    images = [file for file in files if file.suffix.lower() in SUFFIXES]
    for file in images:
        if not file.is_file():  # opening a named pipe would hang
            received = "a folder" if file.is_dir() else "a pipe, a socket, a device or a broken link"
            raise invalid(f"image {str(file)!r}", "a regular file", received, "remove it.")
    return images


def _stack(files):
    images = [read_image(files[0])]
    for file in files[1:]:
        images.append(read_image(file))
        if images[-1].shape != images[0].shape:
            raise invalid(
                f"image {str(file)!r}", f"the shape {images[0].shape} of {files[0].name}", images[-1].shape,
                "images are never resized here: give them one size and one color mode first.",
            )  # fmt: skip
    return np.stack(images)


def read_image(file):
    """Decode one image: uint8, (height, width, 1) if it is grayscale, else (height, width, 3).

    Raises:
        TfadvError: if it is damaged, transparent or of more than 8 bits per channel.
    """
    image = opened(file)
    return np.asarray(image).reshape(image.height, image.width, -1)


def opened(file):
    """One image of 8 bits per channel, gray or RGB, as Pillow has it.

    Raises:
        TfadvError: see `read_image`.
    """
    from PIL import Image

    try:
        with Image.open(file) as image:
            image.load()
            return _eight_bits(file, image)
    except TfadvError:
        raise
    # A decoder fed damaged bytes raises whatever it stumbles over, SyntaxError included.
    except Exception as error:
        raise TfadvError(f"cannot read the image {str(file)!r} ({error}): replace or remove it.") from error


def _eight_bits(file, image):
    if image.mode.startswith(("I", "F")):
        raise invalid(f"image {str(file)!r}", "8 bits per channel", f"mode {image.mode}")
    if image.has_transparency_data and image.convert("RGBA").getextrema()[3][0] < 255:
        raise invalid(f"image {str(file)!r}", "grayscale or RGB", "transparent pixels", "flatten it on a background.")
    return image.convert("L" if image.mode in ("L", "LA", "1") else "RGB")
