"""The drawings of the document: clouds of points, scores. PNG bytes; no TensorFlow."""

import numpy as np

from tfadv.reports import canvas
from tfadv.reports.figures import COLORS

CLOUD = ([3.0, 2.0], [[4.0, 1.8], [1.8, 1.2]])  # mean and covariance, as slanted as the document's


@canvas.style()
def preprocessing(points=200, seed=0, path=None):
    """A cloud of points as it is, less its mean, and over its deviation: three panels on the same axes."""
    cloud = np.random.default_rng(seed).multivariate_normal(*CLOUD, size=points)
    centered = cloud - cloud.mean(axis=0)
    panels = {"original": cloud, "less the mean": centered, "over the deviation": centered / centered.std(axis=0)}
    figure = canvas.figure(3.0)
    for axes, (name, shown) in zip(figure.subplots(1, 3, sharex=True, sharey=True), panels.items(), strict=True):
        axes.axhline(0, color="#666666", linewidth=1)
        axes.axvline(0, color="#666666", linewidth=1)
        axes.scatter(*shown.T, s=8, color=COLORS[0])
        axes.set(title=name, aspect="equal", xlim=(-6, 9), ylim=(-6, 9))
        axes.tick_params(labelsize=10)
    return canvas.png(figure, path)


@canvas.style()
def score_sketch(scores, names, path=None):
    """The scores of one image as bars, and beside each what softmax makes of it.

    Args:
        scores: (classes,); names: of the classes.
    """
    shares = np.exp(scores - scores.max())
    shares /= shares.sum()
    figure = canvas.figure(4.5)
    axes = figure.add_subplot()
    places = np.arange(len(scores))
    axes.barh(places, scores, color=[COLORS[0] if score < scores.max() else COLORS[1] for score in scores])
    for place, (score, share) in enumerate(zip(scores, shares, strict=True)):
        axes.annotate(f"{100 * share:.0f} %", (max(score, 0), place), (4, 0), textcoords="offset points", va="center")
    axes.axvline(0, color="black", linewidth=1)
    axes.set_yticks(places, names)
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.set(title="Scores of one image, and their softmax", xlabel="score")
    return canvas.png(figure, path)


@canvas.style()
def decision_plane(panels, eps, path=None):
    """The regions of classifiers of the plane, points of two classes, and squares around them.

    Args:
        panels: title -> (arrays as `WholeSquare` has them, whether squares and samples are drawn).
        eps: half the width of a square.
    """
    from matplotlib.colors import ListedColormap
    from matplotlib.patches import Rectangle

    figure, sides = canvas.figure(3.1), COLORS[:2]
    for axes, (title, (of, squares)) in zip(figure.subplots(1, len(panels)), panels.items(), strict=True):
        axes.imshow(of["regions"], origin="lower", extent=(0, 1, 0, 1), cmap=ListedColormap(sides), alpha=0.2, vmax=1)
        for (a, b), label in zip(of["points"], of["labels"], strict=True):
            if squares:
                axes.add_patch(Rectangle((a - eps, b - eps), 2 * eps, 2 * eps, fill=False, color=sides[label], lw=0.8))
        axes.scatter(*of["points"].T, s=22, c=[sides[label] for label in of["labels"]], zorder=3)
        if squares and of["wrong"].any():
            axes.scatter(*of["samples"][of["wrong"]].T, s=40, marker="*", color="#C00000", zorder=4)
        axes.set(title=title, xlim=(0, 1), ylim=(0, 1), xticks=(), yticks=(), aspect="equal")
        axes.title.set_size(12.5)
    return canvas.png(figure, path)


@canvas.style()
def embeddings(panels, labels, names, path=None):
    """Points of the plane by class, a panel a title.

    Args:
        panels: title -> (n, 2); labels: (n,) ints; names: of the classes.
    """
    import matplotlib

    figure, colors = canvas.figure(4.6), matplotlib.colormaps["tab10"]
    for axes, (title, points) in zip(figure.subplots(1, len(panels)), panels.items(), strict=True):
        for k, name in enumerate(names):
            axes.scatter(*points[labels == k].T, s=7, color=colors(k % 10), label=name)
        axes.set(title=title, xticks=(), yticks=())
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=5, frameon=False, fontsize=11)
    return canvas.png(figure, path)


