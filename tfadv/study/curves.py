"""Measures of how far an attack must go: distances, and accuracy against eps. See `tfadv.study.measures`."""

import dataclasses
import functools
import typing

import numpy as np

from tfadv.reports import figures
from tfadv.study.measures import titled, withstands
from tfadv.study.sample import mean_curve


@dataclasses.dataclass(frozen=True)
class Rho:
    """||delta|| / ||x|| of the smallest change of the prediction, by image; NaN where none was found."""

    attack: str = "deepfool"
    norm: str = "l2"
    title: str = titled("rho_2")

    def __call__(self, network):
        from tfadv import attacks
        from tfadv.evaluation import metrics

        return {"value": metrics.rho(network.model, network.x, attacks.get(self.attack), self.norm)}


@dataclasses.dataclass(frozen=True)
class MinimalImages:
    """The smallest changes of the prediction that an attack finds, unclipped, and how well such images are told apart.

    `value` is ||delta||_2 / ||x||_2 by image; `areas`, (classes,), are those under the ROC curve of each class against
    the rest; `fpr`, (k,), and `tpr`, (classes, k), are the curves. NaN where nothing was found, and for absent classes.

    Args:
        of: the network that is attacked; None is the one that is measured.
    """

    attack: str
    of: str | None = None
    title: str = titled("rho_2")

    @property
    def needs(self):
        """The network that is attacked."""
        return ((self.of,),) if self.of else ()

    def __call__(self, network):
        from tfadv import attacks
        from tfadv.evaluation import metrics

        model = (network.other(self.of) if self.of else network).model
        predicted = metrics.predictions(model, network.x)
        x_adv = attacks.get(self.attack).minimal(model, network.x, predicted, batch_size=1000)
        scores = metrics.probabilities(metrics.logits(network.model, x_adv))
        at = np.linspace(0, 1, 200)
        areas, rates = np.full(scores.shape[1], np.nan), np.full((scores.shape[1], at.size), np.nan)
        for k, (fpr, tpr, area) in metrics.roc(network.y, scores).items():
            areas[k], rates[k] = area, np.interp(at, fpr, tpr)
        rho = metrics.relative_change(model, network.x, x_adv, predicted)
        return {"value": rho, "areas": areas, "fpr": at, "tpr": rates}

    def pictures(self, arrays, names, title, classes):
        """The ROC curves of these classes."""
        curves = {f"class {k}": (arrays["fpr"], arrays["tpr"][k], arrays["areas"][k]) for k in classes}
        return [(title, figures.roc_curves(curves, title))]


@dataclasses.dataclass(frozen=True)
class Curve:
    """Accuracy against eps under an attack that runs on what a smaller eps left."""

    attack: str
    norm: str
    at: tuple[float, ...]
    title: str = titled("")

    @property
    def xlabel(self):
        """What the curve is over."""
        return f"eps ({self.norm})"

    def __call__(self, network):
        from tfadv import attacks
        from tfadv.evaluation.curves import accuracy_curve

        judge, attack = network.judge(f"{self.norm}:{self.at[-1]}"), attacks.get(self.attack)
        accuracy = accuracy_curve(judge, self.at, attack, on_step=functools.partial(network.progress, self.attack))
        return {"at": np.array(self.at), "value": accuracy}


@dataclasses.dataclass(frozen=True)
class Fgs:
    """Right on x + eps sign(gradient) for each eps, image by image, (n, k); with `clip` put back into [0, 1]."""

    at: tuple[float, ...]
    clip: bool = False
    title: str = titled("FGS")
    xlabel: typing.ClassVar[str] = "eps"

    def __call__(self, network):
        from tfadv.evaluation import metrics

        right = metrics.fgs_outcomes(network.model, network.x, network.y, self.at, clip=self.clip)
        return {"at": np.array(self.at), "value": right.T}


@dataclasses.dataclass(frozen=True)
class AtHalf:
    """Right under an l_inf attack, at the smallest eps at which another network is right half of the time.

    Args:
        of: the other network; curve: the name of its curve. If it is right more often at all eps, the largest is taken.
    """

    attack: str
    title: str = titled("")
    of: str = "plain"
    curve: str = "fgs"

    @property
    def needs(self):
        """The other network's curve."""
        return ((self.of, self.curve),)

    def __call__(self, network):
        curve = network.other(self.of, self.curve)
        half = np.flatnonzero(mean_curve(curve["value"]) <= 0.5)
        eps = curve["at"][half[0] if half.size else -1]
        return {"value": withstands(network, self.attack, f"linf:{eps}"), "eps": eps}
