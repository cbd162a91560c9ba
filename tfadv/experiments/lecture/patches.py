"""What patches make of photographs. See `tfadv.study.measures`."""

import dataclasses

import numpy as np

from tfadv.experiments.photographs import probabilities
from tfadv.study.measures import titled

ENOUGH = 0.9  # of Karmon, Zoran, Goldberg 2018


@dataclasses.dataclass(frozen=True)
class Patched:
    """p(target) of each image with a patch of its own, in a corner or in the `center`: `value`, (n,), of the best patch
    that was found.

    `after` are all probabilities then, (n, classes), and `curve` the mean of p(target) so far, step by step.
    """

    area: float
    targets: tuple[int, ...]
    bounded: bool = True
    center: bool = False
    steps: int = 300
    rate: float = 0.1
    title: str = titled("")

    def __call__(self, network):
        from tfadv.physical import LaVAN, paste
        from tfadv.threat import Patch

        before = probabilities(network.model, network.x)
        y, classes = before.argmax(axis=1).astype(np.int32), before.shape[1]
        goals = np.resize(np.int32(self.targets), len(y))
        goals = np.where(goals == y, (goals + 1) % classes, goals)
        at = Patch(area=self.area).window(network.x.shape[1:])[:2] if self.center else (0, 0)
        options = {"area": self.area, "at": at, "bounded": self.bounded, "steps": self.steps, "rate": self.rate}
        attack = LaVAN(confidence=ENOUGH, **options)
        found = attack(network.model, network.x, y, goals, seed=network.seed, progress=network.progress)
        patched = paste(network.x, found.patch, found.places).numpy()
        after = probabilities(network.model, patched)
        curve = np.maximum.accumulate(found.confidences).mean(axis=1)
        images = {"x": patched, "curve": np.append(curve, np.full(self.steps - len(curve), curve[-1]))}
        return {"value": after[np.arange(len(y)), goals], "before": before, "after": after, "goals": goals} | images


@dataclasses.dataclass(frozen=True)
class Anywhere:
    """How often one patch at any place makes an image its class, an image that it was not made on: `value`, (n,).

    It is made on every other image and judged on the rest, and the other way round; `x` are images with it.
    """

    area: float
    target: int
    steps: int = 300
    places: int = 20
    title: str = titled("")

    def __call__(self, network):
        from tfadv.physical import LaVAN, paste

        attack, rng = LaVAN(area=self.area, at=None, shared=True, steps=self.steps), np.random.default_rng(network.seed)
        y = probabilities(network.model, network.x).argmax(axis=1).astype(np.int32)
        share, shown = np.zeros(len(y)), np.array(network.x)
        for half in (0, 1):
            made, rest = np.arange(len(y))[half::2], np.arange(len(y))[1 - half :: 2]
            goals = np.full(len(made), self.target, np.int32)
            tell = {"seed": network.seed, "progress": network.progress}
            patch = attack(network.model, network.x[made], y[made], goals, **tell).patch
            for _ in range(self.places):
                places = attack.draw_places(network.x.shape[1:], len(rest), rng)
                shown[rest] = paste(network.x[rest], patch, places).numpy()
                share[rest] += probabilities(network.model, shown[rest]).argmax(axis=1) == self.target
        return {"value": share / self.places, "x": shown, "after": probabilities(network.model, shown)}
