"""How alike the layers of a network are, and how its errors spread over the classes. See `tfadv.study.measures`."""

import dataclasses

import numpy as np

from tfadv.reports.heatmap import heatmap
from tfadv.study.measures import Measure, titled

KINDS = ("ReLU", "Dense")


@dataclasses.dataclass(frozen=True)
class LayerSimilarity:
    """Linear CKA of every two layers, on batches of the judged images.

    CKA(K, L) = HSIC(K, L) / sqrt(HSIC(K, K) HSIC(L, L)) with K = X X^T, X the outputs of a layer as rows, and the
    unbiased HSIC, both its parts averaged over batches (Nguyen, Raghu, Kornblith 2021, eq. 2 and 3).

    `value`, (batches,), is how much of a block the last half of the layers is: the mean CKA of its different layers;
    `cka`, (k, k), is over all batches.

    Args:
        batch: images at a time, at least 4.
        kinds: the names of the classes of the layers that are compared.
    """

    batch: int = 250
    kinds: tuple[str, ...] = KINDS
    title: str = titled("Block structure")

    def __call__(self, network):
        crossed = [hsics([x @ x.T for x in rows]) for rows in outputs(network, self.batch, self.kinds)]
        blocks = np.array([block(normalized(part)) for part in crossed])
        return {"value": blocks, "cka": normalized(np.mean(crossed, axis=0))}

    def pictures(self, arrays, names, title):
        """The heat map of all layers."""
        options = {"xlabel": "layer", "ylabel": "layer", "title": title}
        return [(title, heatmap(arrays["cka"], **options))]


@dataclasses.dataclass(frozen=True)
class FirstComponent:
    """What the first principal component explains of the layer that it explains most of: (batches / 2,) in `value`.

    `layers`, (batches, k), is its share of the variance of each layer's outputs. Which layer it is, is chosen on every
    other batch, and measured on the rest.

    Args:
        batch, kinds: as of `LayerSimilarity`; at least four batches make an interval.
    """

    batch: int = 250
    kinds: tuple[str, ...] = KINDS
    title: str = titled("First component, highest")

    def __call__(self, network):
        every = outputs(network, self.batch, self.kinds)
        shares = np.array([[first_component(x) for x in rows] for rows in every])
        return {"value": shares[1::2, shares[::2].mean(axis=0).argmax()], "layers": shares}


def outputs(network, batch, kinds):
    """The outputs of a network's layers of these kinds as rows, (batch, d) each, batch by batch of the images."""
    import keras

    chosen = [layer for layer in network.model.layers if type(layer).__name__ in kinds]
    model = keras.Model(network.model.input, [layer.output for layer in chosen])
    for start in range(0, len(network.x) - batch + 1, batch):
        parts = model(network.x[start : start + batch], training=False)
        yield [np.asarray(part).reshape(batch, -1).astype(np.float64) for part in parts]


def hsics(grams):
    """The unbiased HSIC of every two of k Gram matrices (n, n), n at least 4: (k, k) (Song et al. 2012, eq. 5)."""
    n = len(grams[0])
    zeroed = [gram * (1 - np.eye(n)) for gram in grams]
    sums, totals = [gram.sum(axis=0) for gram in zeroed], [gram.sum() for gram in zeroed]
    found = np.empty((len(grams), len(grams)))
    for i, k in enumerate(zeroed):
        for j, other in enumerate(zeroed):
            trace, mean = (k * other).sum(), totals[i] * totals[j] / ((n - 1) * (n - 2))
            found[i, j] = (trace + mean - 2 / (n - 2) * sums[i] @ sums[j]) / (n * (n - 3))
    return found


def normalized(hsic):
    """CKA of the matrix of all HSIC: 1 on its diagonal."""
    scale = np.sqrt(np.clip(np.diag(hsic), 1e-30, None))
    return hsic / np.outer(scale, scale)


def block(cka):
    """The mean over different layers of the last half, at least two."""
    first = max(min(len(cka) // 2, len(cka) - 2), 0)
    last = cka[first:, first:]
    return last[~np.eye(len(last), dtype=bool)].mean()


def first_component(x):
    """The share of the variance of rows (n, d) along their first principal component."""
    centered = x - x.mean(axis=0)
    spectrum = np.linalg.eigvalsh(centered @ centered.T)
    return spectrum[-1] / max(spectrum.sum(), 1e-30)


@dataclasses.dataclass(frozen=True)
class ByClass:
    """The accuracy of another measure, one number a class: `classes`; `value` is as that measure has it."""

    measure: Measure
    title: str = titled("")

    @property
    def needs(self):
        """The other measure's."""
        return getattr(self.measure, "needs", ())

    def __call__(self, network):
        arrays = self.measure(network)
        known = range(len(network.dataset.class_names))
        of = [arrays["value"][network.y == label] for label in known]
        return {**arrays, "classes": np.array([right.mean() if right.size else np.nan for right in of])}
