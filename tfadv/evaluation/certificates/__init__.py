"""What is proven of a classifier: on how many images no attack of a threat model can succeed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tfadv.evaluation.certificates.interval import bounds_apply, interval_certified
from tfadv.evaluation.certificates.linear import linear_radius
from tfadv.evaluation.certificates.smoothing import certify, radius_for, smoothing_of
from tfadv.graph.linear import is_linear
from tfadv.threat import Ball

if TYPE_CHECKING:
    from tfadv.evaluation.judge import Judge

# Radii of linear models are rounded; a proof is contradicted by what was fooled clearly within.
ROUNDING = 1e-3


class Certificate(NamedTuple):
    """A proof about each judged image.

    Attributes:
        method: how it was made.
        certified: which images withstand every attack, (n,) bool.
        exact: whether all others can be fooled: else they may be robust too.
        sure: which images rounding leaves certified, (n,) bool.
        radius: within which nothing fools each image, (n,) floats, in the norm of the threat model; None where that is
            not known.
        confidence: with which each image is certified, where that is less than certain; else None.
    """

    method: str
    certified: np.ndarray
    exact: bool
    sure: np.ndarray
    radius: np.ndarray | None = None
    confidence: float | None = None

    @property
    def withstanding(self) -> int | None:
        """How many images withstand every attack, where that is known exactly."""
        return int(self.certified.sum()) if self.exact else None

    def contradicted(self, robust: np.ndarray) -> int:
        """How many images are certified that are not among the robust ones, (n,) bool, of an evaluation."""
        return int((self.sure & ~robust).sum())

    def stated(self) -> dict[str, object] | None:
        """What result.json says of it: `stated`."""
        return stated(self.method, self.certified, self.exact, self.confidence)

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """What a result holds of each image."""
        return {"certified": self.certified} | ({} if self.radius is None else {"radius": self.radius})


def certificate(judge: Judge) -> Certificate | None:
    """What is proven about the images of a judge under its threat model; None where the model allows no proof."""
    model, threat = judge.model, judge.threat
    if smoothing := smoothing_of(model):
        return _of_smoothed(judge, smoothing)
    if judge.random:
        return None
    if is_linear(model) and isinstance(threat, Ball):
        radius = linear_radius(model, judge.x, judge.y, threat.norm, judge.batch_size)
        sure = radius > (1 + ROUNDING) * threat.eps
        return Certificate("linear model", radius > threat.eps, True, sure, radius)
    if bounds_apply(model, threat):
        certified = interval_certified(model, judge.x, judge.y, threat)
        return Certificate("interval bounds", certified, False, certified)
    return None


def _of_smoothed(judge, smoothing):
    """No attack contradicts it: what is attacked is a vote of few copies, which abstains where it is close."""
    unit = radius_for(judge.threat, judge.x.shape[1:])
    if unit is None:
        return None
    options = {"sigma": smoothing.sigma, "n0": smoothing.n0, "n": smoothing.n, "alpha": smoothing.alpha}
    found = certify(smoothing.classifier, judge.x, seed=judge.seed, **options)
    radius = np.where(found.predicted == judge.y, found.radius, 0.0) / unit
    certified = radius > judge.threat.eps
    return Certificate("randomized smoothing", certified, False, np.zeros_like(certified), radius, 1 - smoothing.alpha)


def stated(
    method: str, certified: np.ndarray, exact: bool, confidence: float | None = None
) -> dict[str, object] | None:
    """What result.json says of it; nothing of bounds that prove nothing."""
    if not (exact or certified.any()):
        return None
    return {"method": method, "accuracy": float(certified.mean()), "exact": exact, "confidence": confidence}
