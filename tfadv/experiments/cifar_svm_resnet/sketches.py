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
