"""What is measured on a trained network. A measure is a value: its repr, with the network's recipe, is what its outcome
is kept under, so whatever the outcome depends on is one of its options. It returns arrays by name; `value` is (n,) an
image, () a single number, or (k,) or (n, k), a curve over `at`.

TensorFlow is imported when a measure is taken, so that claims and tables are made without it.
"""

import dataclasses
import functools
import typing

import numpy as np


class Trained(typing.Protocol):
    """A trained network before its judge."""

    model: typing.Any  # keras.Model
    dataset: typing.Any  # tfadv.data.Dataset whose test split is judged
    x: np.ndarray  # the images of that split, (n, h, w, c)
    y: np.ndarray  # their labels, (n,)
    seed: int
    draws: int  # passes that judge an image: 1, or 20 where the model answers at random
    history: list  # one dict of metrics an epoch
    home: typing.Any  # Path: where the measure may keep half-done work

    def correct(self, x=None, at=slice(None)): ...  # (n,) bool; x instead of the images at the places `at`
    def first(self, n): ...  # the same with the first n images only
    def other(self, network, measure=None): ...  # another network of this seed, or what was measured of it
    def progress(self, what, done, total, left=None): ...


class Measure(typing.Protocol):
    """What every measure is; one that looks at other networks names them, and measures of them, in `needs`.

    Attributes:
        title: the head of its column.
        needs: ((network,) or (network, measure), ...): what `Trained.other` may be asked.
    """

    title: str
    needs: tuple = ()

    def __call__(self, network: Trained) -> dict[str, np.ndarray]: ...


def titled(title):
    """The title of a measure: no part of what is measured."""
    return dataclasses.field(default=title, repr=False)


@dataclasses.dataclass(frozen=True)
class Clean:
    """Right on the images as they are."""

    title: str = titled("Clean")

    def __call__(self, network):
        return {"value": network.correct()}


@dataclasses.dataclass(frozen=True)
class Under:
    """Right under one attack, which runs on every image that is right: a column that depends on no other."""

    attack: str
    threat: str
    title: str = titled("")

    def __call__(self, network):
        right = network.correct()
        return {"value": withstands(network, self.attack, self.threat, right)}


def withstands(network, attack, threat, right, batch_size=500):
    """Where the images that are `right` withstand an attack, (n,) bool."""
    from tfadv import attacks
    from tfadv import threat as threats

    attack, threat = attacks.get(attack), threats.parse(threat) if isinstance(threat, str) else threat
    if network.draws == 1:  # a random model is fooled now and then by luck, which is no reason to stop
        attack = attack.until_fooled()
    places, right = np.flatnonzero(right), right.copy()
    for k, start in enumerate(range(0, len(places), batch_size)):
        at = places[start : start + batch_size]
        network.progress(str(attack), start, len(places))
        options = {"threat": threat, "seed": network.seed * 100_003 + k, "batch_size": batch_size}
        right[at] = network.correct(attack(network.model, network.x[at], network.y[at], **options), at)
    return right


@dataclasses.dataclass(frozen=True)
class Protocol:
    """`tfadv evaluate`: the standard ensemble, the worst case of each image; resumed by its own journal.

    Its report's result.json, with findings, lies beside the measurement.
    """

    threat: str
    attacks: tuple[str, ...] | None = None
    title: str = titled("AutoAttack")

    def __call__(self, network):
        from tfadv.evaluation.evaluate import evaluate

        result = evaluate(
            network.model,
            network.dataset,
            threat=self.threat,
            attacks=self.attacks,
            seed=network.seed,
            keep=network.home,
            progress=network.progress,
        )
        result.save(network.home)
        return {
            "value": result.arrays["robust"],
            "findings": np.array([finding["code"] for finding in result.findings], str),
        }


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
class Curve:
    """Accuracy against eps under an attack that runs on what a smaller eps left."""

    attack: str
    norm: str
    at: tuple[float, ...]
    title: str = titled("")

    def __call__(self, network):
        from tfadv import attacks
        from tfadv import threat as threats
        from tfadv.evaluation.curves import accuracy_curve

        accuracy = accuracy_curve(
            network.model,
            network.x,
            network.y,
            threats.parse(f"{self.norm}:{self.at[-1]}"),
            self.at,
            attacks.get(self.attack),
            seed=network.seed,
            draws=network.draws,
            on_step=functools.partial(network.progress, self.attack),
        )
        return {"at": np.array(self.at), "value": accuracy}


@dataclasses.dataclass(frozen=True)
class Fgs:
    """Right on x + eps sign(gradient) for each eps, image by image, (n, k); with `clip` put back into [0, 1]."""

    at: tuple[float, ...]
    clip: bool = False
    title: str = titled("FGS")

    def __call__(self, network):
        from tfadv.evaluation import metrics

        right = metrics.fgs_outcomes(network.model, network.x, network.y, self.at, clip=self.clip)
        return {"at": np.array(self.at), "value": right.T}


@dataclasses.dataclass(frozen=True)
class History:
    """A metric of the training over its epochs."""

    metric: str
    title: str = titled("")

    def __call__(self, network):
        values = [epoch[self.metric] for epoch in network.history]
        return {"at": np.arange(1, len(values) + 1), "value": np.array(values)}


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


@dataclasses.dataclass(frozen=True)
class First:
    """Another measure on the first n images only."""

    n: int
    measure: Measure

    @property
    def title(self):
        """The other measure's."""
        return self.measure.title

    @property
    def needs(self):
        """The other measure's."""
        return getattr(self.measure, "needs", ())

    def __call__(self, network):
        return self.measure(network.first(self.n))
