"""A linear classifier by hand: scores, the two losses and their gradients, and the descent, in NumPy.

Images are rows x~ = [x; 1], so that the last row of W, (d + 1, classes), is the bias. The document prints the gradient
of one image's hinge loss; here are the two terms that it leaves out, 1/n and 2 decay W. Where a margin is 0 the
subgradient taken is 0.
"""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class ByHandRecipe:
    """How an SVM is trained.

    Attributes:
        rate: the learning rate.
        decay: lambda in lambda sum(W^2).
        scale: pixels are in 0..scale.
        deviation: of the normal distribution of the first W.
        bias: what stands in the place of the 1 of [x; 1].
    """

    rate: float
    decay: float
    scale: float
    deviation: float
    bias: float


# A: the constants of Stanford's course CS231n, where this experiment comes from. B: the same descent on pixels in
# [0, 1], W times 255. C: as the document prints it, 2.5e-4 and pixels in [0, 1].
RECIPES = {
    "a": ByHandRecipe(rate=1e-7, decay=2.5e4, scale=255.0, deviation=0.001, bias=1.0),
    "b": ByHandRecipe(rate=1e-7 * 255**2, decay=2.5e4 / 255**2, scale=1.0, deviation=0.255, bias=1 / 255),
    "c": ByHandRecipe(rate=1e-7, decay=2.5e-4, scale=1.0, deviation=0.001, bias=1.0),
}


def scores(w, x):
    """s = x~ W: (n, d + 1) to (n, classes)."""
    return x @ w


def hinge(w, x, y, decay=0.0, delta=1.0):
    """1/n sum_i sum_{j != y_i} max(0, s_j - s_{y_i} + delta) + decay sum(W^2), and its gradient, (d + 1, classes)."""
    rows, s = np.arange(len(y)), scores(w, x)
    margins = s - s[rows, y][:, None] + delta
    margins[rows, y] = 0
    pull = (margins > 0).astype(w.dtype)
    pull[rows, y] = -pull.sum(axis=1)
    loss = np.maximum(margins, 0).sum() / len(y) + decay * (w**2).sum()
    return loss, x.T @ pull / len(y) + 2 * decay * w


def softmax(w, x, y, decay=0.0):
    """1/n sum_i -log(e^{s_{y_i}} / sum_j e^{s_j}) + decay sum(W^2), and its gradient, (d + 1, classes)."""
    rows, s = np.arange(len(y)), scores(w, x)
    s = s - s.max(axis=1, keepdims=True)  # so that no exponential overflows
    log_p = s - np.log(np.exp(s).sum(axis=1, keepdims=True))
    pull = np.exp(log_p)
    pull[rows, y] -= 1
    return -log_p[rows, y].mean() + decay * (w**2).sum(), x.T @ pull / len(y) + 2 * decay * w


LOSSES = {"hinge": hinge, "softmax": softmax}


def numeric(loss, w, entry, step=1e-6):
    """The central difference of `loss(w)` in one entry of W."""
    sides = []
    for sign in (1, -1):
        moved = w.copy()
        moved[entry] += sign * step
        sides.append(loss(moved)[0])
    return (sides[0] - sides[1]) / (2 * step)


def rows_of(images, mean, recipe):
    """[x; bias] of images (n, h, w, c), less the mean image: (n, d + 1), in the precision of the mean.

    Args:
        images: uint8, or float in [0, 1]; mean: (h, w, c) in [0, 1].
    """
    x = np.full((len(images), mean.size + 1), recipe.bias, mean.dtype)
    of_byte = recipe.scale / (255 if images.dtype == np.uint8 else 1)
    np.multiply(images.reshape(len(images), -1), of_byte, out=x[:, :-1], casting="same_kind")
    x[:, :-1] -= (recipe.scale * mean).ravel()
    return x


def descend(images, labels, mean, recipe, *, classes=10, iterations=1500, batch=200, seed=0):
    """Stochastic gradient descent on the hinge loss: W, and the loss of each iteration's images before its step.

    Every iteration draws its images anew, with replacement, as the course's code does.
    """
    rng = np.random.default_rng(seed)
    w = (recipe.deviation * rng.standard_normal((mean.size + 1, classes))).astype(mean.dtype)
    losses = np.zeros(iterations)
    for k in range(iterations):
        at = rng.integers(0, len(labels), batch)
        losses[k], gradient = hinge(w, rows_of(images[at], mean, recipe), labels[at], recipe.decay)
        w -= recipe.rate * gradient
    return w, losses
