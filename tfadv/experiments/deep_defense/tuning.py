"""Which lambda, c, d and learning rate Deep Defense wants on Fashion-MNIST, tried on a validation split.

Command: `tfadv reproduce deep-defense-tuning` (10 minutes on two cores). 6,000 of the 60,000 training images are held
out; test images are never looked at. Expected: lambda matters little, a smaller c or d buys rho_2 with clean accuracy,
and more epochs with a falling learning rate give some of both. `fashion.TUNED` is the choice of this table: the longest
rho_2 whose cost in accuracy the split cannot tell from none.
"""

from tfadv.experiments.deep_defense.fashion import DEEPFOOL, EPOCHS, EPS, FASHION, PUBLISHED, TUNED, paper_form
from tfadv.reports import figures
from tfadv.reports.document import Figure
from tfadv.study import AtHalf, Claim, Clean, Experiment, Fgs, First, Network, Rho

GRID = (
    PUBLISHED, *((5, c, 5, 5e-4, 5, False) for c in (25, 15, 40)), *((10, 25, d, 5e-4, 5, False) for d in (2, 10)),
    (5, 25, 5, 1e-3, 5, False), *((lam, 25, d, 1e-3, 5, True) for lam, d in ((5, 5), (3, 5), (5, 10))),
    (5, 25, 5, 2e-3, 5, True), TUNED, (5, 25, 10, 1e-3, 10, True),
)  # fmt: skip
WAYS = {
    f"lambda {way[0]}, c {way[1]}, d {way[2]}, rate {way[3]:g}{' falling' if way[5] else ''}, {way[4]} epochs": way
    for way in GRID
}
HELD_OUT = FASHION.but(held_out=0.1)
CHOICE = "lambda 5, c 25, d 5, rate 0.001 falling, 10 epochs"


class DeepDefenseTuning(Experiment):
    """Deep Defense on held-out images, for lambda, c, d and the learning rate."""

    name, title = "deep_defense_tuning", "Deep Defense: lambda, c, d on a validation split"
    document, ids = "Yan, Guo, Zhang 2018", ("deep-defense-orig",)
    scales = {"smoke": HELD_OUT.but(dataset="digits", epochs=3), "laptop": HELD_OUT.but(minutes=9.8), "paper": HELD_OUT}

    def networks(self):
        named = {"start": Network(title="", share=10 / EPOCHS), "vanilla": Network(title="vanilla")}
        ways = [next(iter(WAYS)), CHOICE] if self.preset == "smoke" else WAYS
        return named | {way: paper_form(way, *WAYS[way]) for way in ways}

    def measures(self):
        fgs, pgd = AtHalf("fgsm", "FGS", "vanilla", "curve"), AtHalf("pgd(steps=40)", "PGD-40", "vanilla", "curve")
        curve, rho2 = Fgs(EPS, clip=True), Rho(DEEPFOOL)
        return {"clean": Clean("Accuracy"), "rho2": rho2, "curve": curve, "fgs": fgs, "pgd": First(2000, pgd)}

    def applies(self, network, measure):
        return network != "start" and (measure != "curve" or network == "vanilla")

    def claims(self, found):
        clean, rho2 = ({name: found[name, key].mean for name in found.networks} for key in ("clean", "rho2"))
        # What the split cannot tell from no loss at all: one standard error of an accuracy.
        images = len(next(iter(found["vanilla", "clean"].per_seed.values())))
        least = clean["vanilla"] - (clean["vanilla"] * (1 - clean["vanilla"]) / images) ** 0.5
        best = max((name for name in clean if clean[name] >= least), key=rho2.get)
        says, ratio = f"{CHOICE}: the choice of this table", found[CHOICE, "rho2"] / found[best, "rho2"]
        note = f"The longest rho_2 of those at most a standard error below vanilla's accuracy ({least:.2%}): {best}."
        yield Claim("choice", f"{says} (measured: rho_2 / the best row's)", ratio, near=(1.0, 0.0), note=note)

    def tables(self, found):
        against = ("against vanilla", lambda name: found[name, "clean"] - found["vanilla", "clean"])
        ratio = ("rho_2 / vanilla's", lambda name: found[name, "rho2"] / found["vanilla", "rho2"])
        note = f"Held-out training images; FGS and PGD-40 at l_inf {found['vanilla', 'fgs', 'eps']}."
        options = {"columns": ["clean", "against", "ratio", "fgs", "pgd"], "note": note}
        yield found.grid("tuning", "On the validation split", against=against, ratio=ratio, **options)

    def figures(self, found):
        png = figures.accuracy_bars(found.bars("clean", "pgd"), title="Clean, and under PGD-40")
        yield Figure("Accuracy of each way", png, "On the validation split.", "bars")
