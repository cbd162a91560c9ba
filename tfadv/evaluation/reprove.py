"""What a verification does about the certificate of a result, and the answer to `--at-least` that may rest on it.

Bounds and the radii of linear models are computed again. Votes are not counted again: that what is said of them is
consistent is all that is looked at.
"""

import numpy as np
from scipy.stats import norm

from tfadv.evaluation.certificates import ROUNDING, certificate, proof_method
from tfadv.evaluation.certificates.smoothing import lower_bound, radius_for, smoothing_of
from tfadv.evaluation.judge import Judge
from tfadv.evaluation.records import Failed
from tfadv.progress import silent

# How far a radius that was kept in float32 may be from what it was, and of what share of many images another processor
# may prove something else, by rounding.
TINY, SHARE = 1e-6, 1e-3


def has_certificate(result):
    """Whether a result says that images are certified, and may say which: that of several threat models does not."""
    return result.certificate is not None or result.arrays.get("certified", np.zeros(1)).any()


def certificate_follows(work):
    """The images that are said to be certified are."""
    proof, certified = work.result.certificate, _certified(work)
    if proof is None or certified is None:
        raise Failed("which images are certified, and how, is not said as `tfadv evaluate` says it")
    if bool(proof["confidence"]) != (smoothing_of(work.judge.model) is not None):
        raise Failed("a certificate has a confidence if it is of a smoothed model, and of no other")
    if abs(proof["accuracy"] - certified.mean()) > 1e-9:
        raise Failed(f"{certified.mean():.2%} of the images are certified, and the result says {proof['accuracy']:.2%}")
    method = proof_method(work.judge)
    if isinstance(method, str):
        raise Failed(f"nothing can be proven here: {method}")
    if proof["confidence"]:
        return _votes_are_consistent(work, certified)
    again, exact = method.prove(work.judge, silent, np.flatnonzero(certified)), proof["exact"] is not False
    if exact != again.exact:
        raise Failed(
            f"the certificate is {'' if exact else 'not '}said to be exact, and by {again.method} it is not so"
        )
    return (_exact_radii_agree if exact else _bounds_prove)(work, again, certified)


def _certified(work):
    """Which images are said to be certified, (n,) bool, or None; older results give the radii of linear models only."""
    arrays = work.result.arrays
    return arrays.get("certified", arrays["radius"] > work.threat.eps if "radius" in arrays else None)


def _bounds_prove(work, again, certified):
    left = np.flatnonzero(certified & ~again.certified)
    if left.size:  # which an eps that is smaller by as much as rounding explains has to leave
        smaller = work.threat.with_eps((1 - ROUNDING) * work.threat.eps)
        false = ~certificate(work.judge.only(left).under(smaller, 0)).certified
        if false.any():
            raise Failed(f"of {false.sum():,} images that are said to be certified this is not so")
    rounded = f", but for {left.size:,} that rounding decides" if left.size else ""
    return f"{certified.mean():.2%} proven again by {work.result.certificate['method']}{rounded}"


def _exact_radii_agree(work, again, certified):
    kept, eps = work.result.arrays.get("radius"), work.threat.eps
    if kept is None or not np.allclose(kept, again.radius, rtol=ROUNDING, atol=ROUNDING * eps):
        raise Failed("the radii of the images are not those of the linear model")
    if (abs(again.radius - eps) > ROUNDING * eps)[certified != again.certified].any():
        raise Failed("other images are certified than those whose radius is above eps")
    return f"{certified.mean():.2%} are robust exactly, as the radii of the linear model say again"


def _votes_are_consistent(work, certified):
    smoothing, radius, eps = smoothing_of(work.judge.model), work.result.arrays.get("radius"), work.threat.eps
    if radius is None or np.isnan(radius).any() or (abs(radius - eps) > TINY)[certified != (radius > eps)].any():
        raise Failed("other images are certified than those whose radius is above eps")
    votes = lower_bound(np.arange(smoothing.n + 1), smoothing.n, smoothing.alpha)
    possible = np.maximum(0, smoothing.sigma * norm.ppf(votes)) / radius_for(work.threat, work.x.shape[1:])
    above = possible[np.searchsorted(possible, radius - TINY).clip(max=smoothing.n)]
    if (abs(above - radius) > TINY).any() or abs(work.result.certificate["confidence"] - 1 + smoothing.alpha) > TINY:
        raise Failed(f"{smoothing.n:,} copies of sigma {smoothing.sigma:g} give no such radii, or another confidence")
    return f"{certified.mean():.2%}, from radii that {smoothing.n:,} noisy copies may give; they are not asked again"


def all_images(work, split):
    """The `Certificate` of all images of a split, made again where the answer to `--at-least` rests on one; or None."""
    claimed = work.result.gate.get("proven")
    if claimed is None:
        return None
    judge = Judge(work.judge.model, split.x, split.y, work.threat, batch_size=work.judge.batch_size)
    why = "the model is random" if work.judge.random else proof_method(judge)
    if isinstance(why, str):
        raise Failed(f"nothing can be proven here: {why}")
    found = certificate(judge)
    if abs(int(found.certified.sum()) - claimed) > SHARE * len(split):
        raise Failed(f"{found.certified.sum():,} of all images are certified, and the result says {claimed:,}")
    return found
