"""`digits`: scikit-learn's 1,797 images of handwritten digits, 8x8, always there, needs no download.

Source: E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository,
1998 (the test part, as `sklearn.datasets.load_digits` carries it).
"""

from dataclasses import dataclass

import numpy as np

from tfadv.data.split import Dataset, Split

HIGHEST_INK = 16  # a pixel counts the dark cells of a 4x4 block


@dataclass(frozen=True)
class Digits:
    """The loader: 1,437 training and 360 test images, float32 in [0, 1], divided once for all, stratified."""

    name: str = "digits"
    train: int = 1437
    test: int = 360
    shape: tuple[int, int, int] = (8, 8, 1)
    classes: int = 10

    def find(self, data_dir=None):
        """Where the data are, in words."""
        return "embedded in scikit-learn"

    def prepare(self, data_dir=None):
        """Nothing to do; returns where the data are."""
        return self.find(data_dir)

    def load(self, data_dir=None, download=False):
        """Read and divide the images."""
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split

        images, labels = load_digits(return_X_y=True)
        images = (images.reshape(-1, *self.shape) / HIGHEST_INK).astype(np.float32)
        train, test = train_test_split(np.arange(len(labels)), test_size=self.test, stratify=labels, random_state=0)
        everything = Split(images, labels)
        names = tuple(map(str, range(self.classes)))
        return Dataset(self.name, everything.select(train), everything.select(test), names, self.find())


DIGITS = Digits()
