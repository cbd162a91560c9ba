"""Interval bounds on MNIST: what is proven of a network that was trained for it, and of others.

Networks trained with IBP (Gowal et al. 2019), against PGD, and on the images as they are, at l_inf 0.1: how many
images the bounds certify, how many AutoAttack leaves, and whether 210 restarts of PGD break one that is certified:
10^5 attacks where 477 images or more are.

Command: `tfadv reproduce ibp`. Expected: of the IBP network the bracket is 3 points wide or less, of the others the
bounds prove little, and no certified image falls. Interval bounds come first, then linear ones (CROWN).
"""

from tfadv.experiments.lecture.scales import SMOKE
from tfadv.study import Certified, CertifiedAndFooled, Claim, Clean, Experiment, Network, Protocol, Scale
from tfadv.study.claims import ExactClaim

THREAT = "linf:0.1"
# Gowal et al. 2019, abstract: a verified error of 2.23 % at eps 0.1, of a larger network.
PUBLISHED = {"ibp": {"certified": 0.9777}}
MNIST = Scale(
    dataset="mnist",
    epochs=100,
    judged=10_000,
    model="cnn",
    batch_size=128,
    schedule="step(at=(0.6, 0.85))",
    threat=THREAT,
    validation=1000,
)


class IntervalBounds(Experiment):
    name, title = "ibp", "Interval bounds: certified, true, attacked"
    document, ids = "Gowal et al. 2019", ("ibp",)
    scales = MNIST.presets(
        smoke={**SMOKE, "schedule": "constant", "validation": 50}, laptop={"epochs": 30, "judged": 500, "minutes": 12.5}
    )
    only = {"fell": "ibp"}

    @property
    def _restarts(self):
        return 2 if self.preset == "smoke" else 210

    def networks(self):
        attack = "pgd(steps=1)" if self.preset == "smoke" else "pgd(steps=7)"
        return {
            "ibp": Network(title="IBP", method="ibp(wider=2)", eps_ramp=0.35),
            "pgd": Network(title="PGD training", method="adversarial", attack=attack, share=0.2),
            "standard": Network(title="Standard training"),
        }

    def measures(self):
        attacks = ("pgd(steps=5)",) if self.preset == "smoke" else None
        return {
            "clean": Clean("Natural"),
            "attacked": Protocol(THREAT, attacks, "Attacked"),
            "certified": Certified(THREAT),
            "fell": CertifiedAndFooled(f"pgd(steps=10, restarts={self._restarts})", THREAT),
        }

    def derived(self, found):
        return {"bracket": ("Bracket", lambda name: found[name, "attacked"] - found[name, "certified"])}

    def claims(self, found):
        says = "IBP: the bracket, attacked less certified, is at most 3 points wide"
        yield Claim("bracket", says, found["ibp", "bracket"], below=0.03)
        says = f"No certified image falls to {self._restarts} restarts of PGD"
        yield ExactClaim("sound", says, found["ibp", "fell"], near=(0.0, 0.0), published="none")
        says = "IBP certifies more than PGD training"
        yield Claim("trained", says, found["ibp", "certified"] - found["pgd", "certified"], above=0.0)
        says = "IBP costs natural accuracy"
        yield Claim("price", says, found["standard", "clean"] - found["ibp", "clean"], above=0.0)

    def tables(self, found):
        columns = ["clean", "attacked", "certified", "bracket", "fell"]
        note = (
            "The truth of each network, on these images, lies between certified and attacked. PGD training has a fifth "
            "of the epochs of the others."
        )
        yield found.grid("table", "Under l_inf 0.1", columns=columns, published=PUBLISHED, note=note)
