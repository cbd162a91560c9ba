"""The row of an attack in a result: what it fooled, what it and all before it left, and how far the images moved."""

from typing import Any

import numpy as np

from tfadv.evaluation.statistics import wilson

Row = dict[str, Any]


def attack_row(place: int, clean: np.ndarray, broken_by: np.ndarray, distance: np.ndarray | None = None) -> Row:
    """What follows from the outcomes of the images; `schema.ATTACK` lists the other keys.

    Args:
        place: of the attack, among those of the result.
        clean: which images are right without an attack, (n,) bool.
        broken_by: the place of what fooled each image, (n,) ints, -1 where nothing did.
        distance: (n,) of what fooled each; None where distances are of several norms.

    >>> attack_row(0, np.array([True, True, False]), np.array([0, -1, -1]))["accuracy"]
    np.float64(0.3333333333333333)
    """
    fooled = broken_by == place
    left = clean & ((broken_by < 0) | (broken_by > place))
    row = {"fooled": int(fooled.sum()), "accuracy": left.mean(), "interval": wilson(left.sum(), left.size)}
    if distance is None:
        return row
    far = distances(distance[fooled]) or {"median": None, "max": None}
    return row | {"median_distance": far["median"], "max_distance": far["max"]}


def distances(fooling: np.ndarray) -> dict[str, float] | None:
    """Median, mean and largest of the distances (k,) of what fooled; None where nothing did."""
    if not fooling.size:
        return None
    return {"median": float(np.median(fooling)), "mean": float(fooling.mean()), "max": float(fooling.max())}
