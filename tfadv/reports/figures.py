"""The pictures of the reports, as PNG bytes: the same arguments give the same bytes.

Each function takes `path=` too, and then also writes the file. Colors are Okabe and Ito's, which
color-blind readers tell apart, and lines differ in dashes and markers as well, for print.
"""

import math

import numpy as np

from tfadv.errors import invalid
from tfadv.reports import canvas

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#E69F00", "#56B4E9")
DASHES = ("-", (0, (5, 2)), (0, (1, 1.2)), (0, (6, 2, 1, 2)), (0, (3, 1, 1, 1, 1, 1)))
MARKERS = ("o", "s", "^", "D", "v", "X", "P")
HATCHES = ("", "///", "...", "xxx")


@canvas.style()
def accuracy_curves(
    curves,
    *,
    vertical_lines=None,
    title="Accuracy against the size of the perturbation",
    xlabel="eps",
    ylabel="accuracy",
    path=None,
):
    """Accuracy against eps, one line per name.

    Args:
        curves: name -> {`eps`: (k,), `accuracy`: (k,) in [0, 1]}, optionally with `low` and `high` (k,), a
            band over seeds, and `style`, the numbers of its color and of its dashes.
        vertical_lines: label -> eps.

    >>> png = accuracy_curves({"mlp": {"eps": [0, 0.1], "accuracy": [0.9, 0.1]}}, vertical_lines={"eps": 0.1})
    """
    figure = canvas.figure(4.8 + 0.3 * _legend_rows(curves))
    axes = figure.add_subplot()
    for number, (name, curve) in enumerate(curves.items()):
        _curve(axes, number, name, curve)
    for label, eps in (vertical_lines or {}).items():
        _vertical_line(axes, label, eps)
    axes.set(title=title, xlabel=xlabel)
    axes.margins(x=0.02)
    _percent_axis(axes.yaxis, axes.set_ylim, ylabel)
    _legend_below(figure, axes, curves)
    return canvas.png(figure, path)


@canvas.style()
def accuracy_plane(groups, *, title="Accuracy under attack against natural accuracy", path=None):
    """Accuracy under attack against accuracy on natural images, a point a network.

    Args:
        groups: name -> {`natural`: (k,), `robust`: (k,), both in [0, 1]}, and `joined` where a line leads from each
            point to the next.
    """
    from matplotlib.ticker import PercentFormatter

    figure = canvas.figure(4.8 + 0.3 * _legend_rows(groups))
    axes = figure.add_subplot()
    for number, (name, group) in enumerate(groups.items()):
        line = _line(number) if group.get("joined") else {"color": _line(number)["color"], "linestyle": "none"}
        line |= {"marker": MARKERS[number % len(MARKERS)], "markersize": 7}
        axes.plot(group["natural"], group["robust"], label=name, **line)
    axes.set(title=title, xlabel="accuracy on natural images", ylabel="accuracy under attack")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
    axes.grid(True)
    _legend_below(figure, axes, groups)
    return canvas.png(figure, path)


@canvas.style()
def roc_curves(curves, title="Receiver operating characteristic", *, path=None):
    """ROC curves on their square, with the diagonal of a coin.

    Args:
        curves: name -> (false positive rates (k,), true positive rates (k,), area under the curve).
    """
    figure = canvas.figure(6.2 + 0.3 * len(curves))
    axes = figure.add_subplot(aspect="equal")
    axes.plot([0, 1], [0, 1], color="#888888", linewidth=1)
    for number, (name, (fpr, tpr, auc)) in enumerate(curves.items()):
        axes.plot(fpr, tpr, label=f"{name} (AUC {auc:.3f})", **_line(number))
    axes.set(title=title, xlabel="false positive rate", ylabel="true positive rate")
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    axes.grid(True)
    _legend_below(figure, axes, curves, columns=1)
    return canvas.png(figure, path)


@canvas.style()
def accuracy_bars(bars, *, title="Accuracy", path=None):
    """Horizontal bars, a group per name, as high as it has bars.

    Args:
        bars: name -> {series: (accuracy in [0, 1], (low, high) or None)}, e.g. the series clean and robust.
    """
    series = list(dict.fromkeys(label for group in bars.values() for label in group))
    height = 0.8 / max(len(series), 1)
    drawn = [[label for label in series if label in group] for group in bars.values()]
    counts = [max(len(labels), 1) for labels in drawn]
    first = [sum(counts[:row]) * height + 0.2 * row for row in range(len(bars))]
    figure = canvas.figure(1.7 + 0.45 * sum(counts))
    axes = figure.add_subplot()
    for number, label in enumerate(series):
        places = [
            top + labels.index(label) * height for top, labels in zip(first, drawn, strict=True) if label in labels
        ]
        _bars(axes, number, label, places, [group[label] for group in bars.values() if label in group], height)
    axes.set_yticks([top + (count - 1) * height / 2 for top, count in zip(first, counts, strict=True)], list(bars))
    axes.invert_yaxis()
    axes.set_title(title)
    label = f"accuracy, {series[0]}" if len(series) == 1 else "accuracy"
    _percent_axis(axes.xaxis, axes.set_xlim, label, high=1.18)
    _legend_below(figure, axes, series if len(series) > 1 else ())
    return canvas.png(figure, path)


