"""The first look: a plain, an adversarially trained and a Deep Defense classifier on digits, attacked and compared.

Command: `tfadv demo` (no download, 20 seconds on two cores). Expected: PGD at l_inf 0.1 leaves the plain
network 4 of 10 images, the adversarially trained one 8 of 10; Deep Defense lengthens the distance rho_2.
"""

from tfadv.reports import figures
from tfadv.reports.document import Figure
from tfadv.study import Claim, Clean, Curve, Experiment, Gallery, Network, Rho, Scale, Under

THREAT = "linf:0.1"
PGD7, PGD40 = "pgd(steps=7)", "pgd(steps=40, restarts=5)"
DIGITS = Scale(
    dataset="digits",
    epochs=40,
    model="mlp(hidden=(100,), init=glorot)",
    batch_size=64,
    optimizer="adam(learning_rate=0.002)",
    keep="last",
    minutes=0.3,
)


class Demo(Experiment):
    name, title = "demo", "Three classifiers under attack"
    scales = DIGITS.presets(smoke={"epochs": 2, "judged": 100, "minutes": None})

    def networks(self):
        return {
            "plain": Network(title="Plain training"),
            "robust": Network(title="Adversarial training (PGD-7)", method="adversarial", attack=PGD7, threat=THREAT),
            "deep_defense": Network(title="Deep Defense", start="plain", method="deep_defense(lam=5)", share=0.5),
        }

    def measures(self):
        return {
            "clean": Clean(),
            "fgsm": Under("fgsm", THREAT, "FGSM"),
            "pgd": Under(PGD40, THREAT, "PGD-40 x 5"),
            "rho2": Rho(title="rho_2 (DeepFool)"),
            "curve": Curve("apgd(steps=50)", "linf", tuple(k / 40 for k in range(9))),
            "images": Gallery(PGD40, THREAT),
        }

    def claims(self, found):
        gain = found["robust", "pgd"] - found["plain", "pgd"]
        yield Claim("adversarial", "Adversarial training raises accuracy under PGD", gain, above=0.0)
        ratio = found["deep_defense", "rho2"] / found["plain", "rho2"]
        yield Claim("deep-defense", "Deep Defense lengthens rho_2 (ratio)", ratio, above=1.0)

    def tables(self, found):
        note = f"Accuracies with 95% intervals at {THREAT}. rho_2: mean relative size of the smallest change."
        yield found.grid("table", "Accuracy under attack", columns=["clean", "fgsm", "pgd", "rho2"], note=note)

    def figures(self, found):
        png = figures.accuracy_curves(found.curves("curve"), vertical_lines={THREAT: 0.1}, xlabel="eps (l_inf)")
        yield Figure("Accuracy against eps", png, "Under APGD with 50 steps.", "curves")
        caption = "Clean, adversarial, and their difference, magnified; prediction and confidence."
        for name, network in found.networks.items():
            for title, png in found.pictures(name, "images", title=f"What fooled it: {network.title}"):
                yield Figure(title, png, caption, f"gallery-{name}")

    def notes(self, found):
        yield f"Test images of {found.fact('dataset')}. No pixel changes by more than a tenth of its range ({THREAT})."
