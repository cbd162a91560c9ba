"""Accuracy against eps."""

from typing import NamedTuple

import numpy as np

from tfadv.evaluation.metrics import correct


class Known(NamedTuple):
    """What an evaluation has found out at its own eps; one row an image.

    Attributes:
        distance: of the perturbation that broke the image, (n,); 0 where it was wrong from the start.
        broken_by: which attack did, or -1. standing: right under every attack.
    """

    distance: np.ndarray
    broken_by: np.ndarray
    standing: np.ndarray


def accuracy_curve(
    model, x, y, threat, eps, attack, *, seed=0, batch_size=500, draws=1, known=None, on_step=lambda done, total: None
):
    """Accuracy at each eps, attacking only what still stands: what fell to a smaller eps falls to a larger one.

    Args:
        threat: its norm is used; eps: ascending radii, 0 is clean accuracy.
        draws: passes that judge an image, for random models.
        known: a `Known` about the threat model's own eps. Images that an attack broke count as broken from their
            distance on, and those that withstood all are not attacked again with a smaller eps.
        on_step: called after each eps, for progress.

    Returns:
        (len(eps),) array, never rising.
    """
    attack = attack.until_fooled()
    standing = correct(model, x, y, batch_size, draws)
    accuracies = []
    for done, radius in enumerate(eps):
        open_ = standing.copy()
        if known is not None:
            fell = (known.broken_by >= 0) & (known.distance <= radius + 1e-6)
            standing &= ~fell
            open_ = standing & ~(known.standing & (radius <= threat.eps))
        alive = np.flatnonzero(open_)
        if radius > 0 and len(alive):
            x_adv = attack(
                model, x[alive], y[alive], threat=threat.with_eps(float(radius)), seed=seed, batch_size=batch_size
            )
            standing[alive] &= correct(model, x_adv, y[alive], batch_size, draws)
        accuracies.append(standing.mean())
        on_step(done + 1, len(eps))
    return np.array(accuracies)


def grid(threat, points=9):
    """Radii from 0 to twice the threat model's eps."""
    return np.linspace(0, 2 * float(threat.eps), points)


def large(threat, pixels):
    """A radius at which any image can become any gray one: 0.5 a pixel. No honest classifier stands it."""
    return {"linf": 0.5, "l2": 0.5 * pixels**0.5, "l1": 0.5 * pixels}[threat.norm]
