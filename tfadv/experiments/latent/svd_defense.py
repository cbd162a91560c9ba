"""The smallest singular values made smaller: figure 7 of Cocola, Rabindranath, and the attack that is missing there.

Of every weight matrix of the trained 2L network the smallest x % of the singular values are left out, or divided by
ten. The document asks how many of the adversaries of the *whole* network the cut one gets right. Here the cut network
is attacked too: by the same attack, and within a ball.

Command: `tfadv reproduce svd-defense` (`--dataset fashion_mnist`). Expected: the old adversaries no longer fool the cut
network, and new ones are as near as before.
"""

from tfadv.experiments.latent.adversaries import GoalAdversaries, OnAdversaries, OnTraining, Smallest
from tfadv.experiments.latent.distances import SCALE, columns, lie_farther
from tfadv.experiments.latent.networks import DOCUMENT, on_images, presets
from tfadv.reports import figures
from tfadv.reports.document import Figure
from tfadv.study import Claim, Clean, Experiment, First, Network, Under

SHARES = tuple(range(5, 100, 5))
SHOWN = (10, 20, 40, 60, 80)
KINDS = {"zero": ("left out", 0.0), "tenth": ("divided by ten", 0.1)}
THREAT = "l2:0.5"
ANEW = ("whole", *(f"{kind}-{share}" for kind in KINDS for share in SHOWN))


class SvdDefense(Experiment):
    name, title = "svd_defense", "Cuts of singular values as a defense"
    document, ids = DOCUMENT, ("svd-defense",)
    scales = presets(minutes=0.7)
    only = dict.fromkeys(("adversaries", "smallest", "pgd"), ANEW)

    def networks(self):
        named = {"whole": on_images("2l")["2l"]}
        for kind, (how, factor) in KINDS.items():
            for share in (40,) if self.preset == "smoke" else SHARES:
                cut = {"of": ("whole",), "defense": f"low_rank(share={share / 100}, factor={factor})"}
                title = f"smallest {share} % {how}"
                named[f"{kind}-{share}"] = Network(title=title, aside=share not in SHOWN, **cut)
        return named

    def measures(self):
        return {
            "clean": Clean("Test images"),
            "train": OnTraining(200 if self.preset == "smoke" else 10_000),
            "adversaries": GoalAdversaries(1 if self.preset == "smoke" else 2, title="Distance, attacked anew"),
            "smallest": First(500, Smallest()),
            "old": OnAdversaries("whole", title="Adversaries of the whole network"),
            "pgd": Under("pgd(steps=40)", THREAT, "PGD, l_2 0.5, anew"),
        }

    def derived(self, found):
        return columns(found) | columns(found, "smallest")

    def claims(self, found):
        gain = lambda name, key: found[name, key] - found["whole", key]  # noqa: E731
        says = "40 % divided by ten: the network is right on at least half of its old adversaries"
        yield Claim("old", says, found["tenth-40", "old"], above=0.5, published="high boost")
        says = "It loses at most 2 points on test images"
        yield Claim("clean", says, gain("tenth-40", "clean"), above=-0.02, published="very weak decrease")
        says = "Attacked anew it is at least 5 points more robust than the whole network (PGD, l_2 0.5)"
        yield Claim("anew", says, gain("tenth-40", "pgd"), above=0.05, published="more robust (not attacked anew)")
        says = "Most images are at least a tenth farther from another prediction than those of the whole network"
        options = {"times": 1.1, "published": "more robust (not attacked anew)"}
        yield lie_farther("distance", says, found["tenth-40", "smallest"], found["whole", "smallest"], **options)
        says = "Leaving 40 % out is as good on old adversaries as dividing by ten, within 3 points"
        alike = found["zero-40", "old"] - found["tenth-40", "old"]
        yield Claim("alike", says, alike, near=(0.0, 0.03), published="matching")
        says = "Cuts of 10 % raise accuracy on test images"
        yield Claim("slight", says, gain("tenth-10", "clean"), above=0.0, published="slight boost, 5 to 15 %")

    def tables(self, found):
        shown = ["clean", "train", "old", "pgd", "adversaries-median", "adversaries-found", "smallest-median"]
        note = (
            "Old adversaries: images that the whole network is right about, changed until it takes them for another "
            "class with a confidence of 95 %, 180 pairs of an image and a class. "
            "Distances: ||delta||_2 / ||x||_2 of such images found for the cut network itself, and of the nearest to "
            f"which it gives another label. {SCALE}"
        )
        yield found.grid("figure-7", "What a cut withstands: old adversaries, and new ones", columns=shown, note=note)

    def figures(self, found):
        for kind, (how, _) in KINDS.items():
            names = ["whole", *(f"{kind}-{share}" for share in SHARES if f"{kind}-{share}" in found.networks)]
            keys = ("clean", "train", "old", "pgd")
            curves = {found.measures[key].title: over_shares(found, names, key) for key in keys}
            png = figures.accuracy_curves(
                curves, title=f"Smallest singular values {how}", xlabel=f"singular values {how}, %"
            )
            caption = "Figure 7 of the document, and the same networks under an attack that is made for them."
            yield Figure(f"Smallest singular values {how}", png, caption, f"cut-{kind}")


def over_shares(found, names, key):
    """A measure of the cut networks over the share, for `figures.accuracy_curves`."""
    having = [name for name in names if (name, key) in found]
    at = [0 if name == "whole" else int(name.partition("-")[2]) for name in having]
    return {"eps": at, "accuracy": [found[name, key].mean for name in having]}
