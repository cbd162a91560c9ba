"""How far adversaries lie, and which of two networks has the farther ones. No TensorFlow."""

import numpy as np

from tfadv.study import Claim, Sample

CONFIDENT = 0.95
SCALE = (
    "A confidence of 95 % is farther away where logits are smaller, as a penalty on weights or smaller singular values "
    "make them. The smallest change of the prediction does not depend on that: claims are about it."
)
# Networks are compared where an adversary was found for both of so large a share of the pairs of an image and a goal.
ENOUGH = 0.9


class Undecided(Claim):
    """A claim that its number does not decide, for the reason in its note."""

    holds = None


def lie_farther(id, says, one, other, *, times=1.0, **options):
    """The claim that most adversaries of one network lie farther than the other's, or `Undecided`.

    It is about the pairs of an image and a goal for which both networks have one: an attack that fails says nothing
    about how far they lie. Where that are too few, nothing is decided.

    Args:
        one, other: `Sample`s of distances, infinite where none was found, NaN where a network is wrong about the image.
        times: how many times as far.
        **options: of `Claim`.
    """
    both = one.map(lambda a, b: was_found(a + b), other)
    measured = one.map(lambda a, b: (a > times * b)[np.isfinite(a + b)], other)
    measured = Sample({seed: array for seed, array in measured.per_seed.items() if array.size})
    share = min(both.values, default=0.0)
    note = f"Of the images that both are right about, adversaries of both were found for {100 * share:.1f} %"
    kind, note = (Claim, note) if share >= ENOUGH else (Undecided, f"{note}, fewer than {100 * ENOUGH:.0f} %")
    note += " (the seed with the fewest)" if len(both.values) > 1 else ""
    return kind(id, says, measured, above=0.5, note=f"{note}.", **options)


def distances(delta, x, sure, right):
    """||delta||_2 / ||x||_2 of each, (n,); infinite where the network is not sure of the goal, NaN where it is not
    right about x: nothing has to be changed there."""
    return np.where(right, np.where(sure >= CONFIDENT - 1e-6, relative(delta, x), np.inf), np.nan)


def columns(found, key="adversaries", title=None):
    """For `Experiment.derived`: the median of the distances that a measure, or a column, has, and how many it found.

    Args:
        title: of a column; None is the measure's.
    """
    return {
        f"{key}-median": (f"{title or found.measures[key].title}, median", lambda name: found[name, key].map(median)),
        f"{key}-found": ("of adversaries found", lambda name: found[name, key].map(was_found)),
    }


def was_found(distances):
    """Which adversaries were found, of the images that the network is right about: (k,) bool."""
    return np.isfinite(distances[~np.isnan(distances)])


def median(distances):
    """The median over the images that the network is right about, NaN where half of their adversaries or more were not
    found."""
    known = distances[~np.isnan(distances)]
    middle = np.median(known) if known.size else np.nan
    return np.array(middle if np.isfinite(middle) else np.nan)


def lengths(x):
    """||x||_2 of each, (n,)."""
    return np.linalg.norm(x.reshape(len(x), -1).astype(np.float64), axis=1)


def relative(delta, x):
    """||delta||_2 / ||x||_2 of each, (n,)."""
    return lengths(delta) / np.maximum(lengths(x), 1e-12)