@canvas.style()
def descent(start=(-2.6, 1.1), rate=0.17, steps=14, path=None):
    """The steps of gradient descent on a^2 / 2 + 2 b^2, over its contours."""
    bowl = lambda a, b: a**2 / 2 + 2 * b**2  # noqa: E731
    places = [np.array(start)]
    for _ in range(steps):
        places.append(places[-1] - rate * places[-1] * [1, 4])
    a, b = np.meshgrid(np.linspace(-3.2, 2.2, 200), np.linspace(-1.4, 1.4, 150))
    figure = canvas.figure(3.4)
    axes = figure.add_subplot()
    axes.contour(a, b, bowl(a, b), levels=np.geomspace(0.03, 8, 11), colors="#999999", linewidths=0.8)
    axes.plot(*np.transpose(places), color=COLORS[1], marker="o", markersize=5, linewidth=1.8)
    axes.plot(0, 0, marker="*", markersize=14, color=COLORS[0])
    axes.set(xlabel="one weight", ylabel="another", xticks=(), yticks=(), aspect="equal")
    return canvas.png(figure, path)


@canvas.style()
def neuron(path=None):
    """A neuron as a function, and under each part what it is called in a nerve cell."""
    figure = canvas.figure(3.0)
    axes = figure.add_subplot()
    arrow = {"arrowstyle": "-|>", "color": "#444444"}
    for k, height in enumerate((1.0, 0.0, -1.0), start=1):
        axes.annotate("", (1.75, 0.25 * height), (0.2, height), arrowprops=arrow)
        axes.text(0, height, f"x{k}", ha="center", va="center")
        axes.text(0.95, 0.62 * height + 0.12, f"w{k}", ha="center", va="bottom", color=COLORS[1])
    boxes = {2.4: "w · x + b", 3.9: "f"}
    for place, text in boxes.items():
        box = {"boxstyle": "round,pad=0.4", "facecolor": "#E8F1F8", "edgecolor": COLORS[0]}
        axes.text(place, 0, text, ha="center", va="center", bbox=box)
    for begin, end in ((3.1, 3.6), (4.2, 4.9)):
        axes.annotate("", (end, 0), (begin, 0), arrowprops=arrow)
    axes.text(5.0, 0, "f(w · x + b)", va="center")
    for place, text in ((0, "dendrites"), (0.95, "synapses"), (2.4, "cell body"), (3.9, "threshold"), (5.6, "axon")):
        axes.text(place, -1.75, text, ha="center", fontsize=12, style="italic", color="#555555")
    axes.set(xlim=(-0.5, 6.4), ylim=(-2, 1.4))
    axes.set_axis_off()
    return canvas.png(figure, path)


