"""Which eps to train with: figure 1 of Bigaud, Papereux, Rolland 2021, and the whole matrix of training and test eps.

Command: `tfadv reproduce epsilon-sweep`. Expected: the best training eps is near the eps of the attack, and twice too
much costs less than half of it.
"""

import numpy as np

from tfadv.experiments.biparo.networks import DOCUMENT, LINF, basicnet, begun, networks, pgd_trained
from tfadv.reports import figures
from tfadv.reports.document import Figure
from tfadv.study import Claim, Clean, Curve, Experiment, History, Network, Under, ordered
from tfadv.training import METHODS

# By powers of two around the eps of the attack, and one between: a small network may want more than the attack has.
EPS = (0.0, 0.0075, 0.015, 0.03, 0.045, 0.06, 0.12)
ATTACKED = 0.03
METHODS.add("watched", "tfadv.experiments.biparo.watched:Watched")
# The eps of the networks of figure 1, which are trained on half of the laptop's images; a tenth of these is held out.
WATCHED = (0.0, 0.015, 0.03, 0.06, 0.12)
HALF = {"laptop": 10_000}


class EpsilonSweep(Experiment):
    name, title = "epsilon_sweep", "Which eps to train BasicNet with"
    only = {"held_out": tuple(f"watched-{eps}" for eps in WATCHED)}
    document, ids = DOCUMENT, ("epsilon-sweep",)
    scales = basicnet(minutes=9.2)

    def networks(self):
        named = networks(self.preset, "standard")
        for eps in EPS[3:5] if self.preset == "smoke" else EPS[1:]:
            named[f"eps-{eps}"] = pgd_trained(self.preset, f"trained at {eps}", f"linf:{eps}")
        return named | self.watched()

    def watched(self):
        """The networks of figure 1, whose accuracy under the attack is told after each epoch."""
        told = {"train": HALF.get(self.preset), "validation": 0.1, "measures": ("held_out",), "aside": True}
        against = {"method": f"watched(at={ATTACKED})", **told}
        named = {"watched-0.0": Network(title="Natural training", threat=LINF, start=begun(self.preset), **told)}
        for eps in WATCHED[1:]:
            named[f"watched-{eps}"] = pgd_trained(self.preset, f"trained at {eps}", f"linf:{eps}", **against)
        return {key: named[key] for key in (f"watched-{ATTACKED}",)} if self.preset == "smoke" else named

    def measures(self):
        pgd = "pgd(steps=20)"
        tested = {"clean": Clean("Natural"), "pgd": Under(pgd, LINF, "PGD at 0.03"), "matrix": Curve(pgd, "linf", EPS)}
        return {**tested, "held_out": History("val_adv_accuracy", "Held-out images, PGD-10 at 0.03")}

    def derived(self, found):
        at = lambda eps: lambda name: found.at(name, "matrix", eps)  # noqa: E731
        return {f"at-{eps}": (f"{eps:g}", at(eps)) for eps in EPS}

    def over_training(self, found, key):
        """Eps of training, from the smallest -> what a measure found there."""
        eps = {float(name.partition("-")[2] or 0): found[name, key] for name in found.having(key)}
        return dict(sorted(eps.items()))

    def claims(self, found):
        others = {eps: right for eps, right in self.over_training(found, "pgd").items() if eps != ATTACKED}
        if others:
            best = max(others, key=lambda eps: others[eps].half(0).mean)
            says = f"No training eps is better than that of the attack (measured: what the best other, {best:g}, gains)"
            gain = others[best].half(1) - found[f"eps-{ATTACKED}", "pgd"].half(1)
            note = "The best other was chosen on one half of the images, and is measured on the other."
            yield Claim("best-eps", says, gain, below=0.0, published="the same eps is best", note=note)
        says = "Training at twice the eps of the attack is better than training at half of it"
        gain = found[f"eps-{2 * ATTACKED}", "pgd"] - found[f"eps-{ATTACKED / 2}", "pgd"]
        yield Claim("over-under", says, gain, above=0.0, published="over-training is less damaging")
        says = "Training at a quarter of the eps is better than none"
        gain = found[f"eps-{ATTACKED / 4}", "pgd"] - found["standard", "pgd"]
        yield Claim("some", says, gain, above=0.0)
        says = "A larger training eps costs natural accuracy: 0.03 above 0.06 above 0.12"
        yield ordered("price", says, *(found[f"eps-{eps}", "clean"] for eps in (0.03, 0.06, 0.12)))

    def tables(self, found):
        note = "Rows: eps of training; columns: eps of the attack, PGD with 20 steps on what a smaller eps left."
        columns = ["clean", "pgd", *(f"at-{eps}" for eps in EPS)]
        yield found.grid("matrix", "Training eps against test eps", columns=columns, note=note)

    def figures(self, found):
        epochs = found.curves("held_out", [name for name in found.networks if name.startswith("watched")])
        if epochs:
            text = "Accuracy under PGD at 0.03 over the epochs"
            png = figures.accuracy_curves(epochs, title=text, xlabel="epoch")
            note = "On held-out training images, PGD with 10 steps. The networks learned from half as many images."
            yield Figure("Figure 1", png, note, "figure-1-epochs")
        curves = {found.measures[key].title: self.curve(found, key) for key in ("clean", "pgd")}
        options = {"vertical_lines": {"eps of the attack": ATTACKED}, "xlabel": "eps of training (l_inf)"}
        png = figures.accuracy_curves(curves, title="Accuracy against the eps of training", **options)
        yield Figure("Figure 1, at the end of training", png, "Bands: 95% intervals.", "figure-1")
        options = {"title": "Each network against the eps of the attack", "xlabel": "eps of the attack (l_inf)"}
        png = figures.accuracy_curves(found.curves("matrix"), **options)
        yield Figure("Training eps against test eps", png, "A line a network.", "matrix")

    def curve(self, found, key):
        """A measure over the eps of training with its interval, for `figures.accuracy_curves`."""
        samples = self.over_training(found, key)
        low, high = np.reshape([sample.interval for sample in samples.values()], (-1, 2)).T
        return {
            "eps": list(samples),
            "accuracy": [sample.mean for sample in samples.values()],
            "low": low,
            "high": high,
        }
