"""Trainings that collapsed: a network that answers no better than one that always says the same."""

import numpy as np

from tfadv.training.settings import class_of


def remarks(history, kept, settings, labels, blurred=False):
    """A sentence about a network at chance, with what helps; none about one that has learned.

    At chance is what does not exceed the share of the commonest class by more than three standard deviations.

    Args:
        history: the metrics of each epoch.
        kept: which of them is kept, from 0.
        settings: a `Settings`.
        labels: those that the metrics are of, (n,) integers.
        blurred: whether the first weights are a part of the average that is kept, of which a sentence tells already:
            then that is why it is at chance, unless the weights themselves are at chance while training.
    """
    chance = np.bincount(labels).max() / len(labels)
    limit = chance + 3 * np.sqrt(chance * (1 - chance) / len(labels))
    (clean, attacked), (last, _) = (_accuracies(metrics, settings) for metrics in (history[kept], history[-1]))
    always = f"who always says the commonest class is right on {chance:.1%}."
    blurred = blurred and history[kept]["accuracy"] > limit
    helps = "" if blurred else f" {_help(settings)}"
    if clean <= limit < last:
        return [
            f"Epoch {kept + 1} was kept, as no other withstands attacks better, but is right on {clean:.1%} of the "
            f"images without attack, and {always} The last epoch is right on {last:.1%}: it is in last.keras.{helps}"
        ]
    if clean <= limit and blurred:
        return []
    if clean <= limit:
        said = f"The training collapsed: {clean:.1%} of the images are classified correctly"
    elif class_of(settings.method).trains_robust and attacked <= limit:
        said = f"The training did not make the network robust: {attacked:.1%} of the images are right under attack"
    else:
        return []
    return [f"{said}, and {always} {_help(settings)}"]


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
