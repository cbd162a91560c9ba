"""Capacity and robustness: table 3 of Bigaud, Papereux, Rolland 2021, and width against depth under control.

The document compares three architectures that differ in width, depth and shortcuts at once. Here networks of one
family differ in width alone, or in width and depth with as many weights.

Command: `tfadv reproduce capacity`. Expected: natural accuracy and accuracy under attack rise with the width.
"""

from tfadv.experiments.biparo.networks import DOCUMENT, both_norms, mixed, tests
from tfadv.experiments.biparo.residual import grid, residual
from tfadv.study import Claim, Experiment, Weights, ordered, published_gain

PUBLISHED = {
    "resnet20": {"clean": 0.7001, "pgd_linf": 0.3976, "pgd_l2": 0.4810, "fgsm": 0.5382},
    "resnet18": {"clean": 0.7994, "pgd_linf": 0.4352, "pgd_l2": 0.5408, "fgsm": 0.6144},
    "vgg11": {"clean": 0.7516, "pgd_linf": 0.4348, "pgd_l2": 0.5254, "fgsm": 0.5724},
}
TITLES = {"resnet20": "ResNet-20", "resnet18": '"Wide" ResNet-18', "vgg11": "VGG11"}
# What is compared, and which column of the document's table comes nearest to it.
COMPARED = {
    "clean": ("natural accuracy", "clean", ""),
    "union": ("accuracy under both PGD attacks", "pgd_linf", " under l_inf PGD"),
}


class Capacity(Experiment):
    name, title = "capacity", "Capacity: wider, deeper, or both"
    document, ids = DOCUMENT, ("capacity",)
    scales = residual(minutes=0.7)

    def networks(self):
        if self.preset != "paper":
            return grid(self.preset)
        named = {key: mixed(self.preset, TITLES[key], "random", model=key, start=None) for key in TITLES}
        return grid(self.preset) | named

    def measures(self):
        return {"weights": Weights(), **tests()}

    def derived(self, found):
        return both_norms(found)

    def claims(self, found):
        for key, (what, printed, where) in COMPARED.items():
            three = [found[name, key] for name in ("w12", "w8", "w4")]
            says = f"At depth 8 {what} rises with the width (measured: the step that decides)"
            yield ordered(
                f"width-{key}", says, *three, published="capacity by itself increases accuracy and robustness"
            )
            says = f"Wider is better than deeper with as many weights: {what}"
            gain, published = found["w8", key] - found["deep", key], "wider rather than deeper (of 18 and 11 layers)"
            yield Claim(f"wide-deep-{key}", says, gain, above=0.0, published=published)
            for other in ("vgg11", "resnet20"):
                says = f'The document\'s: {what} of the "wide" ResNet-18 above that of {TITLES[other]}'
                published = published_gain(PUBLISHED, ("resnet18", printed), (other, printed)) + where
                gain = found["resnet18", key] - found[other, key]
                yield Claim(f"resnet18-{other}-{key}", says, gain, above=0.0, published=published)

    def tables(self, found):
        columns = ["weights", "clean", "pgd_linf", "pgd_l2", "fgsm", "union"]
        note = "All trained on a random mix of l_inf 0.03 and l_2 0.5 PGD. The document's eps_2 is not known."
        beside = {TITLES[key]: row for key, row in PUBLISHED.items() if key not in found.networks}
        options = {"columns": columns, "published": PUBLISHED, "beside": beside, "note": note}
        yield found.grid("table-3", "Table 3: capacity", **options)
