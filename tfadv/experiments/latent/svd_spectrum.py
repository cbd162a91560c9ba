"""Do perturbations attack the smallest singular values? The hypothesis behind the cuts of Cocola, Rabindranath.

The first weight matrix is W = U diag(s) V^T. How much of an image, and of the change that fools the network, lies along
which right singular vectors? Beside the networks of the document one that is trained with a penalty on its weights,
which Tanay and Griffin 2018 say makes it more robust.

Command: `tfadv reproduce svd-spectrum` (`--dataset fashion_mnist`). Expected: no; perturbations lie along the largest.
"""

import dataclasses

import numpy as np

from tfadv.experiments.latent.adversaries import GoalAdversaries, Smallest
from tfadv.experiments.latent.distances import SCALE, columns, lie_farther
from tfadv.experiments.latent.networks import DOCUMENT, on_images, presets
from tfadv.reports import figures
from tfadv.reports.document import Figure
from tfadv.study import Claim, Clean, Experiment, First
from tfadv.study.measures import titled

LOWEST = 0.4


@dataclasses.dataclass(frozen=True)
class Spectrum:
    """How the energy of the network's own `adversaries` spreads over the right singular vectors of its first kernel.

    `value`, (n,), is the share of ||V^T delta||^2 along the lowest 40 % of them; `of_x` that of ||V^T x||^2. `delta`
    and `x`, (k,), are what lies along the first, the first two, ... largest, of the whole energy: the mean over images.

    Args:
        of: the network that is measured: its adversaries are asked for by its name.
    """

    of: str
    title: str = titled("Perturbation along the lowest 40 %")

    @property
    def needs(self):
        """The adversaries of the network itself."""
        return ((self.of, "adversaries"),)

    def __call__(self, network):
        from tfadv.defenses.low_rank import kernels_of

        known = network.other(self.of, "adversaries")
        found = np.isfinite(known["value"]) & (known["value"] > 0)
        x = known["x"][found].reshape(found.sum(), -1).astype(np.float64)
        delta = known["x_adv"][found].reshape(x.shape) - x
        kernel = kernels_of(network.model)[0].numpy().astype(np.float64)
        vectors, sizes, _ = np.linalg.svd(
            kernel, full_matrices=False
        )  # x W: the right vectors of W^T are the left of W
        along = {"delta": energies(delta, vectors), "x": energies(x, vectors)}
        low = len(sizes) - int(LOWEST * len(sizes))
        shares = {name: part[:, low:].sum(axis=1) / part.sum(axis=1) for name, part in along.items()}
        whole = {"delta": (delta**2).sum(axis=1), "x": (x**2).sum(axis=1)}
        curves = {name: (part / whole[name][:, None]).mean(axis=0).cumsum() for name, part in along.items()}
        return {"value": shares["delta"], "of_x": shares["x"], "sizes": sizes, **curves}


def energies(rows, vectors):
    """The squared components of rows (n, d) along orthonormal columns (d, k): (n, k)."""
    return (rows @ vectors) ** 2


class SvdSpectrum(Experiment):
    name, title = "svd_spectrum", "Along which singular values networks are attacked"
    document, ids = DOCUMENT, ("svd-spectrum",)
    scales = presets(minutes=1.4)

    @property
    def only(self):
        """Each network's spectrum is of its own adversaries."""
        return {f"spectrum-{name}": name for name in self.networks()}

    def networks(self):
        named = on_images("2l") if self.preset == "smoke" else on_images("2l", "lrl")
        for name in tuple(named):
            title = f"{named[name].title}, weights penalized"
            named[f"{name}_l2"] = dataclasses.replace(named[name], title=title, weight_decay=0.003)
        return named

    def measures(self):
        each = {f"spectrum-{name}": Spectrum(name) for name in self.networks()}
        return {"clean": Clean(), "adversaries": GoalAdversaries(), "smallest": First(500, Smallest()), **each}

    def derived(self, found):
        own = lambda array: lambda name: found[name, f"spectrum-{name}", array].map(np.asarray, share=True)  # noqa: E731
        return {
            "delta": ("Of the perturbation, along the lowest 40 %", own("value")),
            "x": ("Of the image", own("of_x")),
            **columns(found),
            **columns(found, "smallest"),
        }

    def claims(self, found):
        for name, network in found.networks.items():
            says = f"{network.title}: most of the perturbation lies along the lowest 40 % of the singular values"
            options = {"published": "mainly the lowest (hypothesis)"}
            yield Claim(f"lowest-{name}", says, found[name, "delta"], above=0.5, **options)
            says = f"{network.title}: more of the perturbation lies there than of the image"
            yield Claim(f"more-{name}", says, found[name, "delta"] - found[name, "x"], above=0.0)
        for name in [name for name in found.networks if f"{name}_l2" in found.networks]:
            says = (
                f"{found.networks[name].title}: with a penalty on the weights, most images are farther from another "
                "prediction"
            )
            samples = (found[f"{name}_l2", "smallest"], found[name, "smallest"])
            yield lie_farther(f"penalty-{name}", says, *samples, published="more robust (Tanay, Griffin)")

    def tables(self, found):
        note = (
            "Shares are of what lies in the span of the singular vectors. Distances: ||delta||_2 / ||x||_2, to a "
            f"confidence of 95 % for another class, and to another prediction. {SCALE}"
        )
        shown = ["clean", "adversaries-median", "adversaries-found", "smallest-median", "delta", "x"]
        yield found.grid("table", "Energy along the lowest singular values", columns=shown, note=note)

    def figures(self, found):
        for name, network in found.networks.items():
            arrays = found.arrays(name, f"spectrum-{name}")
            if arrays:
                at = np.arange(1, len(arrays["sizes"]) + 1)
                curves = {what: {"eps": at, "accuracy": arrays[key]} for key, what in
                          (("delta", "perturbation"), ("x", "image"))}  # fmt: skip
                axes = {"xlabel": "largest singular values", "ylabel": "share of the energy"}
                png = figures.accuracy_curves(curves, title=network.title, **axes)
                caption = "How much of the whole energy lies along the largest singular values; the rest is not seen."
                yield Figure(f"Energy along singular vectors: {network.title}", png, caption, f"spectrum-{name}")
