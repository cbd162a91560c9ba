"""Measures of what is proven of a network, and of attacks on it. See `tfadv.study.measures`."""

import dataclasses

import numpy as np

from tfadv.errors import TfadvError
from tfadv.provenance import fingerprint
from tfadv.study.measures import titled, withstands


@dataclasses.dataclass(frozen=True)
class Certified:
    """Right whatever the attacker does, image by image: as layers or votes prove."""

    threat: str
    title: str = titled("Certified")

    def __call__(self, network):
        return {"value": proof(network, self.threat).certified}


@dataclasses.dataclass(frozen=True)
class CertifiedWithin:
    """`Certified` within each eps, (n, k): of linear and of smoothed networks, of which a radius is known."""

    norm: str
    at: tuple[float, ...]
    title: str = titled("Certified")

    @property
    def xlabel(self):
        """What the curve is over."""
        return f"eps ({self.norm})"

    def __call__(self, network):
        radius = proof(network, f"{self.norm}:{min(self.at)}").radius  # which depends on no eps
        if radius is None:
            raise TfadvError("of a network of this study no radius is known, only what is certified within one eps.")
        return {"at": np.array(self.at), "value": radius[:, None] > np.array(self.at)}


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


def proof(network, threat):
    """The `Certificate` of a network's images under a threat model's spec: made once for all measures of the network.

    What an interruption leaves of a long one is kept at the network's `home`.
    """
    from tfadv.evaluation.certificates import certificate
    from tfadv.evaluation.evaluate import versions
    from tfadv.evaluation.journal import Journal

    judge, images = network.judge(threat), network.dataset.test.fingerprint
    name = f"certificate under {judge.threat} of {images}"
    if name not in network.known:
        identity = {"weights": fingerprint(*network.model.get_weights()), "proof": name, "versions": versions()}
        journal = Journal(network.home, identity)
        journal.read()
        network.known[name] = certificate(judge, network.progress, journal.part)
        journal.close()
    return network.known[name]
