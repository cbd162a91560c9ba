"""Adversarial training as data augmentation: random, one-step and many-step changes of the same size.

The lecture calls adversarial training an extreme form of data augmentation whose transformation is not random but
adversarial. Here the same BasicNet learns from uniform noise, FGSM and PGD of one size, for as many epochs.

Command: `tfadv reproduce advtrain-as-augmentation`. Expected: noise adds hardly any robustness; what counts is that
the change is adversarial, not its size.
"""

from tfadv.experiments.biparo.networks import basicnet, networks, tests
from tfadv.experiments.lecture.scales import DOCUMENT
from tfadv.reports import figures
from tfadv.reports.document import Figure
from tfadv.study import Claim, Experiment


class Augmentation(Experiment):
    name, title = "advtrain_as_augmentation", "Adversarial training as data augmentation"
    document, ids = DOCUMENT, ("advtrain-as-augmentation",)
    scales = basicnet(minutes=0.7)

    def networks(self):
        few = ("standard", "noise") if self.preset == "smoke" else ("standard", "noise", "fgsm", "linf")
        return networks(self.preset, *few)

    def measures(self):
        return tests()

    def claims(self, found):
        gain = lambda name: found[name, "pgd_linf"] - found["standard", "pgd_linf"]  # noqa: E731
        says = "Noise of the same size brings at most 5 points under PGD"
        yield Claim("noise", says, gain("noise"), below=0.05, published="not random, but adversarial")
        says = "PGD brings at least 10 points more than noise"
        more = found["linf", "pgd_linf"] - found["noise", "pgd_linf"]
        yield Claim("adversarial", says, more, above=0.1, published="specifically increases robustness")
        says = "Noise costs less natural accuracy than PGD"
        cost = found["noise", "clean"] - found["linf", "clean"]
        yield Claim("price", says, cost, above=0.0, published="have to sacrifice some accuracy")

    def tables(self, found):
        note = "Noise, FGSM and PGD of l_inf 0.03 in training; the same images, epochs and network."
        columns = ["clean", "pgd_linf", "pgd_l2", "fgsm"]
        yield found.grid("table", "What is learned from", columns=columns, note=note)

    def figures(self, found):
        png = figures.accuracy_bars(found.bars("clean", "pgd_linf", "fgsm"))
        yield Figure("Accuracy by training", png, "With 95% intervals.", "bars")
