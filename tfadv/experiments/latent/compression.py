"""Cuts of singular values as compression: the last suggestion of Cocola, Rabindranath.

A matrix (m, n) of rank r is stored as two, r (m + n) numbers; where that is more than m n, as one.

Command: `tfadv reproduce compression` (`--dataset fashion_mnist`). Expected: half of the singular values cost
many points, and more under PGD.
"""

import dataclasses

import numpy as np

from tfadv.experiments.latent.networks import DOCUMENT, on_images, presets
from tfadv.reports import figures
from tfadv.reports.document import Figure
from tfadv.study import Claim, Clean, Experiment, Network, Under
from tfadv.study.measures import titled

SHARES = tuple(range(10, 100, 10))
KINDS = ("2l", "lrl")
THREAT = "l2:0.5"
# A singular value counts as none below this share of the largest: kernels are float32.
NONE = 1e-5


@dataclasses.dataclass(frozen=True)
class Stored:
    """The share of a network's weights that is stored where each kernel of rank r is two where that is smaller."""

    title: str = titled("Weights stored")

    def __call__(self, network):
        from tfadv.defenses.low_rank import kernels_of

        full = saved = sum(weight.shape.num_elements() for weight in network.model.weights)
        for kernel in kernels_of(network.model):
            matrix = kernel.numpy().reshape(-1, kernel.shape[-1])
            sizes = np.linalg.svd(matrix, compute_uv=False)
            saved -= max(matrix.size - int(np.sum(sizes > NONE * sizes[0])) * sum(matrix.shape), 0)
        return {"value": np.array(saved / full)}


class Compression(Experiment):
    name, title = "compression", "Cuts of singular values as compression"
    document, ids = DOCUMENT, ("compression",)
    scales = presets(minutes=0.7)

    def networks(self):
        named = on_images("2l") if self.preset == "smoke" else on_images("2l", "lrl")
        for whole in tuple(named):
            for share in (50,) if self.preset == "smoke" else SHARES:
                title = f"{named[whole].title}, {share} % cut"
                named[f"{whole}-{share}"] = Network(title=title, of=(whole,), defense=f"low_rank(share={share / 100})")
        return named

    def measures(self):
        return {
            "stored": Stored(),
            "clean": Clean("Test images"),
            "pgd": Under("pgd(steps=40)", THREAT, "PGD, l_2 0.5"),
        }

    def derived(self, found):
        return {"share": ("Weights stored", lambda name: found[name, "stored"].map(np.asarray, share=True))}

    def claims(self, found):
        for whole in KINDS:
            title = on_images(whole)[whole].title
            loss = found[f"{whole}-50", "clean"] - found[whole, "clean"]
            says = f"{title}: half of the singular values cost at most 1 point on test images"
            yield Claim(f"half-{whole}", says, loss, above=-0.01, published="safe compression")
            gain = found[f"{whole}-50", "pgd"] - found[whole, "pgd"]
            says = f"{title}: it is as robust under PGD as the whole network, to 1 point"
            yield Claim(f"robust-{whole}", says, gain, above=-0.01, published="safe with respect to attacks")

    def tables(self, found):
        note = "Each matrix of rank r is stored as two where that is smaller; biases are stored as they are."
        yield found.grid("table", "Accuracy and size", columns=["share", "clean", "pgd"], note=note)

    def figures(self, found):
        for key, what in (("clean", "test images"), ("pgd", "PGD, l_2 0.5")):
            curves = {}
            for whole in KINDS:
                names = [name for name in found.networks if name.partition("-")[0] == whole]
                if names:
                    low, high = np.transpose([found[n, key].interval for n in names])
                    values = {
                        "eps": [found[n, "stored"].mean for n in names],
                        "accuracy": [found[n, key].mean for n in names],
                        "low": low,
                        "high": high,
                    }
                    curves[on_images(whole)[whole].title] = values
            axes = {"xlabel": "share of the weights that is stored", "ylabel": "accuracy"}
            title = f"Accuracy against size: {what}"
            png = figures.accuracy_curves(curves, title=title, **axes)
            caption = "Where two matrices would be larger than one, one is stored: 10 % cut stands at the right edge."
            yield Figure(title, png, caption, f"size-{key}")
