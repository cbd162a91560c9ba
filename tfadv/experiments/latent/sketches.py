"""The bar charts of the document: a group for each way to codes, a bar for each classifier. No TensorFlow."""

import numpy as np

from tfadv.experiments.latent.networks import CODES, HEADS
from tfadv.reports import canvas
from tfadv.reports.figures import COLORS, HATCHES


def by_head(found, measure):
    """The means and intervals of a measure for `figures.accuracy_bars` and `distance_bars`: codes -> {classifier: ...}.

    Codes or classifiers of which nothing was measured are left out.
    """
    groups = {"Images": "{}"} | {title: f"{codes}-{{}}" for codes, (title, _) in CODES.items()}
    shown = {}
    for title, name in groups.items():
        names = {kind: name.format(head) for head, (kind, _) in HEADS.items() if name.format(head) in found.networks}
        samples = {kind: found[name, measure] for kind, name in names.items()}
        shown[title] = {
            kind: (sample.mean, sample.interval) for kind, sample in samples.items() if sample.mean is not None
        }
    return {title: group for title, group in shown.items() if group}


@canvas.style()
def distance_bars(bars, *, title, xlabel, path=None):
    """Horizontal bars, a group per name, on an axis that ends beyond the longest.

    Args:
        bars: name -> {series: (distance, (low, high) or None)}.
    """
    series = list(dict.fromkeys(label for group in bars.values() for label in group))
    figure = canvas.figure(2.2 + 0.45 * sum(len(group) for group in bars.values()))
    axes = figure.add_subplot()
    ticks, top = [], 0.0
    for group in bars.values():
        ticks.append(top + (len(group) - 1) / 2)
        for place, (label, (value, interval)) in enumerate(group.items()):
            number = series.index(label)
            look = {"color": COLORS[number], "hatch": HATCHES[number], "ec": "white"}
            axes.barh(top + place, value, 0.92, **look)
            if interval:
                axes.plot(interval, [top + place] * 2, color="black", marker="|", path_effects=[canvas.halo()])
            edge = (max(value, *(interval or (value,))), top + place)
            axes.annotate(f"{value:.3g}", edge, (8, 0), textcoords="offset points", va="center", fontsize=12)
        top += len(group) + 0.4
    for number, label in enumerate(series):
        axes.barh(np.nan, np.nan, color=COLORS[number], hatch=HATCHES[number], ec="white", label=label)
    axes.set_yticks(ticks, list(bars))
    axes.invert_yaxis()
    axes.set(title=title, xlabel=xlabel)
    axes.margins(x=0.15)
    axes.set_xlim(left=0)
    axes.grid(True, axis="x")
    axes.set_axisbelow(True)
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    return canvas.png(figure, path)
