"""Numbers that are no accuracies, along an axis: losses over iterations. See `tfadv.reports.figures`."""

import numpy as np

from tfadv.reports import canvas
from tfadv.reports.figures import COLORS, DASHES


@canvas.style()
def line_chart(lines, *, title="", xlabel="iteration", ylabel="loss", logarithmic=False, path=None):
    """One line a name.

    Args:
        lines: name -> (x, y), (k,) each.
        logarithmic: whether the y axis is.

    >>> png = line_chart({"loss": ([0, 1, 2], [9.0, 3.0, 1.0])}, logarithmic=True)
    """
    figure = canvas.figure(4.8 + 0.3 * len(lines))
    axes = figure.add_subplot()
    for number, (name, (x, y)) in enumerate(lines.items()):
        look = {"color": COLORS[number % len(COLORS)], "linestyle": DASHES[number % len(DASHES)]}
        axes.plot(np.asarray(x), np.asarray(y), label=name, linewidth=1.8, **look)
    axes.set(title=title, xlabel=xlabel, ylabel=ylabel)
    if logarithmic:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter("{x:g}")  # matplotlib's own is mathematics, which our style does not set
    axes.margins(x=0.02)
    axes.grid(True)
    axes.set_axisbelow(True)
    figure.legend(loc="outside lower center", ncols=1, frameon=False)
    return canvas.png(figure, path)
