"""Trainings that collapsed: a network that answers no better than one that always says the same."""

import numpy as np


def remarks(metrics, settings, labels, within_eps):
    """A sentence about a network at chance, with what helps; none about one that has learned.

    At chance is what does not exceed the share of the commonest class by more than three standard deviations.

    Args:
        metrics: of the epoch that is kept.
        settings: a `Settings`.
        labels: those that the metrics are of, (n,) integers.
        within_eps: whether it was trained on images attacked within an eps.
    """
    chance = np.bincount(labels).max() / len(labels)
    limit = chance + 3 * np.sqrt(chance * (1 - chance) / len(labels))
    prefix = "val_" if settings.validation else ""
    clean, attacked = metrics.get(f"{prefix}accuracy", 1.0), metrics.get("val_adv_accuracy", 1.0)
    if clean <= limit:
        said = f"The training collapsed: {clean:.1%} of the images are classified correctly"
    elif within_eps and attacked <= limit:
        said = f"The training did not make the network robust: {attacked:.1%} of the images are right under attack"
    else:
        return []
    return [f"{said}, and who always says the commonest class is right on {chance:.1%}. {_help(settings, within_eps)}"]


def _help(settings, within_eps):
    if within_eps and not settings.eps_ramp:
        return "Let eps grow over the first epochs, e.g. --eps-ramp 0.5, or train at a smaller eps or learning rate."
    smaller = "at a smaller eps or learning rate" if within_eps else "at another learning rate"
    return f"Train {smaller}, or for more epochs."
