"""Which attack made an image: residuals that high-pass filters leave, told apart by a forest.

The filters are those of steganalysis (Fridrich, Kodovsky: Rich Models for Steganalysis of Digital Images, 2012), on
which Bonnet, Furon, Bas: Adversarial images through stega glasses, 2020, build their detectors.
"""

import dataclasses

import numpy as np

from tfadv.reports.heatmap import heatmap
from tfadv.study.measures import titled

# First and second differences, and the 3x3 kernel of Ker and Boehme; in levels of 1/255, cut at `CUT`.
FILTERS = (
    np.array([[-1, 1]]),
    np.array([[-1], [1]]),
    np.array([[1, -2, 1]]),
    np.array([[1], [-2], [1]]),
    np.array([[-1, 2, -1], [2, -4, 2], [-1, 2, -1]]),
)
CUT, BINS = 40, 21


@dataclasses.dataclass(frozen=True)
class AttackForensics:
    """Trains a forest on half of the images that are right, each clean and after every attack; asks about the others.

    `value`, (m,), is where it named the right origin; `confusion`, (k, k), has a row for each true origin; `f1`, (k,).

    Args:
        kinds: (name, attack's spec, threat's spec); clean images are a kind of their own, the first.
        bits: how finely images are stored before they are looked at; 0 leaves them as the attack made them.
    """

    kinds: tuple[tuple[str, str, str], ...]
    bits: int = 8
    trees: int = 200
    title: str = titled("Origin named")

    def __call__(self, network):
        from sklearn.ensemble import RandomForestClassifier

        origins = [self._stored(x) for x in self._origins(network)]
        features = np.stack([self._features(network, x) for x in origins])  # (kinds, n, features)
        known, asked = features[:, ::2], features[:, 1::2]
        truth = [np.repeat(np.arange(len(part)), part.shape[1]) for part in (known, asked)]
        forest = RandomForestClassifier(self.trees, random_state=network.seed).fit(np.concatenate(known), truth[0])
        named = forest.predict(np.concatenate(asked))
        confusion = np.zeros((len(origins), len(origins)))
        np.add.at(confusion, (truth[1], named), 1)
        return {"value": named == truth[1], "confusion": confusion, "f1": f1(confusion)}

    def _origins(self, network):
        from tfadv import attacks

        places = np.flatnonzero(network.judge().clean)
        yield network.x[places]
        for number, (name, attack, threat) in enumerate(self.kinds):
            network.progress(name, number, len(self.kinds))
            yield network.judge(threat).attack(attacks.get(attack), places)

    def _stored(self, x):
        levels = 2**self.bits - 1
        return np.round(x * levels) / levels if self.bits else x

    def _features(self, network, x):
        """Histograms of the residuals, their moments, and the sorted logits: (n, features)."""
        from tfadv.evaluation import metrics

        parts = [np.sort(metrics.logits(network.model, x), axis=1)]
        for kernel in FILTERS:
            residual = filtered(255 * x.astype(np.float64), kernel).reshape(len(x), -1)
            parts += [histograms(residual), residual.std(axis=1, keepdims=True), abs(residual).mean(1, keepdims=True)]
        return np.concatenate(parts, axis=1)

    def pictures(self, arrays, names, title):
        """The confusion matrix, rows summing to 1."""
        kinds = ["clean", *(name for name, *_ in self.kinds)]
        shares = arrays["confusion"] / arrays["confusion"].sum(axis=1, keepdims=True)
        return [(title, heatmap(shares, kinds, kinds, title=title, xlabel="named", ylabel="origin"))]


def filtered(x, kernel):
    """The valid correlation of images (n, h, w, c) with a kernel, channel by channel."""
    height, width = (size - part + 1 for size, part in zip(x.shape[1:3], kernel.shape, strict=True))
    terms = (
        weight * x[:, row : row + height, column : column + width] for (row, column), weight in np.ndenumerate(kernel)
    )
    return sum(terms)


def histograms(residual):
    """The shares of residuals (n, d) in `BINS` equal bins from -CUT to CUT, the outer ones open: (n, BINS)."""
    bins = np.clip(np.floor((residual + CUT) / (2 * CUT) * BINS), 0, BINS - 1).astype(int)
    return np.stack([(bins == number).mean(axis=1) for number in range(BINS)], axis=1)


def f1(confusion):
    """2 TP / (2 TP + FP + FN) of each class, of a matrix with a row for each true class."""
    hits = np.diag(confusion)
    return 2 * hits / np.maximum(confusion.sum(axis=0) + confusion.sum(axis=1), 1)
