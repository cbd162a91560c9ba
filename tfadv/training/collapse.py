"""Trainings that collapsed: a network that answers no better than one that always says the same."""

import numpy as np

from tfadv.training.settings import class_of

# What chance may be exceeded by where images are few: a tenth of the way to a network that is always right.
MARGIN = 0.1


def remarks(history, kept, settings, labels, held_out=None, averaging=()):
    """Sentences about a network at chance, with what helps; none about one that has learned.

    At chance is what does not exceed the share of the commonest class by more than three standard deviations. Where
    these are more than a tenth of the way to 1, as few images are held out, nothing is said of a network that is above
    chance on those that it is trained on.

    Args:
        history: the metrics of each epoch.
        kept: which of them is kept, from 0.
        settings: a `Settings`.
        labels: of the images that are trained on, (n,) integers.
        held_out: how many images are held out, of which the metrics are; None where none are.
        averaging: sentences that the first weights are a part of the average that is kept, which are said too. Of a
            network at chance one sentence says why: that, unless the weights themselves are at chance while training.
    """
    chance = np.bincount(labels).max() / len(labels)
    limit, enough = _limit(chance, held_out or len(labels))
    (clean, attacked), (last, _) = (_accuracies(metrics, settings) for metrics in (history[kept], history[-1]))
    learned = history[kept]["accuracy"] > _limit(chance, len(labels))[0]
    blurred = bool(averaging) and learned
    always = f"who always says the commonest class is right on {chance:.1%}."
    if (learned and not enough) or (blurred and max(clean, last) <= limit):
        return [*averaging]
    if clean <= limit < last:
        early = (
            f"Epoch {kept + 1} was kept, as no other withstands attacks better, but is right on {clean:.1%} of the "
            f"images without attack, and {always} The last epoch is right on {last:.1%}: it is in last.keras."
        )
        return [*averaging, early if blurred else f"{early} {_help(settings)}"]
    if clean <= limit:
        collapsed = f"The training collapsed: {clean:.1%} of the images are classified correctly"
        return [f"{collapsed}, and {always} {_help(settings)}"]
    if class_of(settings.method).trains_robust and attacked <= limit:
        weak = f"The training did not make the network robust: {attacked:.1%} of the images are right under attack"
        return [*averaging, f"{weak}, and {always} {_help(settings)}"]
    return [*averaging]


def _limit(chance, n):
    """The highest accuracy on n images that is at chance, and whether they are enough to tell."""
    deviations, margin = 3 * np.sqrt(chance * (1 - chance) / n), MARGIN * (1 - chance)
    return chance + min(deviations, margin), deviations <= margin


def _accuracies(metrics, settings):
    """Of clean and of attacked images; 1 where it was not measured."""
    if settings.validation:
        return metrics["val_accuracy"], metrics.get("val_adv_accuracy", 1.0)
    method = class_of(settings.method)
    learned = metrics["accuracy"]
    return (1.0, learned) if method.trains_robust and not method.learns_clean else (learned, 1.0)


def _help(settings):
    within_eps = class_of(settings.method).trains_robust
    if within_eps and not settings.eps_ramp:
        return (
            "Let eps grow over the first epochs, e.g. --eps-ramp 0.5, train for more epochs, or at a smaller eps or "
            "learning rate."
        )
    return f"Train for more epochs, or at {'a smaller eps or' if within_eps else 'another'} learning rate."