@canvas.style()
def distance_histogram(distances, *, vertical_lines=None, title="", xlabel="distance", bins=40, path=None):
    """How far the images lie that fooled, stacked.

    Args:
        distances: name -> (m,) distances, at least one, e.g. a name per attack.
        vertical_lines: label -> eps.
    """
    lines = vertical_lines or {}
    top = max([*map(np.max, distances.values()), *lines.values(), 1e-12])
    edges = np.linspace(0, top, bins + 1)
    figure = canvas.figure(3.2 + 0.3 * _legend_rows(distances))
    axes = figure.add_subplot()
    below = np.zeros(bins)
    for number, (name, values) in enumerate(distances.items()):
        counts, _ = np.histogram(values, edges)
        look = {"color": COLORS[number % len(COLORS)], "hatch": HATCHES[number % len(HATCHES)], "edgecolor": "white"}
        axes.bar(edges[:-1], counts, np.diff(edges), below, align="edge", label=name, linewidth=0.5, **look)
        below = below + counts
    for label, eps in lines.items():
        _vertical_line(axes, label, eps, foot=False)
    axes.set(title=title, xlabel=xlabel, ylabel="images", xlim=(0, top * 1.02))
    axes.set_ylim(0, below.max() * 1.18)  # room for the names of the lines
    axes.yaxis.get_major_locator().set_params(integer=True)
    axes.grid(True, axis="y")
    axes.set_axisbelow(True)
    _legend_below(figure, axes, distances)
    return canvas.png(figure, path)


@canvas.style()
def gallery(x, x_adv, titles_clean, titles_adv, magnify=None, *, columns=4, title="", path=None):
    """Clean images, adversarial images and their magnified difference, below one another.

    The difference is signed: in gray images blue is darker, red brighter and white unchanged; in color
    images gray is unchanged.

    Args:
        x, x_adv: images (m, h, w, c) in [0, 1] with c 1 or 3.
        titles_clean, titles_adv: m texts each, e.g. the predicted label and its confidence.
        magnify: factor of the difference; the largest that loses nothing if None.
        columns: images in a row; more images go into further bands below.
    """
    x, difference = np.asarray(x, np.float32), np.asarray(x_adv, np.float32) - np.asarray(x, np.float32)
    if x.ndim != 4 or x.shape[0] == 0:
        raise invalid("gallery", "images (m, h, w, c) with m >= 1", f"shape {x.shape}")
    magnify = magnify or max(1, math.floor(1 / max(float(np.nanmax(np.abs(difference))), 1e-3) + 1e-3))
    rows = (
        ("clean", x, titles_clean),
        ("adversarial", x_adv, titles_adv),
        (f"difference ×{magnify:g}", _signed(difference * magnify), None),
    )
    columns = min(columns, max(len(x), 3))
    bands = math.ceil(len(x) / columns)
    figure = canvas.figure(bands * (3 * canvas.WIDTH / columns + 1.2) + 0.4 * bool(title))
    figure.suptitle(title or None)
    grid = _blank(figure.subplots(3 * bands, columns, squeeze=False))
    for number in range(len(x)):
        band, column = divmod(number, columns)
        for row, (label, images, titles) in enumerate(rows):
            axes = grid[3 * band + row, column]
            _image(axes, images[number], _short(titles[number], columns) if titles is not None else "")
            axes.set_ylabel(label if column == 0 else "")
    return canvas.png(figure, path)


@canvas.style()
def image_grid(images, titles=None, columns=5, *, title="", path=None):
    """Images (m, h, w, c) in [0, 1] in rows of `columns`, each under its title."""
    images = np.asarray(images, np.float32)
    if images.ndim != 4 or images.shape[0] == 0:
        raise invalid("image_grid", "images (m, h, w, c) with m >= 1", f"shape {images.shape}")
    rows = math.ceil(len(images) / columns)
    lines = 1 + max(text.count("\n") for text in titles or [""])
    figure = canvas.figure(rows * (canvas.WIDTH / columns + 0.1 + 0.25 * lines) + 0.4 * bool(title))
    figure.suptitle(title or None)
    grid = _blank(figure.subplots(rows, columns, squeeze=False))
    for number, image in enumerate(images):
        _image(grid.flat[number], image, titles[number] if titles else "")
    return canvas.png(figure, path)