@canvas.style()
def receptive_field(size=9, kernel=3, path=None):
    """What one neuron sees of an image: through one convolution, and through two."""
    figure, middle = canvas.figure(3.6), size // 2
    for axes, depth in zip(figure.subplots(1, 2), (1, 2), strict=True):
        seen = np.zeros((size, size))
        for layer in range(depth, 0, -1):
            reach = layer * (kernel // 2)
            seen[middle - reach : middle + reach + 1, middle - reach : middle + reach + 1] += 1
        axes.imshow(seen, cmap="Blues", vmax=3)
        axes.hlines(np.arange(size + 1) - 0.5, -0.5, size - 0.5, color="white", linewidth=1)
        axes.vlines(np.arange(size + 1) - 0.5, -0.5, size - 0.5, color="white", linewidth=1)
        axes.plot(middle, middle, marker="o", color=COLORS[1])
        side = 2 * depth * (kernel // 2) + 1
        axes.set(title=f"{depth} convolution{'s' * (depth > 1)}: {side} x {side}", xticks=(), yticks=())
    return canvas.png(figure, path)


@canvas.style()
def neurons(widths, path=None):
    """Layers of neurons, each joined to all of the next.

    Args:
        widths: neurons of each layer.
    """
    figure = canvas.figure(3.4)
    axes = figure.add_subplot()
    places = [[(k, (number - (width - 1) / 2)) for number in range(width)] for k, width in enumerate(widths)]
    for before, after in zip(places, places[1:], strict=False):
        for a in before:
            for b in after:
                axes.plot(*zip(a, b, strict=True), color="#bbbbbb", linewidth=0.8, zorder=1)
    for k, layer in enumerate(places):
        axes.scatter(*zip(*layer, strict=True), s=260, color=COLORS[k % 3], zorder=2)
        label = "x" if not k else f"f{k}(W{k} ·)" if k < len(places) - 1 else f"W{k} ·"
        axes.text(k, max(y for _, y in layer) + 0.6, label, ha="center", va="bottom")
    axes.set(xlim=(-0.5, len(widths) - 0.5), ylim=(-3, 3.6))
    axes.set_axis_off()
    return canvas.png(figure, path)


@canvas.style()
def chain(names, skip=None, path=None):
    """Boxes in a row, and an arc from one to another.

    Args:
        names: what stands in the boxes.
        skip: (from, to), numbers of boxes that the arc joins; None is no arc.
    """
    figure = canvas.figure(2.9 if skip else 2.2)
    axes = figure.add_subplot()
    arrow = {"arrowstyle": "-|>", "color": "#444444"}
    for k, name in enumerate(names):
        box = {"boxstyle": "round,pad=0.35", "facecolor": "#E8F1F8", "edgecolor": COLORS[0]}
        axes.text(k, 0, name, rotation=90, ha="center", va="center", fontsize=12, bbox=box)
        if k:
            axes.annotate("", (k - 0.25, 0), (k - 0.75, 0), arrowprops=arrow)
    if skip:
        bent = {**arrow, "connectionstyle": "arc3,rad=-0.5", "color": COLORS[1]}
        axes.annotate("", (skip[1] - 0.1, 0.25), (skip[0], 0.5), arrowprops=bent)
    axes.set(xlim=(-0.5, len(names) - 0.5), ylim=(-1, 2.3 if skip else 1))
    axes.set_axis_off()
    return canvas.png(figure, path)


@canvas.style()
def filtered(arrays, path=None):
    """An image, a filter, what the filter answers, and the pooling of that: four panels.

    Args:
        arrays: `image`, (h, w, c), `kernel`, (a, b, c), `response`, (h, w), and `pooled`, (h / 2, w / 2).
    """
    kernel = arrays["kernel"] - arrays["kernel"].min()
    panels = {
        "image": arrays["image"],
        "filter": kernel / max(kernel.max(), 1e-12),
        "response": arrays["response"],
        "pooled": arrays["pooled"],
    }
    figure = canvas.figure(2.4)
    for axes, (title, shown) in zip(figure.subplots(1, len(panels)), panels.items(), strict=True):
        axes.imshow(shown if shown.ndim == 3 and shown.shape[-1] == 3 else np.squeeze(shown), cmap="gray")
        axes.set(xticks=(), yticks=())
        size = " x ".join(map(str, shown.shape[:2]))
        axes.set_title(f"{title}\n{size}", fontsize=12)
    return canvas.png(figure, path)


@canvas.style()
def pooled_numbers(response, path=None):
    """Where numbers of an array differ most, 4 x 4 of them, and beside them the largest of each 2 x 2 that is pooled.

    Args:
        response: (h, w).
    """
    parts = np.lib.stride_tricks.sliding_window_view(response, (4, 4))[::2, ::2]
    spread = parts.std(axis=(2, 3))
    part = parts[np.unravel_index(spread.argmax(), spread.shape)]
    figure = canvas.figure(3.4)
    for axes, shown in zip(figure.subplots(1, 2), (part, part.reshape(2, 2, 2, 2).max(axis=(1, 3))), strict=True):
        of_block = np.kron([[0, 1], [2, 3]], np.ones((len(shown) // 2,) * 2, int))
        for (row, column), value in np.ndenumerate(shown):
            box = {"facecolor": COLORS[of_block[row, column] % len(COLORS)], "alpha": 0.25, "edgecolor": "none"}
            axes.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=13, bbox=box)
        limit = len(shown) - 0.5
        axes.set(xlim=(-0.5, limit), ylim=(limit, -0.5), xticks=(), yticks=(), aspect="equal")
    return canvas.png(figure, path)
