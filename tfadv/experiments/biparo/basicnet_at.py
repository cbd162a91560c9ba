"""Three ways of adversarial training, each under three attacks: table 1 of Bigaud, Papereux, Rolland 2021.

Command: `tfadv reproduce basicnet-at`. Expected: each training is best under the attack that it has seen, training
with FGSM loses to training with PGD under PGD, and l_2 training costs the least natural accuracy.
"""

from tfadv.experiments.biparo.networks import DOCUMENT, basicnet, both_norms, networks, tests
from tfadv.study import Claim, Experiment, ordered, published_gain

PUBLISHED = {
    "linf": {"clean": 0.407, "pgd_linf": 0.2746, "pgd_l2": 0.2886, "fgsm": 0.2796},
    "l2": {"clean": 0.477, "pgd_linf": 0.2722, "pgd_l2": 0.327, "fgsm": 0.2841},
    "fgsm": {"clean": 0.432, "pgd_linf": 0.2415, "pgd_l2": 0.254, "fgsm": 0.2934},
}


class BasicNetAT(Experiment):
    name, title = "basicnet_at", "BasicNet trained and attacked in l_inf and l_2"
    document, ids = DOCUMENT, ("basicnet-at",)
    scales = basicnet(minutes=3.8)

    def networks(self):
        few = ("standard", "linf") if self.preset == "smoke" else ("standard", "linf", "l2", "fgsm")
        return networks(self.preset, *few)

    def measures(self):
        return tests()

    def derived(self, found):
        return both_norms(found)

    def claims(self, found):
        of = lambda key: lambda name: found[name, key]  # noqa: E731
        clean, linf, l2, fgsm = map(of, ("clean", "pgd_linf", "pgd_l2", "fgsm"))
        printed = lambda cell, other: published_gain(PUBLISHED, cell, other)  # noqa: E731
        says = "Natural images: l_2 training above FGSM training above l_inf training (measured: the gap that decides)"
        yield ordered("clean", says, *map(clean, ("l2", "fgsm", "linf")), published="47.7 > 43.2 > 40.7")
        says = "Training with PGD yields robustness: l_inf PGD training above natural training under l_inf PGD"
        yield Claim(
            "pgd-helps",
            says,
            linf("linf") - linf("standard"),
            above=0.0,
            published="good robustness against all first-order adversaries",
        )
        says = "l_inf PGD: training with PGD above training with FGSM"
        yield Claim(
            "pgd-over-fgsm",
            says,
            linf("linf") - linf("fgsm"),
            above=0.0,
            published=printed(("linf", "pgd_linf"), ("fgsm", "pgd_linf")),
        )
        says = "l_2 PGD: l_2 training above l_inf training"
        yield Claim(
            "own-l2", says, l2("l2") - l2("linf"), above=0.0, published=printed(("l2", "pgd_l2"), ("linf", "pgd_l2"))
        )
        says = "l_inf PGD: l_inf training above l_2 training"
        note = "The document's difference is a third of the standard error of 5,000 images: it shows none."
        options = {"published": printed(("linf", "pgd_linf"), ("l2", "pgd_linf")), "note": note}
        yield Claim("own-linf", says, linf("linf") - linf("l2"), above=0.0, **options)
        says = "FGSM: training with FGSM above training with PGD"
        options = {"published": printed(("fgsm", "fgsm"), ("linf", "fgsm"))}
        yield Claim("own-fgsm", says, fgsm("fgsm") - fgsm("linf"), above=0.0, **options)
        says = "PGD leaves no more than FGSM does (measured: of the network trained with PGD)"
        yield Claim(
            "steps",
            says,
            linf("linf") - fgsm("linf"),
            below=0.0,
            published=printed(("linf", "pgd_linf"), ("linf", "fgsm")),
        )

    def tables(self, found):
        note = "PGD with 20 steps at l_inf 0.03 and l_2 0.5, FGSM at l_inf 0.03. The document does not print its eps_2."
        columns = ["clean", "pgd_linf", "pgd_l2", "fgsm", "union"]
        yield found.grid(
            "table-1", "Table 1: three trainings, four tests", columns=columns, published=PUBLISHED, note=note
        )
