"""Measures that keep images, for figures. See `tfadv.study.measures`."""

import dataclasses

import numpy as np

from tfadv.reports import figures
from tfadv.study.measures import titled


@dataclasses.dataclass(frozen=True)
class Gallery:
    """A few of the first images that an attack fools, before and after, as `figures.gallery` takes them."""

    attack: str
    threat: str
    shown: int = 4
    tried: int = 100
    title: str = titled("")

    def __call__(self, network):
        from tfadv import attacks
        from tfadv import threat as threats
        from tfadv.evaluation.craft import craft, successes, title

        split = network.dataset.test.take(self.tried)
        attack, threat = attacks.get(self.attack).until_fooled(), threats.parse(self.threat)
        crafted = craft(attack, network.model, split, threat, None, network.seed, self.tried, network.progress)
        few = np.flatnonzero(successes(crafted)[0])[: self.shown]
        names = network.dataset.class_names
        titles = {
            f"titles_{kind}": [title(*facts, names) for facts in zip(
                crafted["y"][few], crafted[f"predicted{when}"][few], crafted[f"confidence{when}"][few], strict=True
            )]
            for kind, when in (("clean", ""), ("adv", "_adv"))
        }  # fmt: skip
        return {
            "x": crafted["x"][few],
            "x_adv": crafted["x_adv"][few],
            **{k: np.array(t, str) for k, t in titles.items()},
        }

    def pictures(self, arrays, names, title):
        """Clean images, adversarial images and their difference, if there are any."""
        return [(title, figures.gallery(**arrays))] if len(arrays["x"]) else []


@dataclasses.dataclass(frozen=True)
class FirstImages:
    """The first n images clean, after an attack for the smallest change, and after unclipped FGS: `images` (3, n, ...),
    as what they are taken, `labels` (3, n), and what they are, `y`; `value`: the share of right ones that are fooled.
    """

    attack: str
    eps: float
    n: int = 10
    title: str = titled("")

    def __call__(self, network):
        from tfadv import attacks
        from tfadv.evaluation import metrics

        model, x, y = network.model, network.x[: self.n], network.y[: self.n]
        found = attacks.get(self.attack).minimal(model, x, metrics.predictions(model, x))
        images = np.stack([x, found, x + self.eps * metrics.gradient_signs(model, x, y)])
        labels = np.stack([metrics.predictions(model, kind) for kind in images])
        fooled = np.mean(labels[1:, labels[0] == y] != y[labels[0] == y])
        return {"images": images, "labels": labels, "y": y, "value": fooled}

    def pictures(self, arrays, names):
        """The three kinds, each image under its predicted (PL) and its actual label (AL)."""
        kinds = ("clean images", self.title, f"FGS, eps = {self.eps:g}")
        for kind, images, labels in zip(kinds, arrays["images"], arrays["labels"], strict=True):
            titles = [f"PL {names[p]}\nAL {names[a]}" for p, a in zip(labels, arrays["y"], strict=True)]
            yield kind, figures.image_grid(images, titles)
