"""Bayesian networks at their smallest: what Bigaud, Papereux, Rolland 2021 call the most promising avenue.

Dropout that stays on at prediction (Gal, Ghahramani 2016) and the mean of three networks (Lakshminarayanan et al.
2017), each of adversarially trained BasicNets, attacked as the mean that they answer with.

The entropy of the mean prediction is asked whether an image is adversarial, once by an attacker who does not know of
it, once by one who does.

Command: `tfadv reproduce bayes-net`. Expected: an ensemble is a little more robust than its members; dropout at
prediction gains nothing under an attacker who averages; entropy detects little, and nothing of who knows of it.
"""

from tfadv.experiments.biparo.entropy import EntropyDetector
from tfadv.experiments.biparo.networks import DOCUMENT, LINF, basicnet, networks, pgd_trained, random_tests, warm
from tfadv.study import Claim, Experiment, Network

# The networks whose entropy is asked, and the column of PGD without a detector on as many images.
ASKED = {"linf": "one", "ensemble": "one", "mc_dropout": "eot"}
KNOWS = {"unaware": False, "aware": True}
PROMISING = "most promising avenue"
# What is said to be above what: the sentence, (network, column) twice, and what the document says of it.
SAID = {
    "ensemble": (
        "An ensemble is more robust under PGD than one of its members",
        ("ensemble", "pgd_linf"), ("linf", "pgd_linf"), PROMISING,
    ),
    "ensemble-clean": ("It is right more often on natural images", ("ensemble", "clean"), ("linf", "clean"), None),
    "dropout": (
        "Dropout at prediction raises accuracy under PGD that averages",
        ("mc_dropout", "eot"), ("dropout", "one"), PROMISING,
    ),
    "dropout-one": (
        "Dropout at prediction raises accuracy under PGD that follows one answer",
        ("mc_dropout", "pgd_linf"), ("dropout", "pgd_linf"), None,
    ),
}  # fmt: skip
DROPOUT = "basicnet(dropout=0.2)"


class BayesNet(Experiment):
    name, title = "bayes_net", "Dropout at prediction and ensembles"
    document, ids = DOCUMENT, ("bayes-net",)
    scales = {preset: scale.but(judged=min(scale.judged, 2000)) for preset, scale in basicnet(minutes=5.8).items()}
    only = {"eot": "mc_dropout"} | dict.fromkeys(KNOWS, tuple(ASKED))

    def networks(self):
        named = networks(self.preset, "linf")
        members = 2 if self.preset == "smoke" else 3
        for draw in range(1, members):
            named[f"member_{draw}"] = pgd_trained(self.preset, "", LINF, draw=draw)
        parts = ("linf", *(f"member_{draw}" for draw in range(1, members)))
        named["ensemble"] = Network(title=f"Ensemble of {members}", of=parts, defense="ensemble")
        if self.preset == "smoke":
            return named
        named["warm_dropout"] = warm(self.preset, model=DROPOUT)["warm"]
        named["dropout"] = pgd_trained(self.preset, "Dropout in training", LINF, start="warm_dropout")
        always = {"of": ("dropout",), "defense": "mc_dropout(votes=5)"}
        return named | {"mc_dropout": Network(title="Dropout at prediction, 5 votes", **always)}

    def measures(self):
        attack, n = ("fgsm", 30) if self.preset == "smoke" else ("pgd(steps=20)", 500)
        return random_tests(self.preset, n, 10) | {
            key: EntropyDetector(attack, LINF, knows, n, title=f"Area, {key} attacker") for key, knows in KNOWS.items()
        }

    def derived(self, found):
        return {
            f"kept-{key}": (f"Withstood, {key} attacker", lambda name, key=key: found[name, key, "withstood"])
            for key in KNOWS
        }

    def claims(self, found):
        for id, (says, mine, other, published) in SAID.items():
            yield Claim(id, says, found[mine] - found[other], above=0.0, published=published)
        for name in found.having(*KNOWS):
            title = found.networks[name].title
            for key in KNOWS:
                says = f"{title}: entropy tells what an {key} attacker made from clean images (area above 0.5)"
                yield Claim(f"area-{key}-{name}", says, found[name, key], above=0.5)
            says = f"{title}: with rejection by entropy it withstands more of the aware attacker than of PGD without"
            gain = found[name, "kept-aware"] - found[name, ASKED[name]]
            yield Claim(f"rejecting-{name}", says, gain, above=0.0)

    def tables(self, found):
        columns = [key for key in self.measures() if key not in KNOWS]
        note = "Members differ in the order of the images, and share the weights that they begin with."
        yield found.grid("table", "One network and means of several", columns=columns, note=note)
        note = (
            "Area: of the images that the attack fools, against themselves before. Withstood: right, or rejected, at a "
            "threshold that rejects 5 % of other clean images; a clean image that is rejected counts as wrong."
        )
        columns = [*KNOWS, *(f"kept-{key}" for key in KNOWS)]
        yield found.grid("entropy", "Entropy as a detector", columns=columns, rows=found.having(*KNOWS), note=note)
