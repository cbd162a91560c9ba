"""A photograph that a network of ImageNet is sure of, and what a little noise makes of it: section "Fooling neural
networks" of Vuong 2020.

The document shows a Rhodesian ridgeback, which ResNet-50 knows with more than 90 %, and says neither eps nor attack.
Here are FGSM and PGD at 1, 2 and 4 / 255, towards any wrong class and towards random ones, on photographs of one's own.

Command: `tfadv reproduce ridgeback-fooling --model FILE.keras --dataset FOLDER`. Expected: PGD at 1/255 makes nearly
every photograph a wrong class that the network is sure of; random noise four times as large makes none.
"""

import dataclasses
import typing

import numpy as np

from tfadv.experiments.cifar_svm_resnet.networks import DOCUMENT
from tfadv.experiments.photographs import Ascent, Fooled, OnPhotographs, counted, largest, named, presets, surely
from tfadv.reports import figures
from tfadv.reports.document import Figure, Table, percent
from tfadv.study import Claim
from tfadv.study.claims import ExactClaim

BYTES = (1, 2, 4)
ATTACKS = {"fgsm": ("FGSM", "fgsm", 0), "pgd": ("PGD-10", "pgd(steps=10)", 0),
           "targeted": ("PGD-10, random targets", "pgd(steps=10)", 2)}  # fmt: skip
SHOWN = 4
WRONG = "completely predicts the wrong class with reasonable accuracy"


@dataclasses.dataclass(frozen=True, kw_only=True)
class RidgebackFooling(OnPhotographs):
    name: typing.ClassVar[str] = "ridgeback_fooling"
    title: typing.ClassVar[str] = "A photograph, a little noise, another class"
    document: typing.ClassVar[str] = DOCUMENT
    ids: typing.ClassVar[tuple[str, ...]] = ("ridgeback-fooling",)
    scales: typing.ClassVar[dict] = presets(minutes=0.4)
    usual: typing.ClassVar[str] = "ResNet50"

    def measures(self):
        found = {
            f"{key}-{k}": Fooled(attack, f"linf:{k}/255", targets, f"{key}-{k}" == "pgd-1", f"{title} at {k}/255")
            for key, (title, attack, targets) in ATTACKS.items()
            for k in BYTES
        }
        noise = Fooled("noise", f"linf:{BYTES[-1]}/255", title=f"Random noise at {BYTES[-1]}/255")
        return found | {"noise": noise, "ascent": Ascent(f"linf:{BYTES[0]}/255")}

    def claims(self, found):
        of, last = lambda *key: self.of(found, *key), BYTES[-1]
        sure = of("pgd-1", "before").map(np.max)
        says = "Of one photograph at least the network is more than 90 % sure"
        yield ExactClaim("sure", says, sure, above=0.9, published="over 90 %")
        for k in BYTES:
            says = f"PGD at {k}/255 makes most photographs a wrong class that the network is more than 50 % sure of"
            yield Claim(f"pgd-{k}", says, surely(of(f"pgd-{k}")), above=0.5, published=WRONG)
        says = f"At {last}/255 the network is surer of the wrong class after PGD than after FGSM"
        gain = of(f"pgd-{last}") - of(f"fgsm-{last}")
        yield Claim("steps", says, gain, above=0.0, published="FGSM is still not a powerful attack")
        says = f"PGD at {last}/255 leads most photographs to a class drawn at random, with more than 50 %"
        yield Claim("targeted", says, surely(of(f"targeted-{last}")), above=0.5, published="not tried")
        says = f"Random noise at {last}/255 changes fewer classes than FGSM"
        gain = surely(of(f"fgsm-{last}"), 0) - surely(of("noise"), 0)
        yield Claim("noise", says, gain, above=0.0, published="not created by adding random noise")
        says = "Stored in 8 bits, most photographs after PGD at 1/255 are a wrong class still"
        yield Claim("stored", says, surely(of("pgd-1", "saved"), 0), above=0.5, published="not said")
        says = "No pixel moved by more than eps (measured: by how much more)"
        beyond = [of(f"{key}-{k}", "moved").map(lambda moved, k=k: moved - k / 255) for key in ATTACKS for k in BYTES]
        yield ExactClaim("size", says, largest(*beyond), below=1e-6)

    def tables(self, found):
        rows = []
        for key in found.measures:
            if key != "ascent" and ("network", key) in found:
                value, saved = self.of(found, key), self.of(found, key, "saved")
                cells = (counted(surely(value, 0)), counted(surely(value)), counted(surely(saved, 0)))
                rows.append((found.measures[key].title, *cells, percent(value.mean)))
        heads = ("Attack", "wrong", "wrong by more than 50 %", "wrong, stored in 8 bits", "mean probability")
        note = (
            "Of targeted attacks: the target, in the place of any wrong class. It counts as 0 where it was not reached."
        )
        yield Table("Photographs that became another class", heads, tuple(rows), note, "table")
        arrays, names = found.arrays("network", "pgd-1"), found.fact("class_names")
        if arrays:
            pairs = zip(arrays["before"], arrays["after"], strict=True)
            shown = [[named(said, names, 3).replace("\n", "; ") for said in pair] for pair in pairs]
            yield Table("The three likeliest classes", ("Photograph", "After PGD at 1/255"), tuple(map(tuple, shown)),
                        "", "classes")  # fmt: skip

    def figures(self, found):
        names = found.fact("class_names")
        arrays = found.arrays("network", "pgd-1")
        if arrays:
            text = "Above each what the network says; below the difference, magnified."
            yield Figure("Before and after PGD at 1/255", pictures(arrays, names), text, "images")
        ascent = found.arrays("network", "ascent")
        if ascent:
            curves = {
                title: {"eps": ascent["at"], "accuracy": ascent[key].mean(axis=0)}
                for key, title in (("right", "the class before"), ("wrong", "the likeliest other class"))
            }
            title = "Probability along the steps of PGD at 1/255"
            png = figures.accuracy_curves(curves, title=title, xlabel="step", ylabel="mean probability")
            yield Figure(title, png, "Means over the photographs.", "steps")

    def notes(self, found):
        yield from super().notes(found)
        yield (
            "The labels are what the network says of the photographs, as in the document. Its photograph and weights "
            "are not these; and what it calls accuracy is the probability that the network gives to a class."
        )


def pictures(arrays, names, shown=SHOWN):
    """The photographs that the network was surest of, what PGD made of them, and the difference."""
    few = arrays["before"].max(axis=1).argsort()[::-1][:shown]
    titles = [[named(said, names, between="\n") for said in arrays[key][few]] for key in ("before", "after")]
    return figures.gallery(arrays["x"][few], arrays["x_adv"][few], *titles)
