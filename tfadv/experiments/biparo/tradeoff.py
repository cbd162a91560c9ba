"""Robustness against accuracy: the trade-off that the document and the lecture name, after Su et al. 2018.

Su et al. compare 18 networks for ImageNet by other attacks; their weights are not at hand. Here the BasicNets of the
other studies stand side by side, and TRADES (Zhang et al. 2019), whose beta buys robustness with accuracy.

Command: `tfadv reproduce robustness-accuracy-tradeoff`. Expected: natural training is the most accurate and the least
robust; along beta accuracy falls and robustness rises.
"""

from tfadv.experiments.biparo.networks import DOCUMENT, basicnet, both_norms, networks, pgd_trained, tests, trades
from tfadv.reports import figures
from tfadv.reports.document import Figure
from tfadv.study import Claim, Experiment, ordered

BETAS = (1, 3, 6)
CHOSEN = "Which other it is was chosen on one half of the images; measured is the other half."


class Tradeoff(Experiment):
    name, title = "robustness_accuracy_tradeoff", "Robustness against accuracy"
    document, ids = DOCUMENT, ("robustness-accuracy-tradeoff", "robust-vs-acc-18")
    scales = basicnet(minutes=5.0)

    def networks(self):
        if self.preset == "smoke":
            return networks(self.preset, "standard") | {"trades-6": trades(self.preset, 6)}
        swept = {f"eps-{eps}": pgd_trained(self.preset, f"PGD at {eps}", f"linf:{eps}") for eps in (0.015, 0.06)}
        named = networks(self.preset, "standard", "fgsm", "linf", "l2", "mat_rand", "mat_max")
        return named | swept | {f"trades-{beta}": trades(self.preset, beta) for beta in BETAS}

    def measures(self):
        return tests()

    def derived(self, found):
        return both_norms(found)

    def claims(self, found):
        clean, pgd = ({name: found[name, key] for name in self.measured(found)} for key in ("clean", "pgd_linf"))
        others = [name for name in clean if name != "standard"]
        if "standard" in clean and others:
            best = max(others, key=lambda name: clean[name].half(0).mean)
            least = min(others, key=lambda name: pgd[name].half(0).mean)
            lead, gain = clean["standard"] - clean[best], pgd[least] - pgd["standard"]
            options = {"published": "often a trade-off", "note": CHOSEN}
            says = "Natural training is the most accurate on natural images (measured: its lead over the next)"
            yield Claim("clean", says, lead.half(1), above=0.0, **options)
            says = "Natural training is the least robust (measured: what the least robust other gains under PGD)"
            yield Claim("robust", says, gain.half(1), above=0.0, **options)
        beta = lambda key, order: [found[f"trades-{b}", key] for b in order]  # noqa: E731
        yield ordered("beta-clean", "Natural accuracy falls along beta 1, 3, 6", *beta("clean", BETAS))
        yield ordered("beta-robust", "Accuracy under PGD rises along beta 1, 3, 6", *beta("pgd_linf", BETAS[::-1]))

    def tables(self, found):
        columns = ["clean", "pgd_linf", "pgd_l2", "fgsm", "union"]
        note = "BasicNets of the other studies of this document; TRADES at l_inf 0.03."
        yield found.grid("table", "Natural accuracy and robustness", columns=columns, note=note)

    def figures(self, found):
        lines = {
            "TRADES, beta 1, 3, 6": [f"trades-{beta}" for beta in BETAS],
            "l_inf PGD training, eps 0.015, 0.03, 0.06": ["eps-0.015", "linf", "eps-0.06"],
        }
        names, several = self.measured(found), [name for line in lines.values() for name in line]
        shown = {label: [name for name in line if name in names] for label, line in lines.items()}
        alone = {found.networks[name].title: [name] for name in names if name not in several}
        points = {label: self.points(found, names) for label, names in (shown | alone).items() if names}
        png = figures.accuracy_plane(points, title="Accuracy under PGD against natural accuracy")
        yield Figure("The trade-off", png, "A point a network.", "tradeoff")

    def measured(self, found):
        """The names of the networks that have a place in the figure."""
        return found.having("clean", "pgd_linf")

    def points(self, found, names):
        """What `figures.accuracy_plane` shows of networks of one kind, in their order."""
        clean, robust = ([found[name, key].mean for name in names] for key in ("clean", "pgd_linf"))
        return {"natural": clean, "robust": robust, "joined": len(names) > 1}
