"""Which attack made an image: residuals that high-pass filters leave, told apart by a forest.

The filters are those of steganalysis (Fridrich, Kodovsky: Rich Models for Steganalysis of Digital Images, 2012), on
which Bonnet, Furon, Bas: Adversarial images through stega glasses, 2020, build their detectors.
"""

import dataclasses

import numpy as np

from tfadv.reports.heatmap import heatmap
from tfadv.study.measures import titled
from tfadv.study.sample import ratio

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
class NamedOrigins:
    """Trains a forest on half of the images that are right, each clean and after every attack; asks about the others.

    `value`, (n,), is the share of an image's k origins that it names: its answers about one image are not independent.
    `named`, (n, k), is what it names each of them.

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
        truth = np.arange(len(origins))
        forest = RandomForestClassifier(self.trees, random_state=network.seed)
        forest.fit(np.concatenate(known), truth.repeat(known.shape[1]))
        named = forest.predict(np.concatenate(asked)).reshape(asked.shape[:2]).T
        return {"value": (named == truth).mean(axis=1), "named": named}

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
        shares = np.stack([(arrays["named"] == k).mean(axis=0) for k in range(len(kinds))], axis=1)
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


def f1(named):
    """2 TP / (2 TP + FP + FN) of each origin, of what each of an image's is named, (n, k): image by image, (n, k).

    The means over images are the F1; their spread is that of the ratios, by images.
    """
    truth = np.arange(named.shape[1])
    hits, times = named == truth, (named[:, :, None] == truth).sum(axis=1)
    return np.stack([ratio(2 * hits[:, k], 1 + times[:, k]) for k in truth], axis=1)
