"""A small patch beside the object: LaVAN (Karmon, Zoran, Goldberg 2018) on a network of ImageNet.

The lecture shows three photographs with a patch in a corner, which the network takes for another class with 90.5 to
94.5 %. Here are patches of four sizes on photographs of one's own, made for each, with pixels in [0, 1] and without
bounds; and one patch for all of them at any place, judged on photographs that it was not made on (Brown et al. 2017).

Command: `tfadv reproduce lavan-patch --model FILE.keras --dataset FOLDER`. Expected: the larger the patch, the more
photographs it leads to its class; one of 2 % in a corner does little to EfficientNet-Lite0.
"""

import dataclasses
import typing

import numpy as np

from tfadv.experiments.lecture.patches import ENOUGH, Anywhere, Patched
from tfadv.experiments.lecture.scales import DOCUMENT
from tfadv.experiments.photographs import OnPhotographs, counted, named, presets, surely
from tfadv.reports import figures
from tfadv.reports.document import MISSING, Figure, Table, percent
from tfadv.study import Claim, ordered

AREAS = (0.01, 0.02, 0.05, 0.1)
# Of ImageNet: car mirror and stingray, which the lecture shows, in turn; toaster, of Brown et al. 2017.
TARGETS, TOASTER = (475, 6), 859
SHOWN = 3
PUBLISHED = "94.4 %, 94.5 %, 90.5 %"


@dataclasses.dataclass(frozen=True, kw_only=True)
class LavanPatch(OnPhotographs):
    name: typing.ClassVar[str] = "lavan_patch"
    title: typing.ClassVar[str] = "A small patch beside the object"
    document: typing.ClassVar[str] = DOCUMENT
    ids: typing.ClassVar[tuple[str, ...]] = ("lavan-patch",)
    scales: typing.ClassVar[dict] = presets(minutes=4.6)

    @property
    def usual(self):
        """The paper's network; on a laptop one that takes a twentieth of its multiplications."""
        return "InceptionV3" if self.preset == "paper" else "MobileNetV2"

    def measures(self):
        small = self.preset == "smoke"
        options = {"targets": (1, 2) if small else TARGETS, "steps": {"smoke": 5, "paper": 1000}.get(self.preset, 250)}
        fixed = {f"area-{area:g}": Patched(area, title=f"{area:.0%} of the image", **options) for area in AREAS}
        free = Patched(AREAS[1], bounded=False, rate=1.0, title=f"{AREAS[1]:.0%}, without bounds", **options)
        center = Patched(AREAS[1], center=True, title=f"{AREAS[1]:.0%}, in the center", **options)
        target, steps = 3 if small else TOASTER, options["steps"]
        anywhere = Anywhere(AREAS[-1], target, steps, title=f"One patch of {AREAS[-1]:.0%} for all, anywhere")
        return fixed | {"free": free, "center": center, "anywhere": anywhere}

    def claims(self, found):
        of = lambda key: self.of(found, key)  # noqa: E731
        for area, least in ((AREAS[1], 0.5), (AREAS[-1], 0.7)):
            says = f"A patch of {area:.0%} in a corner leads {least:.0%} of the photographs to its class, with 90 %"
            yield Claim(f"area-{area:g}", says, surely(of(f"area-{area:g}"), ENOUGH), above=least, published=PUBLISHED)
        says = "The larger the patch, the likelier is its class (measured: the step that decides)"
        yield ordered("larger", says, *(of(f"area-{area:g}") for area in reversed(AREAS)), published="not shown")
        gain = of("free") - of(f"area-{AREAS[1]:g}")
        says = f"Without bounds for its pixels a patch of {AREAS[1]:.0%} does more"
        yield Claim("bounds", says, gain, above=0.0, published="not said which of both is shown")
        gain = of("center") - of(f"area-{AREAS[1]:g}")
        says = f"In the center, on the object, a patch of {AREAS[1]:.0%} does more than in a corner"
        yield Claim("center", says, gain, above=0.0, published="not shown")
        says = (
            "One patch for all, at any place, makes photographs that it was not made on its class more often than not"
        )
        share = of("anywhere").map(np.asarray, share=True)
        yield Claim("anywhere", says, share, above=0.5, published="not shown")

    def tables(self, found):
        rows = []
        for key in found.measures:
            if ("network", key) in found:
                value, level = self.of(found, key), 0.5 if key == "anywhere" else ENOUGH
                rows.append((found.measures[key].title, percent(value.mean), counted(surely(value, level))))
        rows.append(("the lecture's three photographs", PUBLISHED, MISSING))
        heads = ("Patch", "mean p(target)", "photographs with 90 %")
        note = "Of the patch for all: the share of places where its class is the likeliest; where that is most of them."
        yield Table("What patches lead to", heads, tuple(rows), note, "table")

    def figures(self, found):
        names = found.fact("class_names")
        for key in (f"area-{AREAS[1]:g}", f"area-{AREAS[2]:g}", "anywhere"):
            arrays = found.arrays("network", key)
            if arrays:
                caption = f"The {SHOWN} of {len(arrays['x'])} on which it does most; above each the likeliest class."
                few = arrays["value"].argsort()[::-1][:SHOWN]
                png = figures.image_grid(
                    arrays["x"][few], [named(arrays["after"][k], names, between="\n") for k in few], columns=SHOWN
                )
                yield Figure(found.measures[key].title, png, caption, key)
        keys = [key for key in found.measures if key != "anywhere" and ("network", key) in found]
        curves = {found.measures[key].title: found.arrays("network", key)["curve"] for key in keys}
        drawn = {title: {"eps": np.arange(1, len(curve) + 1), "accuracy": curve} for title, curve in curves.items()}
        if drawn:
            title = "p(target) along the steps"
            png = figures.accuracy_curves(drawn, title=title, xlabel="step", ylabel="mean of the best so far")
            yield Figure(title, png, "Means over the photographs.", "steps")
