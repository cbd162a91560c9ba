"""The figures of an experiment that asks for no others: its accuracies as bars, and a figure a curve. No TensorFlow."""

from tfadv.reports import figures
from tfadv.reports.document import Figure


def drawn(found):
    """`Figure`s of all that was measured, but for measures of one network only."""
    networks = [name for name, network in found.networks.items() if not network.aside]
    several = [key for key in found.measures if sum((name, key) in found for name in networks) > 1]
    accuracies = [key for key in several if all(found[name, key].is_accuracy for name in networks)]
    if accuracies:
        yield Figure("Accuracy", figures.accuracy_bars(found.bars(*accuracies)), "With 95% intervals.", "accuracy")
    for key in several:
        if xlabel := getattr(found.measures[key], "xlabel", None):
            title = f"Accuracy under {found.measures[key].title or key}"
            png = figures.accuracy_curves(found.curves(key), title=title, xlabel=xlabel)
            yield Figure(f"{title}, against {xlabel}", png, "", f"curve-{key}")
