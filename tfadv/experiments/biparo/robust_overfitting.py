"""Robust overfitting and early stopping: figure 2 of Bigaud, Papereux, Rolland 2021, after Rice, Wong, Kolter 2020.

Few images and many epochs: after the first drop of the learning rate the accuracy on attacked training images goes on
rising and that on attacked held-out images falls. A fifth of the images is held out; the best epoch on them is kept.

Command: `tfadv reproduce robust-overfitting`. Expected: the last epoch loses several points to the best one under
attack, in the larger network too.
"""

import numpy as np

from tfadv.experiments.biparo.networks import DOCUMENT, LINF, basicnet, pgd_trained, warm
from tfadv.reports import figures
from tfadv.reports.document import Figure
from tfadv.study import Claim, Clean, Experiment, History, LastEpoch, Under

METRICS = {"accuracy": "training images, attacked", "val_adv_accuracy": "held-out images, attacked"}
DROPS = (0.5, 0.75)  # of the epochs, as Rice et al. have them
# Of some 214,000 weights, where BasicNet has 62,006; and ResNet-18, as Rice et al. have it.
LARGE = {"laptop": "cnn(filters=(16, 32))", "paper": "resnet18"}


class RobustOverfitting(Experiment):
    name, title = "robust_overfitting", "Robust overfitting and early stopping"
    document, ids = DOCUMENT, ("robust-overfitting",)
    scales = {
        preset: scale.but(keep="best", validation=0.2, schedule=f"step(at={DROPS})")
        for preset, scale in basicnet(train=2500, epochs=80, minutes=2.0).items()
    }

    def networks(self):
        small = pgd_trained(self.preset, "BasicNet", LINF)
        if self.preset == "smoke":
            return {"basicnet": small}
        large = pgd_trained(self.preset, "Larger network", LINF, start="warm_large")
        begun = warm(self.preset) | {"warm_large": warm(self.preset, model=LARGE[self.preset])["warm"]}
        return begun | {"basicnet": small, "large": large}

    def measures(self):
        pgd = Under("pgd(steps=20)", LINF)
        return {
            "clean": Clean("Natural, best epoch"),
            "clean_last": LastEpoch(Clean(), "Natural, last epoch"),
            "pgd": Under(pgd.attack, LINF, "l_inf PGD, best epoch"),
            "pgd_last": LastEpoch(pgd, "l_inf PGD, last epoch"),
            **{metric: History(metric) for metric in METRICS},
        }

    def derived(self, found):
        held_out = lambda name: found[name, "val_adv_accuracy"]  # noqa: E731
        rise = lambda curve, kept: risen(curve[int(kept) - 1], curve[-1], self.learned_from)  # noqa: E731
        return {
            "kept": ("Best epoch", lambda name: held_out(name).map(lambda curve: np.array(curve.argmax() + 1.0))),
            "gap": ("Lost after it", lambda name: found[name, "pgd"] - found[name, "pgd_last"]),
            "gap_held_out": ("Lost, held-out", lambda name: held_out(name).map(lambda c: c.max() - c[-1], share=True)),
            "rise": ("Won on training images", lambda name: found[name, "accuracy"].map(rise, found[name, "kept"])),
        }

    @property
    def learned_from(self):
        """How many images a network learns from; all of CIFAR-10, or of a larger data set, where no number is said."""
        return round((self.scale.train or 50_000) * (1 - self.scale.validation))

    def claims(self, found):
        for name, network in found.networks.items():
            of = lambda key, name=name: found[name, key]  # noqa: E731
            says = f"{network.title}: the last epoch is at least 3 points below the best one under PGD"
            yield Claim(
                f"gap-{name}", says, of("gap"), above=0.03, published="7.9 points (Rice et al., PreActResNet-18)"
            )
            says = f"{network.title}: after the best epoch, accuracy on attacked training images rises"
            yield Claim(f"rise-{name}", says, of("rise"), above=0.0, published="training loss falls")
        says = "The drop of the learning rate is the turn: the best epoch comes within a fifth of all epochs after it"
        drop, last = DROPS[0] * self.scale.epochs, (DROPS[0] + 0.2) * self.scale.epochs
        options = {"published": "linked with the first drop", "note": f"The first drop follows epoch {drop:g}."}
        within = ((drop + 1 + last) / 2, (last - drop - 1) / 2)  # the epoch before the drop knows nothing of it
        yield Claim("turn", says, found["basicnet", "kept"], near=within, **options)
        says = "A larger network overfits less (measured: what it loses, less what BasicNet loses)"
        more = found["large", "gap"] - found["basicnet", "gap"]
        yield Claim("larger", says, more, below=0.0, published="a way to face over-fitting")
        says = "A larger network is better at its last epoch all the same"
        gain = found["large", "pgd_last"] - found["basicnet", "pgd_last"]
        yield Claim("larger-last", says, gain, above=0.0, published="still improves")

    def tables(self, found):
        columns = ["clean", "clean_last", "pgd", "pgd_last", "gap", "kept", "gap_held_out", "rise"]
        note = "On test images, which no choice was made on; the best epoch was chosen on held-out training images."
        yield found.grid("table", "The best epoch and the last", columns=columns, note=note)

    def figures(self, found):
        for name, network in found.networks.items():
            curves = {title: found.curves(metric, [name])[network.title] for metric, title in METRICS.items()}
            drops = {"drop": DROPS[0] * len(found.arrays(name, "accuracy")["at"])}
            title = f"{network.title}: accuracy under attack over the epochs"
            png = figures.accuracy_curves(curves, vertical_lines=drops, title=title, xlabel="epoch")
            yield Figure(f"Figure 2, {network.title}", png, "The line is the first drop.", f"figure-2-{name}")


def risen(before, after, n):
    """How much accuracy rises on the same n images, image by image, (n,) int8.

    Not recorded is which of them are right, only how many: as many change as can, so that the interval is the widest.
    """
    right, later = round(n * before), round(n * after)
    first, last = np.arange(n) < right, np.arange(n) >= n - later
    return last.astype(np.int8) - first.astype(np.int8)
