"""Fashion-MNIST, which Debian carries as a package: `apt install dataset-fashion-mnist`.

Source: H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST", arXiv:1708.07747. The package holds the
original IDX files.
"""

import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfadv.data.prepared import Prepared
from tfadv.data.split import Dataset, Split
from tfadv.errors import TfadvError

FOLDER = Path("/usr/share/datasets/fashion-mnist")
CLASS_NAMES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip


@dataclass(frozen=True)
class WithDebian(Prepared):
    """A data set of TFDS that is also taken from Debian's package, where no other folder was asked for."""

    def find(self, data_dir=None):
        """The folder that TFDS prepared, else that of Debian's package, else None."""
        installed = data_dir is None and (FOLDER / "train-images-idx3-ubyte.gz").is_file()
        return super().find(data_dir) or (FOLDER if installed else None)

    def read(self, folder):
        """Read either form; the same images in both, but in another order."""
        if folder != FOLDER:
            return super().read(folder)
        train, test = (Split(*_pair(folder, part)) for part in ("train", "t10k"))
        return Dataset(self.name, train, test, CLASS_NAMES, f"Debian's dataset-fashion-mnist in {folder}")

    def missing(self, data_dir=None):
        """The error that tells where the data were looked for and the ways to get them."""
        return TfadvError(f"{str(super().missing(data_dir)).rstrip('.')}, or `apt install dataset-fashion-mnist`.")


def _pair(folder, part):
    images = read_idx(folder / f"{part}-images-idx3-ubyte.gz")
    return images[..., None], read_idx(folder / f"{part}-labels-idx1-ubyte.gz").astype(np.int32)


def read_idx(path):
    """Read a gzipped IDX file of bytes: two zeros, type 8, the rank, the sizes (big endian), then the values.

    Raises:
        TfadvError: if the file cannot be read or does not hold what its head announces.
    """
    try:
        content = gzip.decompress(Path(path).read_bytes())
        shape = np.frombuffer(content, ">i4", count=content[3], offset=4)
        return np.frombuffer(content, np.uint8, offset=4 + 4 * content[3]).reshape(shape)
    except (OSError, EOFError, ValueError, IndexError, zlib.error) as error:
        raise TfadvError(f"cannot read {str(path)!r} ({error}): reinstall dataset-fashion-mnist.") from error


FASHION_MNIST = WithDebian(
    "fashion_mnist",
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    60_000,
    10_000,
    (28, 28, 1),
)
