"""Do wide and deep networks learn the same? Nguyen, Raghu, Kornblith 2021, which the document cites for table 3.

They found that networks with more weights than the data need have blocks of layers that are all alike, dominated by
one principal component, and that wide and deep networks err on different classes. Here on the networks of `capacity`.

Command: `tfadv reproduce wide-vs-deep-cka`. Expected: small networks on few images show weak blocks at most.
"""

import numpy as np

from tfadv.experiments.biparo.networks import DOCUMENT
from tfadv.experiments.biparo.residual import grid, residual
from tfadv.reports.document import Figure
from tfadv.study import ByClass, Claim, Clean, Experiment, FirstComponent, LayerSimilarity


class WideVsDeepCKA(Experiment):
    name, title = "wide_vs_deep_cka", "Do wide and deep networks learn the same?"
    document, ids = DOCUMENT, ("wide-vs-deep-cka",)
    scales = residual(minutes=4.0)

    def networks(self):
        return grid(self.preset)

    def measures(self):
        batch = 20 if self.preset == "smoke" else 250
        return {
            "clean": ByClass(Clean(), "Natural"),
            "cka": LayerSimilarity(batch),
            "component": FirstComponent(batch),
        }

    def derived(self, found):
        first = lambda name: found[name, "component"].map(np.asarray, share=True)  # noqa: E731
        errors = lambda name: (found[name, "clean"] - found["deep", "clean"]).map(lambda d: d != 0)  # noqa: E731
        return {
            "first": ("First component, highest", first),
            "differ": ("Right where the deep one is not, or the other way", errors),
        }

    def claims(self, found):
        says = "Blocks grow with the width (measured: mean CKA of the last half of the layers, widest less narrowest)"
        gain = found["w12", "cka"] - found["w4", "cka"]
        yield Claim("width", says, gain, above=0.0, published="in wide and in deep networks", over="batches")
        says = "Blocks grow with the depth (measured: the same, deep less narrowest)"
        gain = found["deep", "cka"] - found["w4", "cka"]
        yield Claim("depth", says, gain, above=0.0, published="in wide and in deep networks", over="batches")
        says = "Some layer of the widest network is dominated by its first component (at least half of the variance)"
        options = {"published": "a dominant first component", "over": "batches"}
        yield Claim("first", says, found["w12", "first"], above=0.5, **options)
        says = "Wide and deep networks err on different images (measured: the share on which just one of two errs)"
        yield Claim("differ", says, found["w8", "differ"], above=0.1, published="different errors")

    def tables(self, found):
        note = (
            "CKA on batches of test images; the last half of the layers, each with each other. The layer whose first "
            "component is the highest is chosen on half of the batches, and measured on the others."
        )
        yield found.grid("table", "Layers and errors", columns=["clean", "cka", "first", "differ"], note=note)
        yield found.by_class("classes", "Natural accuracy by class", ("clean", "classes"))

    def figures(self, found):
        for name, network in found.networks.items():
            for title, png in found.pictures(name, "cka", title=network.title):
                yield Figure(f"CKA of all layers: {title}", png, "1 is the first layer.", f"cka-{name}")
