"""What is proven of a classifier: on how many images no attack of a threat model can succeed."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tfadv.errors import TfadvError
from tfadv.evaluation.certificates.interval import COARSE, Bounding, refused
from tfadv.evaluation.certificates.linear import linear_radius
from tfadv.evaluation.certificates.smoothing import certify, kept_nowhere, radius_for, smoothing_of
from tfadv.evaluation.estimate import work
from tfadv.graph.bounds import rounds_coarsely
from tfadv.graph.linear import is_linear
from tfadv.graph.linear_bounds import has_linear_bounds
from tfadv.passes import Passes
from tfadv.progress import silent
from tfadv.threat import Ball

if TYPE_CHECKING:
    from tfadv.evaluation.judge import Judge

# Radii of linear models are rounded; a proof is contradicted by what was fooled clearly within.
ROUNDING = 1e-3
# A proof is quick if it takes so few forward passes an image, or so small a share of what the attacks take at most:
# linear bounds of 20 classes take 84, one run of APGD 300.
LITTLE, SHARE = 100, 0.1


class Certificate(NamedTuple):
    """A proof about each judged image.

    Attributes:
        method: how it was made.
        certified: which images withstand every attack, (n,) bool.
        exact: whether all others can be fooled: else they may be robust too.
        beyond_rounding: which images are certified by more than what float32 rounds, (n,) bool.
        radius: within which nothing fools each image, (n,) floats, in the norm of the threat model; None where that is
            not known.
        confidence: with which each image is certified, where that is less than certain; else None.
    """

    method: str
    certified: np.ndarray
    exact: bool
    beyond_rounding: np.ndarray
    radius: np.ndarray | None = None
    confidence: float | None = None

    @property
    def withstanding(self) -> int | None:
        """How many images withstand every attack, where that is known exactly."""
        return int(self.certified.sum()) if self.exact else None

    @property
    def unattacked(self) -> str | None:
        """Why no attack can contradict it; None where one can."""
        if self.confidence:
            return "what is proven is of a vote of infinitely many copies, which no attack meets"
        return None if self.beyond_rounding.any() else "no image is certified"

    def contradicted(self, robust: np.ndarray) -> int | None:
        """How many images are certified that are not among the robust ones, (n,) bool; None where none can be."""
        return None if self.unattacked else int((self.beyond_rounding & ~robust).sum())

    def only(self, at: np.ndarray | slice) -> Certificate:
        """The same of the images `at` alone."""
        each = {name: getattr(self, name)[at] for name in ("certified", "beyond_rounding")}
        return self._replace(**each, radius=None if self.radius is None else self.radius[at])

    @classmethod
    def of(cls, kept: list[Any]) -> Certificate:
        """A certificate that a journal has kept in JSON's types, which have no infinity."""
        method, certified, exact, beyond_rounding, radius, confidence = kept
        if radius is not None:
            radius = np.array([np.inf if length is None else length for length in radius], np.float32)
        certified, beyond_rounding = np.array(certified, bool), np.array(beyond_rounding, bool)
        return cls(method, certified, exact, beyond_rounding, radius, confidence)

    def stated(self) -> dict[str, object] | None:
        """What result.json says of it: `stated`."""
        return stated(self.method, self.certified, self.exact, self.confidence)

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """What a result holds of each image."""
        return {"certified": self.certified} | ({} if self.radius is None else {"radius": self.radius})


class ProofMethod(NamedTuple):
    """How something is proven of a model under a threat model, for images that may come in blocks.

    Attributes:
        passes: what it takes for an image at most.
        prove: makes the `Certificate` of a `Judge`, as `certificate` describes its arguments.
    """

    passes: Passes
    prove: Callable[..., Certificate]

    def is_quick(self, attacks: float) -> bool:
        """Whether it takes little beside attacks that take so many forward passes an image at most."""
        return work(*self.passes) <= max(LITTLE, SHARE * attacks)


def proof_method(judge: Judge) -> ProofMethod | str:
    """How something is proven of a judge's model under its threat model, or why nothing can be."""
    model, threat = judge.model, judge.threat
    if smoothing := smoothing_of(model):
        unit = radius_for(threat, judge.x.shape[1:])
        if unit is None:
            return f"randomized smoothing proves nothing under {threat}"
        if (reach := smoothing.reach / unit) <= threat.eps:
            return (
                f"{smoothing.n:,} noisy copies of sigma {smoothing.sigma:g} certify no image beyond {threat.norm}:"
                f"{reach:.6g}, and eps is {threat.eps:.6g}; judge within that, or defend with a larger sigma or n"
            )
        return ProofMethod(Passes(smoothing.passes, 0), functools.partial(_by_smoothing, smoothing, unit))
    if judge.random:
        return "the model is random"
    if is_linear(model) and isinstance(threat, Ball) and threat.box in ((0.0, 1.0), None):
        return COARSE if rounds_coarsely() else ProofMethod(Passes(1, judge.classes), _of_linear)
    if why := refused(model, threat):
        return why
    backward = judge.classes if has_linear_bounds(model) else 0
    # Those of linear bounds are in float64, which takes twice as long.
    passes = Passes(2 + 2 * bool(backward), 2 * backward)
    return ProofMethod(passes, functools.partial(_by_bounds, Bounding(model, threat)))


def certificate(
    judge: Judge, progress: Callable[..., None] = silent, kept: Callable[..., Any] = kept_nowhere
) -> Certificate:
    """What is proven about the images of a judge under its threat model.

    Args:
        judge: a `Judge`.
        progress: see `tfadv.progress`.
        kept: as `certify` takes it. A `ProofMethod` also takes `tried`, indices of the images that are worth a try:
            bounds certify no others, as attacks have fooled them.

    Raises:
        TfadvError: where nothing can be proven, with the reason.

    >>> certificate(Judge(model, x, y, LInf(0.1))).certified.mean()  # doctest: +SKIP
    0.953
    """
    found = proof_method(judge)
    if isinstance(found, str):
        raise TfadvError(f"nothing can be proven of {judge.model.name!r}: {found}.")
    return found.prove(judge, progress, kept=kept)


def _of_linear(judge, progress, tried=None, kept=kept_nowhere):
    boxed = judge.threat.box is not None
    radius = linear_radius(judge.model, judge.x, judge.y, judge.threat.norm, judge.batch_size, boxed=boxed)
    radius = np.where(np.isnan(radius), np.float32(0), radius)
    beyond_rounding = radius > (1 + ROUNDING) * judge.threat.eps
    return Certificate("linear model", radius > judge.threat.eps, True, beyond_rounding, radius)


def _by_bounds(bounding, judge, progress, tried=None, kept=kept_nowhere):
    tried, certified = np.arange(len(judge.x)) if tried is None else tried, np.zeros(len(judge.x), bool)
    if len(tried):
        options = {"batch_size": judge.batch_size, "progress": progress}
        certified[tried] = bounding.certified(judge.x[tried], judge.y[tried], **options)
    method = "interval and linear bounds" if has_linear_bounds(judge.model) else "interval bounds"
    return Certificate(method, certified, False, certified)


def _by_smoothing(smoothing, unit, judge, progress, tried=None, kept=kept_nowhere):
    """No attack contradicts it: what is attacked is a vote of few copies, which abstains where it is close."""
    options = {"sigma": smoothing.sigma, "n0": smoothing.n0, "n": smoothing.n, "alpha": smoothing.alpha}
    found = certify(smoothing.classifier, judge.x, seed=judge.seed, progress=progress, kept=kept, **options)
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