def _line(number, dash=None):
    dashes = DASHES[(number if dash is None else dash) % len(DASHES)]
    return {"color": COLORS[number % len(COLORS)], "linestyle": dashes, "linewidth": 2.2}


def _curve(axes, number, name, curve):
    order = np.argsort(curve["eps"], kind="stable")
    eps, accuracy = (np.asarray(curve[key], np.float64)[order] for key in ("eps", "accuracy"))
    color, dash = curve.get("style", (number, number))
    marker = MARKERS[dash % len(MARKERS)]
    every = max(1, len(eps) // 10)  # Markers on all of 50 points would hide the dashes.
    axes.plot(eps, accuracy, label=name, marker=marker, markersize=5, markevery=every, **_line(color, dash))
    if curve.get("low") is not None and curve.get("high") is not None:
        low, high = (np.asarray(curve[key], np.float64)[order] for key in ("low", "high"))
        axes.fill_between(eps, low, high, color=COLORS[color % len(COLORS)], alpha=0.2, linewidth=0)


def _vertical_line(axes, label, eps, foot=True):
    axes.axvline(eps, color="#666666", linewidth=1.2, linestyle=(0, (2, 2)), zorder=0)
    where = axes.get_xaxis_transform()
    # At the foot, where curves that start high have not come down yet, and on white where they have.
    text = {"fontsize": 12, "color": "#444444", "rotation": 90, "ha": "right", "va": "bottom" if foot else "top"}
    paper = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1}
    axes.annotate(
        label, (eps, 0.02 if foot else 0.98), (-3, 0), xycoords=where, textcoords="offset points", bbox=paper, **text
    )


def _bars(axes, number, label, places, values, height):
    color, hatch = COLORS[number % len(COLORS)], HATCHES[number % len(HATCHES)]
    axes.barh(places, [value for value, _ in values], height * 0.92, label=label, color=color, hatch=hatch, ec="white")
    # With ends, so that it is not read as a minus, and on white, so that it is seen on dark bars.
    look = {"color": "black", "linewidth": 1.5, "marker": "|", "markersize": 8, "markeredgewidth": 1.5}
    for place, (value, interval) in zip(places, values, strict=True):
        if interval:
            axes.plot(interval, [place, place], path_effects=[canvas.halo()], **look)
        edge = (max([value, *(interval or ())]), place)
        axes.annotate(f"{100 * value:.1f} %", edge, (8, 0), textcoords="offset points", va="center", fontsize=12)


def _percent_axis(axis, set_limits, label, high=1.0):
    from matplotlib.ticker import PercentFormatter

    set_limits(-0.01 if high == 1.0 else 0, high + (0.01 if high == 1.0 else 0))
    # Long names of bars leave little room for what stands below them.
    axis.set_ticks(np.linspace(0, 1, 6 if high == 1.0 else 5))
    axis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
    axis.set_label_text(label)
    axis.axes.grid(True, axis=axis.axis_name)
    axis.axes.set_axisbelow(True)


def _legend_rows(names):
    return len(names) if any(len(name) > 24 for name in names) else math.ceil(len(names) / 2)


def _legend_below(figure, axes, names, columns=None):
    """Below the axes a legend hides nothing, however many lines there are."""
    if names:
        columns = columns or (1 if _legend_rows(names) == len(names) else 2)
        figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=columns, frameon=False)


def _signed(difference):
    """A difference in [-1, 1] as images: a diverging color map for one channel, around gray for three."""
    import matplotlib

    difference = np.clip(np.nan_to_num(difference), -1, 1)
    if difference.shape[-1] == 1:
        return matplotlib.colormaps["RdBu_r"]((difference[..., 0] + 1) / 2)[..., :3]
    return (difference + 1) / 2


def _blank(grid):
    for axes in grid.flat:
        axes.set_axis_off()
    return grid


def _short(title, columns):
    """A title whose lines reach into no neighbor: ImageNet's classes are called by all of their synonyms."""
    cut = lambda line, room: line if len(line) <= room else line[: room - 1] + "\N{HORIZONTAL ELLIPSIS}"  # noqa: E731
    return "\n".join(cut(line, 68 // columns) for line in title.split("\n"))


def _image(axes, image, title):
    """One image with hard pixels, framed: the white of a difference would have no edge on white paper."""
    image = np.clip(np.nan_to_num(np.asarray(image, np.float32)), 0, 1)
    if image.shape[-1] not in (3, 4):
        image = np.repeat(image[..., :1], 3, axis=-1)
    axes.imshow(image, interpolation="nearest", vmin=0, vmax=1)
    axes.set_axis_on()
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set(visible=True, color="#bbbbbb", linewidth=0.8)
    axes.set_title(title, fontsize=12.5, pad=4)
