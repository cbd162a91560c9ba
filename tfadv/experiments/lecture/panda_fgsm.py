"""The panda that becomes a gibbon: FGSM with eps = 0.007 on a network of ImageNet (Goodfellow, Shlens, Szegedy 2015).

The lecture shows the photograph, the sign of the gradient as an image, and the sum of both, with what GoogLeNet says of
each. Here is the same of photographs of one's own, and beside it random signs of the same size. The paper says that
0.007 is one bit of 8, which it is where pixels reach from -1 to 1: 0.0035 here. Both are measured.

Command: `tfadv reproduce panda-fgsm --model FILE.keras --dataset FOLDER`. Expected: most photographs change their
class, few to one that the network is surer of; random signs change those that it wavers on.
"""

import dataclasses
import typing

import numpy as np

from tfadv.experiments.lecture.scales import DOCUMENT
from tfadv.experiments.photographs import Fooled, OnPhotographs, counted, named, presets, probabilities, surely, wrongly
from tfadv.reports import figures
from tfadv.reports.document import Figure, Table, percent
from tfadv.study import Claim
from tfadv.study.measures import titled

EPS, BIT = 0.007, 0.0035
SHOWN = 3
PUBLISHED = ("GoogLeNet on a panda", "panda 57.7 %", "nematode 8.2 %", "gibbon 99.3 %", "")


@dataclasses.dataclass(frozen=True)
class Triple:
    """What a network says of images (`before`), of the signs of the gradient as images (`sign`), and of x + eps sign
    (`after`), (n, classes) each. `value`: the probability of the wrong class after it, 0 where it is right; `random`:
    the share of random signs after which it is wrong, (n,).
    """

    eps: float
    draws: int = 20
    title: str = titled("")

    def __call__(self, network):
        from tfadv.evaluation import metrics

        x = network.x
        before = probabilities(network.model, x)
        y = before.argmax(axis=1).astype(np.int32)
        signs = metrics.gradient_signs(network.model, x, y)
        move = lambda signs: np.clip(x + np.float32(self.eps) * signs, 0, 1)  # noqa: E731
        after, rng = probabilities(network.model, move(signs)), np.random.default_rng(network.seed)
        by_chance = [
            wrongly(probabilities(network.model, move(rng.choice(np.float32([-1, 1]), x.shape))), y) > 0
            for _ in range(self.draws)
        ]
        return {
            "value": wrongly(after, y),
            "before": before,
            "sign": probabilities(network.model, (signs + 1) / 2),
            "after": after,
            "random": np.mean(by_chance, axis=0),
            "x": x,
            "signs": signs.astype(np.int8),
        }


@dataclasses.dataclass(frozen=True, kw_only=True)
class PandaFGSM(OnPhotographs):
    name: typing.ClassVar[str] = "panda_fgsm"
    title: typing.ClassVar[str] = "The panda that became a gibbon"
    document: typing.ClassVar[str] = DOCUMENT
    ids: typing.ClassVar[tuple[str, ...]] = ("panda-fgsm",)
    scales: typing.ClassVar[dict] = presets(minutes=0.2)
    # GoogLeNet is not among keras.applications; this is its next of kin.
    usual: typing.ClassVar[str] = "InceptionV3"

    def measures(self):
        return {
            "fgsm": Triple(EPS, title=f"FGSM at {EPS}"),
            "bit": Triple(BIT, title=f"FGSM at {BIT}"),
            "pgd": Fooled("pgd(steps=10)", f"linf:{EPS}", title=f"PGD-10 at {EPS}"),
            "pgd-bit": Fooled("pgd(steps=10)", f"linf:{BIT}", title=f"PGD-10 at {BIT}"),
        }

    def claims(self, found):
        for key in ("fgsm", "bit"):
            says = f"{found.measures[key].title} makes most photographs another class"
            yield Claim(f"{key}-flip", says, surely(self.of(found, key), 0), above=0.5, published="panda to gibbon")
        for key, printed in (("fgsm", "57.7 % to 99.3 %"), ("bit", "57.7 % to 99.3 %"), ("pgd", "not shown")):
            says = f"After {found.measures[key].title} the wrong class is likelier than the right one was before"
            yield Claim(f"{key}-surer", says, self.surer(found, key), above=0.5, published=printed)
        says = "Of the signs alone it is less sure than of the photographs"
        gap = self.of(found, "fgsm", "before").map(top) - self.of(found, "fgsm", "sign").map(top)
        yield Claim("sign", says, gap, above=0.0, published="8.2 % against 57.7 %")
        says = f"Random signs at {EPS} change fewer classes"
        gap = surely(self.of(found, "fgsm"), 0).map(np.float64) - self.of(found, "fgsm", "random")
        yield Claim("random", says, gap, above=0.0, published="not shown")

    def surer(self, found, key):
        """Whether the wrong class is likelier after the attack than the right one was before, image by image."""
        return self.of(found, key).map(lambda value, before: value > before.max(axis=1), self.of(found, key, "before"))

    def tables(self, found):
        names, rows = found.fact("class_names"), []
        large, small = (found.arrays("network", key) for key in ("fgsm", "bit"))
        if large and small:
            columns = (large["before"], large["sign"], large["after"], small["after"])
            for k, said in enumerate(zip(*columns, strict=True), start=1):
                rows.append((f"photograph {k}", *(named(of, names) for of in said)))
        heads = ("", "x", "sign of the gradient", f"x + {EPS} sign", f"x + {BIT} sign")
        yield Table("What the network says", heads, (*rows, PUBLISHED), "The last row is the lecture's.", "triple")
        rows = []
        for key in found.measures:
            if ("network", key) in found:
                value, chance = self.of(found, key), self.of(found, key, "random") if key in ("fgsm", "bit") else None
                counts = counted(surely(value, 0)), counted(self.surer(found, key))
                rows.append((found.measures[key].title, *counts, percent(chance.mean) if chance else "\N{EN DASH}"))
        heads = ("", "another class", "surer than before", "another class by random signs")
        yield Table("Photographs that became another class", heads, tuple(rows), "", "table")

    def figures(self, found):
        arrays, names = found.arrays("network", "fgsm"), found.fact("class_names")
        if arrays:
            few = arrays["before"].max(axis=1).argsort()[::-1][:SHOWN]
            kinds = {"before": arrays["x"], "sign": (arrays["signs"] + 1) / 2}
            kinds["after"] = np.clip(arrays["x"] + EPS * arrays["signs"].astype(np.float32), 0, 1)
            images = [kinds[kind][k] for k in few for kind in kinds]
            titles = [named(arrays[kind][k], names, between="\n") for k in few for kind in kinds]
            text = f"The photograph, the sign of the gradient, and x + {EPS} sign, with what the network says of each."
            yield Figure("Three images", figures.image_grid(images, titles, columns=3), text, "triples")

    def notes(self, found):
        yield from super().notes(found)
        yield (
            f"An image of 8 bits cannot hold a change of {EPS}, which is {255 * EPS:.3g} of its steps: stored, it is "
            "2 of them. The labels are what the network says of the photographs."
        )


def top(said):
    """The probability of the likeliest class, (n,)."""
    return said.max(axis=1)
