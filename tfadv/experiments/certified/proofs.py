"""Measures of what is proven of a network, and of attacks on it. See `tfadv.study.measures`."""

import dataclasses
import typing

import numpy as np

from tfadv.errors import TfadvError
from tfadv.study.measures import titled, withstands


@dataclasses.dataclass(frozen=True)
class Certified:
    """Which images no attack fools, as the layers of the network prove."""

    threat: str
    title: str = titled("Certified")

    def __call__(self, network):
        return {"value": proof(network, self.threat).certified}


@dataclasses.dataclass(frozen=True)
class CertifiedAndFooled:
    """Which images are certified and an attack fools them all the same: none, if the proof is true; (n,) bool."""

    attack: str
    threat: str
    title: str = titled("Certified images that fell")

    def __call__(self, network):
        certified = proof(network, self.threat).certified
        fell, at = np.zeros(len(certified), bool), np.flatnonzero(certified)
        if at.size:
            split = network.dataset.test.select(at)
            few = dataclasses.replace(network, dataset=dataclasses.replace(network.dataset, test=split))
            fell[at] = ~withstands(few, self.attack, self.threat)
        return {"value": fell}


@dataclasses.dataclass(frozen=True)
class CertifiedWithin:
    """Which images a smoothed network certifies within each l_2 radius, (n, radii) bool.

    Beside it `abstains`, (n,): where more than half of the copies may be of other classes.
    """

    radii: tuple[float, ...]
    title: str = titled("Certified")
    xlabel: typing.ClassVar[str] = "l_2 radius"

    def __call__(self, network):
        from tfadv.evaluation.certificates.smoothing import certify, smoothing_of

        options = smoothing_of(network.model)._asdict()
        found = certify(options.pop("classifier"), network.x, seed=network.seed, progress=network.progress, **options)
        radius = np.where(found.predicted == network.y, found.radius, -1.0)
        return {
            "at": np.array(self.radii),
            "value": radius[:, None] > np.array(self.radii),
            "abstains": found.predicted < 0,
        }


def proof(network, threat):
    """The `Certificate` of a network's images."""
    from tfadv.evaluation.certificates import way

    judge = network.judge(threat)
    found = way(judge)
    if isinstance(found, str):
        raise TfadvError(f"nothing can be proven of a network of this study: {found}.")
    return found.prove(judge, network.progress)
