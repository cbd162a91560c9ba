"""Classifiers of latent codes: figures 3 and 4 of Cocola, Rabindranath.

Codes are what the encoder makes of an image, E(x), or the code whose decoded image is nearest, argmin_z ||D(z) - x||_p.

Command: `tfadv reproduce latent-classifiers` (`--dataset fashion_mnist`, `"latent-classifiers(reading=matrices)"`).
Expected: classifiers of images are the most accurate; a ReLU helps on codes and on images.
"""

import dataclasses
import typing

from tfadv.experiments.latent.adversaries import OneDraw, one_draw
from tfadv.experiments.latent.codes import Decoded
from tfadv.experiments.latent.networks import CODES, DEAR, DOCUMENT, HEADS, autoencoders, on_codes, on_images, presets
from tfadv.experiments.latent.sketches import by_head
from tfadv.reports import figures
from tfadv.reports.document import Figure
from tfadv.study import Claim, Experiment, ordered

ERRORS = {
    "encoded": ("encoding", 2, 2, "Encoding, mean squared error"),
    "nearest": ("projection", 2, 2, "Projection in l_2, mean squared error"),
    "nearest_l1": ("projection", 1, 2, "Projection in l_1, mean squared error"),
    "away": ("projection", 2, 1, "Projection in l_2, mean absolute error"),
    "away_l1": ("projection", 1, 1, "Projection in l_1, mean absolute error"),
}
SHOWN = ("encoded", "nearest", "nearest_l1")


@dataclasses.dataclass(frozen=True, kw_only=True)
class LatentClassifiers(Experiment):
    """See the module's docstring.

    Args:
        reading: of the networks that the document calls 1L, 2L and LRL, see `tfadv.experiments.latent.networks`.
    """

    name, title = "latent_classifiers", "Classifiers of latent codes"
    document = DOCUMENT
    ids = (
        "ae", "vae", "latent-ae-encoding", "latent-vae-encoding", "latent-ae-projection", "latent-vae-projection",
        "latent-classifiers",
    )  # fmt: skip
    scales = presets(minutes=5.8, **DEAR)
    only = dict.fromkeys(ERRORS, ("ae", "vae"))

    reading: typing.Literal["layers", "matrices"] = "layers"

    def networks(self):
        small = self.preset == "smoke"
        named, heads = autoencoders(*ERRORS), ("lrl",) if small else tuple(HEADS)
        for head in heads:
            image = head if self.reading == "layers" else f"{head}_matrix"
            named[head] = on_images(image)[image]
        # Heads of the same codes one after another: the codes are kept for so long.
        for codes in ("ae_encoding", "vae_projection") if small else CODES:
            named |= {f"{codes}-{head}": on_codes(self.preset, codes, head, self.reading) for head in heads}
        return named

    def measures(self):
        size = {"n": 20, "steps": 10} if self.preset == "smoke" else {}
        each = {key: Decoded(codes, p, error, title=title, **size) for key, (codes, p, error, title) in ERRORS.items()}
        return {"right": OneDraw(), **each}

    def derived(self, found):
        return one_draw(found)

    def claims(self, found):
        # Chosen on every other image, measured on the rest.
        of = lambda name, half: found[name, "clean"].half(half)  # noqa: E731
        best = lambda names: max(names, key=lambda name: of(name, 0).mean or 0.0)  # noqa: E731
        on = [name for name in found.networks if "-" in name and not name.startswith("vae_mean")]  # no document's
        images, codes = best([name for name in HEADS if name in found.networks]), best(on)
        says = "The best classifier of images is more accurate than the best of codes"
        yield Claim("images", says, of(images, 1) - of(codes, 1), above=0.0, published="highest")
        others = best([name for name in on if name != "ae_encoding-lrl"])
        gain = of("ae_encoding-lrl", 1) - of(others, 1)
        says = f"LRL on AE-ENCODING is the best on codes (measured: its lead over {found.networks[others].title})"
        yield Claim("ae-encoding", says, gain, above=0.0, published="best")
        for key in CODES:
            lrl, *linear = (found[f"{key}-{head}", "clean"] for head in ("lrl", "1l", "2l"))
            for name, sample in zip(("1l", "2l"), linear, strict=True):
                says = f"{CODES[key][0]}: LRL is more accurate than {name.upper()}"
                yield Claim(f"{key}-{name}", says, lrl - sample, above=0.0, published="always")
        for key, network in (("ae", "Autoencoder"), ("vae", "Variational autoencoder")):
            says = f"{network}: projections are decoded nearer to the image than encodings (measured: squared errors)"
            yield ordered(f"nearer-{key}", says, found[key, "encoded"], found[key, "nearest"])

    def notes(self, found):
        yield (
            "The document also tried a generative adversarial network as the decoder, and dropped it. It is left out "
            "here too: it has no encoder, so that it would add one more projection."
        )

    def tables(self, found):
        note = "Classifiers of codes see 150 epochs of the images, those of images 50, as in the document."
        note += " Of a network that draws codes: of one draw, and of the majority of 20."
        yield found.grid("figure-4", "Accuracy of the classifiers", columns=["clean", "majority"], note=note)
        note = "Errors are means over pixels; of a variational encoder the mean is decoded."
        yield found.grid("figure-3", "How well images are decoded", columns=[*ERRORS], rows=["ae", "vae"], note=note)

    def figures(self, found):
        png = figures.accuracy_bars(by_head(found, "clean"), title="Accuracy of the classifiers")
        yield Figure("Accuracy of the classifiers", png, "Figure 4 of the document, on test images.", "figure-4")
        for name in ("ae", "vae"):
            for key in SHOWN:
                title = f"{found.networks[name].title}: {ERRORS[key][3].partition(',')[0].lower()}"
                for _, png in found.pictures(name, key, title=title):
                    yield Figure(title, png, "Test images, and below what is decoded.", f"decoded-{name}-{key}")
