"""Which lambda, c, d and learning rate Deep Defense wants on Fashion-MNIST, tried on a validation split.

Command: `tfadv reproduce deep-defense-tuning` (10 minutes on two cores). 6,000 of the 60,000 training images are held
out; test images are never looked at. Expected: lambda matters little, a smaller c or d buys rho_2 with clean accuracy,
and more epochs with a falling learning rate give some of both. `fashion.TUNED` is the choice of this table: the longest
rho_2 whose cost in accuracy the split cannot tell from none.
"""

from tfadv.experiments.deep_defense.fashion import DEEPFOOL, EPOCHS, EPS, FASHION, PUBLISHED, TUNED, paper_form
from tfadv.study import AtHalf, Clean, Experiment, Fgs, First, Network, Rho
from tfadv.study.claims import ExactClaim

GRID = (
    PUBLISHED, *((5, c, 5, 5e-4, 5, False) for c in (25, 15, 40)), *((10, 25, d, 5e-4, 5, False) for d in (2, 10)),
    (5, 25, 5, 1e-3, 5, False), *((lam, 25, d, 1e-3, 5, True) for lam, d in ((5, 5), (3, 5), (5, 10))),
    (5, 25, 5, 2e-3, 5, True), TUNED, (5, 25, 10, 1e-3, 10, True),
)  # fmt: skip
WAYS = {network.title: network for network in (paper_form(*way) for way in GRID)}
CHOICE = paper_form(*TUNED).title


class DeepDefenseTuning(Experiment):
    name, title = "deep_defense_tuning", "Deep Defense: lambda, c, d on a validation split"
    document, ids = "Yan, Guo, Zhang 2018", ("deep-defense-orig",)
    scales = FASHION.but(held_out=0.1).presets(smoke={"dataset": "digits", "epochs": 3}, laptop={"minutes": 9.8})
    only = {"curve": "vanilla"}

    def networks(self):
        named = {"start": Network(title="", share=10 / EPOCHS), "vanilla": Network(title="vanilla")}
        ways = [next(iter(WAYS)), CHOICE] if self.preset == "smoke" else WAYS
        return named | {way: WAYS[way] for way in ways}

    def measures(self):
        fgs, pgd = AtHalf("fgsm", "FGS", "vanilla", "curve"), AtHalf("pgd(steps=40)", "PGD-40", "vanilla", "curve")
        curve, rho2 = Fgs(EPS, clip=True), Rho(DEEPFOOL)
        return {"clean": Clean("Accuracy"), "rho2": rho2, "curve": curve, "fgs": fgs, "pgd": First(2000, pgd)}

    def derived(self, found):
        return {
            "against": ("against vanilla", lambda name: found[name, "clean"] - found["vanilla", "clean"]),
            "ratio": ("rho_2 / vanilla's", lambda name: found[name, "rho2"] / found["vanilla", "rho2"]),
        }

    def claims(self, found):
        clean, rho2 = ({name: found[name, key].mean for name in found.networks} for key in ("clean", "rho2"))
        # What the split cannot tell from no loss at all.
        least = clean["vanilla"] - found["vanilla", "clean"].standard_error
        best = max((name for name in clean if clean[name] >= least), key=rho2.get)
        says, ratio = f"{CHOICE}: the choice of this table", found[CHOICE, "rho2"] / found[best, "rho2"]
        note = f"The longest rho_2 of those at most a standard error below vanilla's accuracy ({least:.2%}): {best}."
        yield ExactClaim("choice", f"{says} (measured: rho_2 / the best row's)", ratio, near=(1.0, 0.0), note=note)

    def tables(self, found):
        note = f"Held-out training images; FGS and PGD-40 at l_inf {found['vanilla', 'fgs', 'eps'].listed}."
        columns = ["clean", "against", "ratio", "fgs", "pgd"]
        yield found.grid("tuning", "On the validation split", columns=columns, note=note)
