"""The document's adversaries and what other networks make of them. See `tfadv.study.measures`."""

import dataclasses

import numpy as np

from tfadv.experiments.latent.distances import distances, lengths, relative
from tfadv.reports import figures
from tfadv.study.measures import titled


@dataclasses.dataclass(frozen=True)
class GoalAdversaries:
    """Images that the network takes for another class with a confidence of 95 % (section 2.4), `each` for every ordered
    pair of classes: 180 of ten classes, which are probably those of section 3.4. All networks have the same images.

    `value` is ||x_adv - x||_2 / ||x||_2, (n,), infinite where none was found, NaN where the network is wrong about the
    image itself; `x`, `x_adv`, their labels `y` and the `goals`. lambda is searched for, as the document does not say
    its own: the nearest that is found counts. How far such an adversary lies depends on how large the logits are too.
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
        right = metrics.predictions(network.model, x) == y
        value = distances(x_adv - x, x, sure, right)
        return {"value": value, "x": x, "x_adv": x_adv, "y": y, "goals": goals, "sure": sure}

    def pictures(self, arrays, names, title, shown=4):
        """A few of them: the image, the adversary and their difference (figure 1)."""
        few = np.linspace(0, len(arrays["x"]) - 1, shown).astype(int)
        clean = [names[label] for label in arrays["y"][few]]
        fooled = [
            f"{names[goal]}: {sure:.0%}" for goal, sure in zip(arrays["goals"][few], arrays["sure"][few], strict=True)
        ]
        return [(title, figures.gallery(arrays["x"][few], arrays["x_adv"][few], clean, fooled))]


@dataclasses.dataclass(frozen=True)
class Transferred:
    """What measures of another network's adversaries share: `of`, the other network, and `key`, what they are of it."""

    of: str
    key: str = "adversaries"

    @property
    def needs(self):
        """The other network's adversaries."""
        return ((self.of, self.key),)


@dataclasses.dataclass(frozen=True)
class OnAdversaries(Transferred):
    """Right on the images that fool another network; with `noise` on Gaussian noise of the same norm instead.

    `value`, and what most of several draws say, are those of `answers`.

    Args:
        of: the other network; key: the name of its `GoalAdversaries`. Those that it did not find are left out.
    """

    noise: bool = False
    title: str = titled("")

    def __call__(self, network):
        known = network.other(self.of, self.key)
        found = np.isfinite(known["value"])
        x, x_adv, y = (known[name][found] for name in ("x", "x_adv", "y"))
        if self.noise:
            x_adv = noisy(x, lengths(x_adv - x), np.random.default_rng(network.seed))
        return answers(network, x_adv, y)


@dataclasses.dataclass(frozen=True)
class OneDraw:
    """Right on the images as they are: see `answers`."""

    title: str = titled("Test images")

    def __call__(self, network):
        return answers(network, network.x, network.y)


def one_draw(found):
    """For `Experiment.derived`: test images as a network is asked once, and by the majority of several answers."""
    return {
        "clean": ("Test images", lambda name: found[name, "right"].map(np.asarray, share=True)),
        "majority": ("by majority", lambda name: found[name, "right", "majority"]),
    }


def answers(network, x, y):
    """Whether a network is right about images, by name: `value`, (n,), as a network is asked once, and `majority`,
    (n,) bool, as most of several answers are.

    Of a network that answers at random `value` is the share of them that are right, which one answer is expected to be;
    of any other it is right or wrong, bool.
    """
    from tfadv.evaluation import metrics

    draws = network.judge().draws
    share = metrics.share_right(metrics.votes(network.model, x, draws=draws), y)
    return {"value": share if draws > 1 else share > 0.5, "majority": share > 0.5}


@dataclasses.dataclass(frozen=True)
class InBall:
    """What an attack makes of images within a ball, whether it fools the network or not: `x`, `x_adv` and `y` for
    `OnAdversaries`; `value` is ||x_adv - x||_2 / ||x||_2, (n,)."""

    attack: str
    threat: str
    title: str = titled("")

    def __call__(self, network):
        from tfadv import attacks

        x_adv = network.judge(self.threat).attack(attacks.get(self.attack))
        return {"value": relative(x_adv - network.x, network.x), "x": network.x, "x_adv": x_adv, "y": network.y}


@dataclasses.dataclass(frozen=True)
class Along(Transferred):
    """How far another network's adversaries have to be followed until this one takes them for the same class.

    It bounds the distance of the network's own, whatever its gradients are worth. `value` is that of
    `GoalAdversaries`, of the same images.

    Args:
        of, key: the other network, and its `GoalAdversaries`.
        times: how far each is followed, as multiples of its length, ascending.
    """

    times: tuple[float, ...] = (1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 6.0)
    title: str = titled("")

    def __call__(self, network):
        from tfadv.evaluation import metrics

        known = network.other(self.of, self.key)
        x, delta, goals = known["x"], known["x_adv"] - known["x"], known["goals"]
        right = metrics.predictions(network.model, x) == known["y"]
        value = np.where(right, np.inf, np.nan)
        for times in self.times:
            moved = np.clip(x + times * delta, 0, 1)
            sure = metrics.probabilities(metrics.logits(network.model, moved))[np.arange(len(x)), goals]
            value = np.minimum(value, distances(moved - x, x, sure, right))
        return {"value": value}


@dataclasses.dataclass(frozen=True)
class OnTraining:
    """Right on n training images, evenly spread over the data order."""

    n: int = 2000
    title: str = titled("Training images")

    def __call__(self, network):
        from tfadv.evaluation import metrics

        part = network.dataset.train.spread(self.n)
        return {"value": metrics.correct(network.model, part.x, part.y, draws=network.judge().draws)}


@dataclasses.dataclass(frozen=True)
class Smallest:
    """The smallest change of the network's prediction, ||delta||_2 / ||x||_2 of the images that it is right about.

    However large the logits are, it is the same. So is the attack: the margin's gradient leads it, not that of the
    cross-entropy, which where logits are small points elsewhere.

    `value`, (n,), is NaN where the network is wrong, infinite where nothing was found.
    """

    attack: str = "ddn(steps=200, loss=margin)"
    title: str = titled("Smallest change of the prediction")

    def __call__(self, network):
        from tfadv import attacks
        from tfadv.evaluation import metrics

        right = network.judge().clean
        value = metrics.rho(network.model, network.x, attacks.get(self.attack))
        return {"value": np.where(right, np.where(np.isnan(value), np.inf, value), np.nan)}


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
