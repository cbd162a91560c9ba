"""`squares`: points of the plane that a line parts, but no line their squares. After Madry et al. 2018, figure 3.

A point (a, b) of the unit square is an image of 1 x 2 gray pixels, so that the l_inf ball of radius eps is a square.
"""

import dataclasses

import numpy as np

from tfadv.data.split import Dataset, Split
from tfadv.errors import TfadvError

EPS = 0.15  # half of a square's width
GAP = 0.03  # between squares of different classes: a network learns no boundary that two of them share
ROOM = 0.04  # a line parts squares of this half width: what is trained need not find the one line there is
MIXED = 0.08  # and none parts squares of this one: what a line gets wrong is more than a corner
CORNERS = np.array([(-1, -1), (-1, 1), (1, -1), (1, 1)])


@dataclasses.dataclass(frozen=True)
class Squares:
    """The loader: 12 points of each of 2 classes, more than 2 eps apart in l_inf from those of the other class.

    Training images are the points, again and again, so that an epoch is many steps; test images are the points.
    """

    name: str = "squares"
    train: int = 1200
    test: int = 24
    shape: tuple[int, int, int] = (1, 2, 1)
    classes: int = 2

    def find(self, data_dir=None):
        """Where the data are, in words."""
        return "drawn from a fixed seed"

    def prepare(self, data_dir=None):
        """Nothing to do; returns where the data are."""
        return self.find(data_dir)

    def load(self, data_dir=None, download=False):
        """Draw the points."""
        points, labels = draw(np.random.RandomState(0), self.test // self.classes)
        split = Split(points.reshape(-1, *self.shape).astype(np.float32), labels)
        again = split.select(np.tile(np.arange(self.test), self.train // self.test))
        return Dataset(self.name, again, split, ("blue", "red"), self.find(), same_split=True)


def draw(rng, count, tries=200):
    """Points (2 count, 2) and labels such that a line parts the points, and none parts their squares, nor smaller ones.

    Raises:
        TfadvError: if none are found.
    """
    for _ in range(tries):
        points, labels = apart(rng, count)
        full = len(labels) == 2 * count
        if full and parted(points, labels, ROOM) and not parted(points, labels, MIXED):
            return points, labels
    raise TfadvError(f"found no {2 * count} points whose squares no line parts: try another seed.")


def apart(rng, count, tries=4000):
    """Up to `count` random points of each class, those of different classes more than 2 eps and a gap apart."""
    points, labels = np.zeros((0, 2)), np.zeros(0, int)
    for _ in range(tries):
        label = int((labels == 1).sum() < (labels == 0).sum())
        point = rng.uniform(EPS, 1 - EPS, 2)
        if all(np.abs(points[labels != label] - point).max(axis=1) > 2 * EPS + GAP):
            points, labels = np.r_[points, [point]], np.r_[labels, label]
        if len(labels) == 2 * count:
            break
    return points, labels


def parted(points, labels, eps):
    """Whether a line has all squares of this half width on the side of their class: a linear program."""
    from scipy.optimize import linprog

    corners = (points[:, None] + eps * CORNERS).reshape(-1, 2)
    sides = np.repeat(2 * labels - 1, len(CORNERS))[:, None]
    above = -sides * np.c_[corners, np.ones(len(corners))]
    return linprog(np.zeros(3), above, -np.ones(len(corners)), bounds=[(None, None)] * 3).status == 0


SQUARES = Squares()
