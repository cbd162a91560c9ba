"""Cuts of singular values as compression: the last suggestion of Cocola, Rabindranath.

A matrix (m, n) of rank r is stored as two, r (m + n) numbers; where that is more than m n, as one.

Command: `tfadv reproduce compression` (`--dataset fashion_mnist`). Expected: half of the weights are not needed.
"""

import math

import numpy as np

from tfadv.experiments.latent.networks import DOCUMENT, on_images, presets
from tfadv.reports import figures
from tfadv.reports.document import Figure
from tfadv.study import Claim, Clean, Experiment, Network, Under

SHARES = tuple(range(10, 100, 10))
# Of the 2L and LRL networks, by the number of pixels and classes.
WIDTHS = {"2l": (128, 128), "lrl": (128, 128, 128)}
THREAT = "l2:0.5"


class Compression(Experiment):
    name, title = "compression", "Cuts of singular values as compression"
    document, ids = DOCUMENT, ("compression",)
    scales = presets()

    def networks(self):
        named = on_images("2l") if self.preset == "smoke" else on_images("2l", "lrl")
        for whole in tuple(named):
            for share in (50,) if self.preset == "smoke" else SHARES:
                title = f"{named[whole].title}, {share} % cut"
                named[f"{whole}-{share}"] = Network(title=title, of=(whole,), defense=f"low_rank(share={share / 100})")
        return named

    def measures(self):
        return {"clean": Clean("Test images"), "pgd": Under("pgd(steps=40)", THREAT, "PGD, l_2 0.5")}

    def derived(self, found):
        stored = lambda name: found[name, "clean"].map(lambda _: np.array(self.stored(name)), share=True)  # noqa: E731
        return {"stored": ("Weights stored", stored)}

    def stored(self, name):
        """The share of the weights of the whole network, biases and all, that a cut one takes.

        >>> round(Compression().stored("2l-50"), 3)
        0.64
        """
        whole, _, share = name.partition("-")
        pixels, classes = (64, 10) if self.scale.dataset == "digits" else (784, 10)
        sizes = (pixels, *WIDTHS[whole], classes)
        full = cut = 0
        for m, n in zip(sizes, sizes[1:], strict=False):
            rank = min(m, n) - math.floor(int(share or 0) * min(m, n) / 100)
            full, cut = full + m * n + n, cut + min(m * n, rank * (m + n)) + n
        return cut / full

    def claims(self, found):
        for whole in WIDTHS:
            title = on_images(whole)[whole].title
            loss = found[f"{whole}-50", "clean"] - found[whole, "clean"]
            says = f"{title}: half of the singular values cost at most 1 point on test images"
            yield Claim(f"half-{whole}", says, loss, above=-0.01, published="safe compression")
            gain = found[f"{whole}-50", "pgd"] - found[whole, "pgd"]
            says = f"{title}: it is as robust under PGD as the whole network, to 1 point"
            yield Claim(f"robust-{whole}", says, gain, above=-0.01, published="safe with respect to attacks")

    def tables(self, found):
        note = "Each matrix of rank r is stored as two where that is smaller; biases are stored as they are."
        yield found.grid("table", "Accuracy and size", columns=["stored", "clean", "pgd"], note=note)

    def figures(self, found):
        for key, what in (("clean", "test images"), ("pgd", "PGD, l_2 0.5")):
            curves = {}
            for whole in WIDTHS:
                names = [name for name in found.networks if name.partition("-")[0] == whole]
                if names:
                    values = {"eps": [self.stored(n) for n in names], "accuracy": [found[n, key].mean for n in names]}
                    curves[on_images(whole)[whole].title] = values
            png = figures.accuracy_curves(curves, title=f"Accuracy: {what}", xlabel="share of the weights stored")
            yield Figure(f"Accuracy against size: {what}", png, "", f"size-{key}")
