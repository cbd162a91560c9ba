"""Learning curves with and without noise: figure 3 of Bigaud, Papereux, Rolland 2021.

The document reads "a slowly increasing plateau arising much earlier in training and lasting longer" from 100 epochs
of a BasicNet and a noisy one, and hopes that longer training would help the noisy one.

Command: `tfadv reproduce noisynet-curves`. Expected: the noisy network learns more slowly and is still rising at the
end.
"""

from tfadv.experiments.biparo.networks import DOCUMENT, LINF, basicnet, pgd_trained, warm
from tfadv.experiments.biparo.pni import NOISE
from tfadv.reports import figures
from tfadv.reports.document import Figure
from tfadv.study import Claim, Clean, Experiment, History, Under

MODELS = {"smoke": ("resnet8(widths=(2,))", f"resnet8(widths=(2,), {NOISE})")}
METRICS = {"accuracy": "training images", "val_adv_accuracy": "held-out images"}
TITLES = {"plain": "BasicNet", "noisy": "NoisyBasicNet"}


class NoisyNetCurves(Experiment):
    name, title = "noisynet_curves", "Learning curves of a noisy network"
    document, ids = DOCUMENT, ("noisynet-curves",)
    scales = {
        preset: scale.but(validation=0.1, schedule="constant", judged=min(scale.judged, 1000))
        for preset, scale in basicnet(epochs=24, minutes=4.5).items()
    }

    def networks(self):
        models, named = MODELS.get(self.preset, ("basicnet", f"basicnet({NOISE})")), {}
        for (name, title), model in zip(TITLES.items(), models, strict=True):
            first = warm(self.preset, model=model)
            start = f"warm_{name}" if first else None
            named |= {start: first["warm"]} if first else {}
            options = {"start": start, **({} if start else {"model": model})}
            named[name] = pgd_trained(self.preset, title, LINF, **options)
        return named

    def measures(self):
        return {
            "clean": Clean("Natural"),
            "pgd": Under("pgd(steps=20)", LINF, "l_inf PGD"),
            **{metric: History(metric, f"Under attack, {title}") for metric, title in METRICS.items()},
        }

    def derived(self, found):
        held_out = lambda name: found[name, "val_adv_accuracy"]  # noqa: E731
        quarter = lambda curve: curve[: max(1, len(curve) // 4)].mean()  # noqa: E731
        return {
            "early": ("Held-out, first quarter", lambda name: held_out(name).map(quarter, share=True)),
            "late": ("Held-out, last quarter", lambda name: held_out(name).map(last_quarter, share=True)),
            "rise": (
                "Rise in the second half",
                lambda name: held_out(name).map(lambda curve: last_quarter(curve) - third_quarter(curve), share=True),
            ),
        }

    def claims(self, found):
        says = "The noisy network learns more slowly: lower in the first quarter of the epochs"
        gap = found["noisy", "early"] - found["plain", "early"]
        yield Claim("slower", says, gap, below=0.0, published="a plateau arising much earlier")
        says = "The noisy network rises for longer: more in the second half of the epochs than the other"
        gap = found["noisy", "rise"] - found["plain", "rise"]
        yield Claim("longer", says, gap, above=0.0, published="lasting longer")
        says = "At the end the noisy network is more robust on test images"
        gap = found["noisy", "pgd"] - found["plain", "pgd"]
        yield Claim("end", says, gap, above=0.0, published="longer training could have led to better results")

    def tables(self, found):
        note = (
            "Held-out: a tenth of the training images, under the attack of training. The network is the last epoch's."
        )
        columns = ["clean", "pgd", "early", "late", "rise"]
        yield found.grid("table", "Along and after training", columns=columns, note=note)

    def figures(self, found):
        for metric, title in METRICS.items():
            text = f"Accuracy under attack: {title}"
            png = figures.accuracy_curves(found.curves(metric), title=text, xlabel="epoch")
            yield Figure(f"Figure 3: {title}", png, "", f"figure-3-{metric}")


def last_quarter(curve):
    """The mean of a curve over its last quarter."""
    return curve[-max(1, len(curve) // 4) :].mean()


def third_quarter(curve):
    """The mean of a curve over the quarter before the last."""
    quarter = max(1, len(curve) // 4)
    return curve[-2 * quarter : -quarter or None].mean() if len(curve) > quarter else curve.mean()
