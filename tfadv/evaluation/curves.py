"""Accuracy against eps."""

import numpy as np

from tfadv.evaluation.metrics import correct


def accuracy_curve(model, x, y, threat, eps, attack, *, seed=0, batch_size=500, on_step=lambda: None):
    """Accuracy at each eps, attacking only what still stands: what fell to a smaller eps falls to a larger one.

    Args:
        threat: its norm is used; eps: ascending radii, 0 is clean accuracy.
        on_step: called after each eps, for progress.

    Returns:
        (len(eps),) array, never rising.
    """
    standing = correct(model, x, y, batch_size)
    accuracies = []
    for radius in eps:
        alive = np.flatnonzero(standing)
        if radius > 0 and len(alive):
            x_adv = attack(
                model,
                x[alive],
                y[alive],
                threat=threat.with_eps(float(radius)),
                seed=seed,
                batch_size=batch_size,
            )
            standing[alive] &= correct(model, x_adv, y[alive], batch_size)
        accuracies.append(standing.mean())
        on_step()
    return np.array(accuracies)


def grid(threat, points=9):
    """Radii from 0 to twice the threat model's eps."""
    return np.linspace(0, 2 * float(threat.eps), points)


def large(threat, pixels):
    """A radius at which any image can become any gray one: 0.5 a pixel. No honest classifier stands it."""
    return {"linf": 0.5, "l2": 0.5 * pixels**0.5, "l1": 0.5 * pixels}[threat.norm]
