"""The document's adversaries and what other networks make of them. See `tfadv.study.measures`."""

import dataclasses

import numpy as np

from tfadv.reports import figures
from tfadv.study.measures import titled

CONFIDENT = 0.95


@dataclasses.dataclass(frozen=True)
class Adversaries:
    """Images that the network takes for another class with a confidence of 95 % (section 2.4), `each` for every ordered
    pair of classes: 180 of ten classes, which are probably those of section 3.4. All networks have the same images.

    `value` is ||x_adv - x||_2 / ||x||_2, (n,), infinite where none was found; `x`, `x_adv`, their labels `y` and the
    `goals`. lambda is searched for, as the document does not say its own: the nearest that is found counts.
    """

    each: int = 2
    attack: str = "goal(steps=200)"
    title: str = titled("Distance")

    def __call__(self, network):
        from tfadv import attacks
        from tfadv.evaluation import metrics

        at, goals = pairs(network.y, len(network.dataset.class_names), self.each)
        x, y = network.x[at], network.y[at]
        x_adv = attacks.get(self.attack).minimal(network.model, x, y, targets=goals)
        sure = metrics.probabilities(metrics.logits(network.model, x_adv))[np.arange(len(y)), goals]
        value = np.where(sure >= CONFIDENT - 1e-6, relative(x_adv - x, x), np.inf)
        return {"value": value, "x": x, "x_adv": x_adv, "y": y, "goals": goals, "sure": sure}

    def pictures(self, arrays, names, title, shown=4):
        """A few of them: the image, the adversary and their difference (figure 1)."""
        few = np.linspace(0, len(arrays["x"]) - 1, shown).astype(int)
        clean = [names[label] for label in arrays["y"][few]]
        fooled = [
            f"{names[goal]} {sure:.0%}" for goal, sure in zip(arrays["goals"][few], arrays["sure"][few], strict=True)
        ]
        return [(title, figures.gallery(arrays["x"][few], arrays["x_adv"][few], clean, fooled))]


@dataclasses.dataclass(frozen=True)
class OnAdversaries:
    """Right on the images that fool another network; with `noise` on Gaussian noise of the same norm instead.

    Args:
        of: the other network; key: the name of its `Adversaries`. Those that it did not find are left out.
    """

    of: str
    key: str = "adversaries"
    noise: bool = False
    title: str = titled("")

    @property
    def needs(self):
        """The other network's adversaries."""
        return ((self.of, self.key),)

    def __call__(self, network):
        from tfadv.evaluation import metrics

        known = network.other(self.of, self.key)
        found = np.isfinite(known["value"])
        x, x_adv, y = (known[name][found] for name in ("x", "x_adv", "y"))
        if self.noise:
            x_adv = noisy(x, lengths(x_adv - x), np.random.default_rng(network.seed))
        return {"value": metrics.correct(network.model, x_adv, y, draws=network.judge().draws)}


@dataclasses.dataclass(frozen=True)
class OnTraining:
    """Right on n training images, evenly spread over the data order."""

    n: int = 2000
    title: str = titled("Training images")

    def __call__(self, network):
        from tfadv.evaluation import metrics

        part = network.dataset.train.spread(self.n)
        return {"value": metrics.correct(network.model, part.x, part.y, draws=network.judge().draws)}


def pairs(y, classes, each):
    """Images and the class that each is to be taken for: the first ones of each class, `each` for every other class.

    Returns:
        (indices, goals), (each classes (classes - 1),) ints; of a class with too few images some come twice.
    """
    at, goals = [], []
    for label in range(classes):
        known = np.flatnonzero(y == label)
        others = np.repeat([goal for goal in range(classes) if goal != label], each if known.size else 0)
        at.append(np.resize(known, len(others)))
        goals.append(others)
    return np.concatenate(at).astype(int), np.concatenate(goals).astype(np.int32)


def noisy(x, sizes, rng):
    """Images with Gaussian noise of these lengths, (n,), once it is clipped to [0, 1], found by bisection."""
    eta = rng.normal(size=x.shape)
    low, high = np.zeros(len(x)), 100 * sizes / lengths(eta)
    clipped = lambda scale: np.clip(x + scale.reshape(-1, 1, 1, 1) * eta, 0, 1)  # noqa: E731
    for _ in range(40):
        middle = (low + high) / 2
        short = lengths(clipped(middle) - x) < sizes
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    return clipped(high).astype(np.float32)


def columns(found, key="adversaries"):
    """For `Experiment.derived`: the median of the distances that a measure found, and how many it found."""
    typical = lambda name: found[name, key].map(median)  # noqa: E731
    return {
        f"{key}-median": (f"{found.measures[key].title}, median", typical),
        f"{key}-found": ("of adversaries found", lambda name: found[name, key].map(np.isfinite)),
    }


def median(distances):
    """The median, NaN where it is infinite: half of the adversaries or more were not found."""
    middle = np.median(distances)
    return middle if np.isfinite(middle) else np.array(np.nan)


def farther(one, other, times=1.0):
    """Where the distances of one network are more than so many times those of another, pair by pair: a `Sample`."""
    return one.map(lambda a, b: a > times * b, other)


def lengths(x):
    """||x||_2 of each, (n,)."""
    return np.linalg.norm(x.reshape(len(x), -1).astype(np.float64), axis=1)


def relative(delta, x):
    """||delta||_2 / ||x||_2 of each, (n,)."""
    return lengths(delta) / np.maximum(lengths(x), 1e-12)
