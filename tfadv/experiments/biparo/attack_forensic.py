"""Which attack made this image? The outlook of Bigaud, Papereux, Rolland 2021, after Bonnet, Furon, Bas 2020.

Images of a BasicNet, clean and after four attacks or noise, are told apart by what high-pass filters leave of them
and by the network's logits. The forest knows neither the clean image nor the label; no attack tries to hide from it.
Images that the network gets wrong without an attack are left out.

Command: `tfadv reproduce attack-forensic`. Expected: most origins are named rightly; storing the images in 8 bits
hides the smallest changes.
"""

import numpy as np

from tfadv.experiments.biparo.forensics import NamedOrigins, f1
from tfadv.experiments.biparo.networks import DOCUMENT, L2, LINF, UNIFORM, basicnet, networks
from tfadv.reports.document import Figure, Table
from tfadv.study import Claim, Clean, Experiment

KINDS = (
    ("FGSM", "fgsm", LINF),
    ("PGD l_inf", "pgd(steps=20)", LINF),
    ("PGD l_2", "pgd(steps=20)", L2),
    ("DeepFool", "deepfool", L2),
    ("noise", UNIFORM, LINF),
)
TRIED = {"exact": (0, "as the attack made them"), "stored": (8, "stored in 8 bits")}


class AttackForensic(Experiment):
    name, title = "attack_forensic", "Which attack made this image"
    document, ids = DOCUMENT, ("attack-forensic",)
    scales = {preset: scale.but(judged=min(scale.judged, 2000)) for preset, scale in basicnet(minutes=0.6).items()}

    def networks(self):
        return networks(self.preset, "standard", *([] if self.preset == "smoke" else ["linf"]))

    def measures(self):
        small = {"trees": 10} if self.preset == "smoke" else {}
        kinds = KINDS[:2] if self.preset == "smoke" else KINDS
        return {"clean": Clean("Natural")} | {
            key: NamedOrigins(kinds, bits, title=how, **small) for key, (bits, how) in TRIED.items()
        }

    def derived(self, found):
        macro = lambda key: lambda name: found[name, key, "named"].map(lambda named: f1(named).mean(axis=1))  # noqa: E731
        rightly = lambda key: lambda name: found[name, key].map(np.asarray, share=True)  # noqa: E731
        scores = {f"f1-{key}": (f"Macro F1, {how}", macro(key)) for key, (_, how) in TRIED.items()}
        return scores | {f"named-{key}": (f"Named, {how}", rightly(key)) for key, (_, how) in TRIED.items()}

    def claims(self, found):
        for name, network in found.networks.items():
            chance = 1 / (1 + len(found.measures["stored"].kinds))
            says = f"{network.title}: which attack made an image can be told (macro F1 at least 0.6)"
            note = f"By chance it would be {chance:.2f}."
            claim = {"above": 0.6, "published": "could greatly improve the defense", "note": note}
            yield Claim(f"f1-{name}", says, found[name, "f1-stored"], **claim)
            says = f"{network.title}: storing images in 8 bits costs the forest accuracy"
            yield Claim(f"bits-{name}", says, found[name, "named-exact"] - found[name, "named-stored"], above=0.0)

    def tables(self, found):
        columns = ["clean", "named-exact", "f1-exact", "named-stored", "f1-stored"]
        note = "On the images not trained on; intervals are over images, of each of which every origin is asked."
        yield found.grid("table", "How often the origin is named", columns=columns, note=note)
        for name, network in found.networks.items():
            kinds = ["clean", *(kind for kind, *_ in found.measures["stored"].kinds)]
            scores = [[str(found[name, key, "named"].map(of_origin(k))) for k in range(len(kinds))] for key in TRIED]
            rows = zip(kinds, *scores, strict=True)
            heads = ("Origin", *(how for _, how in TRIED.values()))
            yield Table(f"F1 by origin: {network.title}", heads, tuple(rows), id=f"f1-{name}")

    def figures(self, found):
        for name, network in found.networks.items():
            for title, png in found.pictures(name, "stored", title=f"Origins, {network.title}"):
                yield Figure(
                    title, png, "Rows: what made the image; columns: what the forest names.", f"origins-{name}"
                )


def of_origin(k):
    """A function from what each origin of an image is named to the F1 of the k-th."""
    return lambda named: f1(named)[:, k]
