"""The gradient at the maximizer: whether adversarial training follows the gradient of the loss that it wants to lower.

The lecture: to get the gradient of a minimax expression, compute the gradient at the maximizer of the inner one,
which an attack only approximates; "not guaranteed to give the same result, but works well in practice".

Command: `tfadv reproduce adversarial-training-danskin`. Expected: for a linear network the gradient is right to a
percent, for networks with ReLU nearly so, and more so the better the attack is.
"""

from tfadv.experiments.lecture.envelope import Envelope
from tfadv.experiments.lecture.scales import DOCUMENT, MNIST, SMOKE
from tfadv.reports import figures
from tfadv.reports.document import Figure
from tfadv.study import Claim, Clean, Experiment, Network, Under

THREAT = "linf:0.1"


class Danskin(Experiment):
    name, title = "adversarial_training_danskin", "The gradient at the maximizer"
    document, ids = DOCUMENT, ("adversarial-training-danskin",)
    scales = MNIST.presets(smoke=SMOKE, laptop={"train": 10_000, "epochs": 3, "minutes": 0.5})

    def networks(self):
        options = {"method": "adversarial", "attack": "pgd(steps=5, keep_best=False)", "threat": THREAT}
        named = {"linear": Network(title="Linear", model="linear", **options)}
        if self.preset == "smoke":
            return named
        return named | {
            "mlp": Network(title="MLP", model="mlp", **options),
            "cnn": Network(title="CNN", model="cnn", **options),
        }

    def measures(self):
        few = {"n": 50, "directions": 3} if self.preset == "smoke" else {"along": "pgd(steps=50)"}
        return {
            "clean": Clean("Natural"),
            "pgd": Under("pgd(steps=20)", THREAT, "PGD-20"),
            "one": Envelope("fgsm", THREAT, title="Error with FGSM", **few),
            "many": Envelope("pgd(steps=50)", THREAT, title="Error with PGD-50", **few),
            "l2": Envelope("pgd(steps=50)", "l2:1", title="Error with PGD-50, l_2", **few),
        }

    def claims(self, found):
        says = "{}: the gradient at the images that {} finds is that of the worst-case loss, to {:.0%}"
        for name, network in found.networks.items():
            within = 0.02 if name == "linear" else 0.1
            for key, attack in (("many", "PGD"), ("l2", "PGD in l_2")):
                text = says.format(network.title, attack, within)
                options = {"published": "works well in practice", "over": "directions of the weights"}
                yield Claim(f"{name}-{key}", text, found[name, key], below=within, **options)
        for name, network in found.networks.items():
            gain = found[name, "one"] - found[name, "many"]
            says = f"{network.title}: with FGSM, which maximizes less, the error is larger than with PGD"
            options = {"published": "not guaranteed", "over": "directions of the weights"}
            yield Claim(f"{name}-one", says, gain, above=0.0, **options)

    def tables(self, found):
        note = (
            "Mean error of the derivative, as a share of its mean size; with one seed intervals are over directions of "
            "the weights, the same with FGSM as with PGD."
        )
        columns = ["clean", "pgd", "one", "many", "l2"]
        yield found.grid("table", "Told and measured derivatives", columns=columns, note=note)

    def figures(self, found):
        yield Figure("Accuracy", figures.accuracy_bars(found.bars("clean", "pgd")), "With 95% intervals.", "accuracy")
