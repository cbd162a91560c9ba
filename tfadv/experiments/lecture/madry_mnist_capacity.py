"""Adversarial training needs capacity: the lecture's figure on MNIST, after Madry et al. 2018, figure 4.

"Yields quite good results in practice, if the model is large enough": four widths of one network, each trained on
natural images, against FGSM, and against PGD at l_inf 0.3. In training against PGD eps grows from 0 over the first
epochs: without that it may end in a network that always says the same.

Command: `tfadv reproduce madry-mnist-capacity`. Expected: robustness rises with the width; training with FGSM leaves
nothing under PGD.
"""

from tfadv.experiments.lecture.scales import DOCUMENT, MNIST, SMOKE
from tfadv.reports import figures
from tfadv.reports.document import Figure
from tfadv.study import Claim, Clean, Experiment, Network, Under, ordered

THREAT = "linf:0.3"
WIDTHS = {4: "1/4", 8: "1/2", 16: "1", 32: "2"}
LAPTOP = {"train": 10_000, "epochs": 8, "judged": 1000, "optimizer": "adam(learning_rate=0.002)", "minutes": 1.7}
# Madry et al., figure 4 and table 1, the large network; quoted from memory, and not checked again.
MADRY = {"Madry et al., the large network": {"clean": 0.988, "fgsm": 0.956, "pgd": 0.932}}
KINDS = {"natural": "natural", "fgsm": "FGSM", "pgd": "PGD"}


class MadryMnistCapacity(Experiment):
    name, title = "madry_mnist_capacity", "Adversarial training on MNIST needs capacity"
    document, ids = DOCUMENT, ("madry-mnist-capacity",)
    scales = MNIST.presets(smoke=SMOKE, laptop=LAPTOP)

    def networks(self):
        named = {}
        for width, title in list(WIDTHS.items())[-1:] if self.preset == "smoke" else WIDTHS.items():
            model = f"cnn(filters=({width}, {2 * width}))"
            against = {"model": model, "method": "adversarial", "threat": THREAT}
            pgd = f"pgd(steps={10 if self.preset == 'paper' else 3}, keep_best=False)"
            named[f"natural-{width}"] = Network(title=f"width {title}, natural", model=model)
            named[f"fgsm-{width}"] = Network(title=f"width {title}, FGSM", attack="fgsm", **against)
            named[f"pgd-{width}"] = Network(title=f"width {title}, PGD", attack=pgd, eps_ramp=0.4, **against)
        return named

    def measures(self):
        pgd = Under("pgd(steps=40, step_size=0.01)", THREAT, "PGD-40")
        return {"clean": Clean("Natural"), "fgsm": Under("fgsm", THREAT, "FGSM"), "pgd": pgd}

    def claims(self, found):
        pgd = lambda kind: [found[f"{kind}-{width}", "pgd"] for width in sorted(WIDTHS, reverse=True)]  # noqa: E731
        published = "good if the model is large enough"
        says = "Trained against PGD: accuracy under PGD rises with the width (measured: the step that decides)"
        yield ordered("capacity", says, *pgd("pgd"), published=published)
        says = "Trained against PGD: the widest leaves at least 80 % under PGD"
        yield Claim("good", says, pgd("pgd")[0], above=0.8, published="93.2 % (Madry et al., larger)")
        says = "Training against PGD leaves at least 20 points more under PGD than training against FGSM, widest"
        yield Claim("fgsm", says, pgd("pgd")[0] - pgd("fgsm")[0], above=0.2)
        says = "Robustness costs natural accuracy: trained naturally above trained against PGD, widest"
        price = found["natural-32", "clean"] - found["pgd-32", "clean"]
        yield Claim("price", says, price, above=0.0, published="often a trade-off")
        says = "A larger network pays less (measured: what the narrowest pays, less what the widest pays)"
        more = found["natural-4", "clean"] - found["pgd-4", "clean"]
        yield Claim("mitigated", says, more - price, above=0.0, published="mitigated")

    def tables(self, found):
        note = "At l_inf 0.3. Where natural accuracy is 10 %, training ended in a network that always says the same."
        options = {"columns": ["clean", "fgsm", "pgd"], "beside": MADRY, "note": note}
        yield found.grid("table", "Width, training and test", **options)

    def figures(self, found):
        for key, tested in (("clean", "natural images"), ("fgsm", "FGSM"), ("pgd", "PGD-40")):
            curves = {f"trained: {title}": self.over_widths(found, kind, key) for kind, title in KINDS.items()}
            title = f"Accuracy against capacity: {tested}"
            png = figures.accuracy_curves(curves, title=title, xlabel="channels of the first layer")
            yield Figure(title, png, "", f"capacity-{key}")

    def over_widths(self, found, kind, key):
        """Accuracy over the width, for `figures.accuracy_curves`."""
        widths = [width for width in WIDTHS if (f"{kind}-{width}", key) in found]
        return {"eps": widths, "accuracy": [found[f"{kind}-{width}", key].mean for width in widths]}
