"""What every data set becomes: two checked pairs of arrays and the names of the classes."""

import functools
from dataclasses import dataclass

import numpy as np

from tfadv import provenance, validation
from tfadv.errors import invalid

# The name of a data set of arrays, which no shell knows.
ARRAYS = "arrays"


@dataclass(frozen=True, eq=False)
class Split:
    """Images and their labels, checked once, in one fixed order (the data order).

    Args:
        images: (n, height, width, channels), uint8 as stored or float in [0, 1] (kept as float32).
        labels: (n,) integers from 0 (kept as int32).

    Raises:
        TfadvError: for other shapes, types or ranges; the message shows the line that mends it.

    >>> Split(np.full((2, 4, 4, 1), 255, "uint8"), np.array([0, 1])).x.max()
    np.float32(1.0)
    """

    images: np.ndarray
    labels: np.ndarray

    def __post_init__(self):
        images = validation.stored_images(self.images)
        labels = validation.labels(self.labels, len(images))
        object.__setattr__(self, "images", images)
        object.__setattr__(self, "labels", labels)

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def x(self) -> np.ndarray:
        """The images as float32 in [0, 1]. Bytes are scaled at each call: keep what you need twice."""
        if self.images.dtype == np.uint8:
            return np.divide(self.images, np.float32(255), dtype=np.float32)
        return self.images

    @property
    def y(self) -> np.ndarray:
        """The labels, (n,) int32."""
        return self.labels

    @functools.cached_property
    def fingerprint(self) -> str:
        """A digest of the images and labels: whether two runs saw the same."""
        return provenance.fingerprint(self.images, self.labels)

    def take(self, n: int) -> "Split":
        """The first `n` examples in data order (all of them if there are fewer)."""
        if n < 1:
            raise invalid("number of examples", "at least 1", n)
        return self.select(slice(int(n)))

    def spread(self, n: int | None) -> "Split":
        """`n` examples evenly spread over the data order (all of them for None, and if there are fewer).

        Folders, and many archives, are sorted by class: their first examples are all alike.
        """
        if n is None:
            return self
        if n < 1:
            raise invalid("number of examples", "at least 1", n)
        return self.select(spread_over(len(self), n))

    def select(self, indices: np.ndarray | slice) -> "Split":
        """The examples at these positions, in this order."""
        return Split(self.images[indices], self.labels[indices])


@dataclass(frozen=True, eq=False)
class Unbounded:
    """Images and labels to train on that need not lie in [0, 1], as a method's `prepare` may return them.

    Perturbed images of documents that do not clip are such. Nothing is checked.

    Args:
        images: (n, height, width, channels) float32.
        labels: (n,) int32.
    """

    images: np.ndarray
    labels: np.ndarray

    def __len__(self):
        return len(self.labels)

    @property
    def x(self):
        """The images."""
        return self.images

    @property
    def y(self):
        """The labels."""
        return self.labels


@dataclass(frozen=True, eq=False)
class Dataset:
    """A data set: what to train on, what to judge on, and where it came from.

    Args:
        name: as it was asked for.
        train, test: splits whose images have one shape and one type. `train` is None where there are images to judge
            on alone.
        class_names: one per class; the index is the label.
        source: where the data were read, in words, for results and reports.
        same_split: True where the source was not divided, so that `train` *is* `test`; None where nothing is known of
            that, as of arrays to judge on.

    Raises:
        TfadvError: if the splits' shapes differ or a label has no class name.
    """

    name: str
    train: Split | None
    test: Split
    class_names: tuple[str, ...]
    source: str
    same_split: bool | None = False

    def __post_init__(self):
        train = self.test if self.train is None else self.train
        if train.images.shape[1:] != self.image_shape:
            expected = f"the shape of the training images, {train.images.shape[1:]}"
            raise invalid("test images", expected, self.image_shape)
        highest = max(int(train.labels.max()), int(self.test.labels.max()))
        if highest >= len(self.class_names):
            raise invalid(
                "labels", f"0 to {len(self.class_names) - 1} for {len(self.class_names)} class names", highest
            )

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, channels)."""
        return self.test.images.shape[1:]

    @property
    def num_classes(self) -> int:
        return len(self.class_names)

    def train_validation(self, fraction: float = 0.1, seed: int = 0, stratify: bool = False) -> tuple[Split, Split]:
        """Divide the training split in two, shuffled, always alike for the same seed.

        Args:
            fraction: of the training examples that go to validation; 0.1 gives 90/10.
            stratify: hold the same share of each class out, to within one example.

        Returns:
            (training Split, validation Split), together the whole training split.

        Raises:
            TfadvError: if either part would be empty.
        """
        n = len(self.train)
        held_out = round(n * fraction) if 0 < fraction < 1 else 0
        if not 0 < held_out < n:
            expected = f"a share that leaves some of the {n:,} training images in either part"
            raise invalid("validation", expected, fraction)
        # RandomState, not default_rng: NumPy promises that its numbers never change between versions.
        order = np.random.RandomState(seed).permutation(n)
        if stratify:
            by_class = np.argsort(self.train.labels[order], kind="stable")
            apart = np.isin(np.arange(n), by_class[spread_over(n, held_out)])
            order = np.concatenate([order[apart], order[~apart]])
        return self.train.select(order[held_out:]), self.train.select(order[:held_out])


def as_dataset(data: "Dataset | tuple[np.ndarray, np.ndarray]") -> Dataset:
    """A `Dataset` as it is; of arrays (x, y) one that has them to judge on, and nothing to train on.

    Args:
        data: a `Dataset`, or images x, (n, height, width, channels), uint8 or float in [0, 1], and labels y, (n,) ints.

    Raises:
        TfadvError: for anything else, and for arrays that `Split` refuses.

    >>> as_dataset((np.zeros((2, 4, 4, 1), "float32"), np.array([0, 1]))).num_classes
    2
    """
    if isinstance(data, Dataset):
        return data
    if not isinstance(data, tuple | list) or len(data) != 2:
        hint = "write evaluate(model, (x, y), threat=...)."
        raise invalid("data", "a tfadv.data.Dataset, or images and labels (x, y)", type(data).__name__, hint)
    split = Split(*data)
    names = numbered_classes(split.labels)
    return Dataset(ARRAYS, None, split, names, "arrays given in Python", same_split=None)


def spread_over(length, n):
    """`n` indices evenly spread over `length`, ascending; all of them if there are fewer.

    >>> spread_over(10, 4)
    array([0, 2, 5, 7])
    """
    n = min(int(n), length)
    return np.arange(n) * length // n


def numbered_classes(*labels):
    """Class names "0", "1", ... up to the highest label.

    >>> numbered_classes(np.array([0, 2]))
    ('0', '1', '2')
    """
    return tuple(map(str, range(max(int(part.max()) for part in labels) + 1)))
