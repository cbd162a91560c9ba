"""A matrix of numbers from 0 to 1 as a picture: confusions, similarities. See `tfadv.reports.figures`."""

import numpy as np

from tfadv.reports import canvas

# Above so many rows the numbers would not be read.
WRITTEN = 12


@canvas.style()
def heatmap(values, rows=None, columns=None, *, title="", xlabel="", ylabel="", path=None):
    """A square for each number of a matrix, darker where it is higher, and the number in it where there is room.

    Args:
        values: (r, c) in [0, 1]; NaN stays white.
        rows, columns: r and c names; None numbers them from 1.

    >>> png = heatmap([[1.0, 0.2], [0.2, 1.0]], ["a", "b"], ["a", "b"], title="Similarity")
    """
    values = np.asarray(values, np.float64)
    figure = canvas.figure(canvas.WIDTH * min(1.0, 0.15 + 0.85 * values.shape[0] / values.shape[1]))
    axes = figure.add_subplot()
    image = axes.imshow(values, cmap="Blues", vmin=0, vmax=1)
    figure.colorbar(image, ax=axes, shrink=0.7)
    _named(axes.set_yticks, values.shape[0], rows)
    _named(axes.set_xticks, values.shape[1], columns, rotation=90 if columns is not None else 0)
    axes.set(title=title, xlabel=xlabel, ylabel=ylabel)
    if max(values.shape) <= WRITTEN:
        for (row, column), value in np.ndenumerate(values):
            color = "white" if value > 0.6 else "black"
            axes.text(column, row, f"{value:.2f}", ha="center", va="center", color=color, fontsize=11)
    return canvas.png(figure, path)


def _named(set_ticks, count, names, **options):
    every = max(1, count // 10) if names is None else 1
    places = range(0, count, every)
    set_ticks(places, [str(place + 1) for place in places] if names is None else list(names), **options)
