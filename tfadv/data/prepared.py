"""Data sets that TensorFlow Datasets prepares: found on disk at once, downloaded only when asked to."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from tfadv.data.split import Dataset, Split
from tfadv.errors import TfadvError


@dataclass(frozen=True)
class Prepared:
    """One data set of TFDS.

    Args:
        name: its name there and here.
        url: where TFDS downloads it from; its host is tried before a download begins.
        train, test: numbers of images.
        shape: (height, width, channels).
    """

    name: str
    url: str
    train: int
    test: int
    shape: tuple[int, int, int]
    classes: int = 10

    def directory(self, data_dir=None):
        """TFDS' folder: the given one, else TFDS_DATA_DIR, else TFDS' own default."""
        return Path(data_dir or os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets").expanduser()

    def find(self, data_dir=None):
        """The folder of the newest prepared version, or None. Reads no more than a folder's listing."""
        try:
            versions = [path.parent for path in (self.directory(data_dir) / self.name).glob("*/dataset_info.json")]
        except OSError:
            return None
        # While it prepares, TFDS writes beside them to folders such as `incomplete.XYZ_3.0.1`.
        versions = [path for path in versions if re.fullmatch(r"\d+\.\d+\.\d+", path.name)]
        return max(versions, key=lambda path: [int(part) for part in path.name.split(".")], default=None)

    def load(self, data_dir=None, download=False):
        """Read both splits.

        Raises:
            TfadvError: if it is neither prepared nor to be downloaded, or damaged.
        """
        folder = self.find(data_dir)
        if folder is None and download:
            self.download(data_dir)
            folder = self.find(data_dir)
        if folder is None:
            raise self.missing(data_dir)
        return self.read(folder)

    def read(self, folder):
        """Read a prepared version: both splits in TFDS' order, which is the same every time."""
        import tensorflow_datasets as tfds

        try:
            builder = tfds.builder_from_directory(folder)
            train, test = (_arrays(builder, part) for part in ("train", "test"))
            names = tuple(builder.info.features["label"].names)
        except (ImportError, MemoryError):
            raise
        # Damage shows as whatever the reader of the damaged part raises: JSON, protobuf, PNG, file system.
        except Exception as error:
            raise self.damaged(folder, type(error).__name__) from error
        if (len(train), len(test)) != (self.train, self.test):
            raise self.damaged(folder, f"{len(train)} and {len(test)} images")
        return Dataset(self.name, train, test, names, f"TFDS {self.name}/{folder.name} in {folder}")

    def prepare(self, data_dir=None):
        """Download unless it is there, read everything once as a check, and return the source."""
        return self.load(data_dir, download=True).source

    def download(self, data_dir=None):
        """Let TFDS download and prepare it. Progress goes to stderr."""
        from tfadv.data.download import download

        download(self.name, self.url, self.directory(data_dir))

    def missing(self, data_dir=None):
        """The error that tells where the data were looked for and how to get them."""
        return TfadvError(
            f"data set {self.name!r} is not prepared in {str(self.directory(data_dir))!r}: run "
            f"`tfadv data prepare {self.name}`, or point TFDS_DATA_DIR to where it is."
        )

    def damaged(self, folder, what):
        return TfadvError(
            f"data set {self.name!r} in {str(folder)!r} is damaged ({what}, expected {self.train} and "
            f"{self.test} images): delete that folder and run `tfadv data prepare {self.name}`."
        )


def _arrays(builder, part):
    import tensorflow_datasets as tfds

    # One batch of everything: TFDS decodes in parallel and keeps the order, 60,000 images in 2 s on 2 cores.
    everything = tfds.as_numpy(builder.as_dataset(split=part, batch_size=-1, shuffle_files=False))
    return Split(everything["image"], everything["label"])


MNIST = Prepared("mnist", "https://storage.googleapis.com/cvdf-datasets/mnist/", 60_000, 10_000, (28, 28, 1))
CIFAR10 = Prepared("cifar10", "https://www.cs.toronto.edu/~kriz/", 50_000, 10_000, (32, 32, 3))
