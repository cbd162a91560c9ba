"""Accuracy against eps."""

from typing import NamedTuple

import numpy as np


class Known(NamedTuple):
    """What an evaluation has found out at its own eps; one row an image.

    Attributes:
        distance: of the perturbation that broke the image, (n,); 0 where it was wrong from the start.
        broken_by: which attack did, or -1. robust: right under every attack.
    """

    distance: np.ndarray
    broken_by: np.ndarray
    robust: np.ndarray


def accuracy_curve(judge, eps, attack, *, known=None, on_step=lambda done, total: None):
    """Accuracy at each eps, attacking only images that are still right: what a smaller eps breaks, a larger one does.

    Args:
        judge: a `Judge`; of its threat model the norm is used.
        eps: ascending radii, 0 is clean accuracy.
        known: a `Known` about the threat model's own eps. Images that an attack broke count as broken from their
            distance on, and those that withstood all are not attacked again with a smaller eps.
        on_step: called after each eps, for progress.

    Returns:
        (len(eps),) array, never rising.
    """
    attack = judge.until_fooled(attack)
    right = judge.clean.copy()
    accuracies = []
    for done, radius in enumerate(eps):
        open_ = right.copy()
        if known is not None:
            fell = (known.broken_by >= 0) & (known.distance <= radius + 1e-6)
            right &= ~fell
            open_ = right & ~(known.robust & (radius <= judge.threat.eps))
        active = np.flatnonzero(open_)
        if radius > 0 and len(active):
            right[active] &= judge.withstands(attack, active, eps=radius)
        accuracies.append(right.mean())
        on_step(done + 1, len(eps))
    return np.array(accuracies)


def grid(threat, points=9):
    """Radii from 0 to twice the threat model's eps."""
    return np.linspace(0, min(2 * float(threat.eps), threat.widest), points)


def large(threat, pixels):
    """A radius at which any image can become any gray one: 0.5 a pixel. No honest classifier withstands it."""
    return threat.gray(pixels)
