"""Bayesian networks at their smallest: what Bigaud, Papereux, Rolland 2021 call the most promising avenue.

Dropout that stays on at prediction (Gal, Ghahramani 2016) and the mean of three networks (Lakshminarayanan et al.
2017), each of adversarially trained BasicNets, attacked as the mean that they answer with.

Command: `tfadv reproduce bayes-net`. Expected: an ensemble is a little more robust than its members; dropout at
prediction gains nothing under an attacker who averages.
"""

from tfadv.experiments.biparo.networks import DOCUMENT, LINF, basicnet, networks, pgd_trained, random_tests, warm
from tfadv.study import Claim, Experiment, Network

DROPOUT = "basicnet(dropout=0.2)"


class BayesNet(Experiment):
    name, title = "bayes_net", "Dropout at prediction and ensembles"
    document, ids = DOCUMENT, ("bayes-net",)
    scales = {preset: scale.but(judged=min(scale.judged, 2000)) for preset, scale in basicnet(minutes=4.1).items()}
    only = {"eot": "mc_dropout"}

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
        return random_tests(self.preset, 500, 10)

    def claims(self, found):
        gain = lambda name, other, key: found[name, key] - found[other, key]  # noqa: E731
        says = "An ensemble is more robust under PGD than one of its members"
        yield Claim(
            "ensemble", says, gain("ensemble", "linf", "pgd_linf"), above=0.0, published="most promising avenue"
        )
        says = "It is right more often on natural images"
        yield Claim("ensemble-clean", says, gain("ensemble", "linf", "clean"), above=0.0)
        says = "Dropout at prediction raises accuracy under PGD that averages"
        yield Claim(
            "dropout",
            says,
            found["mc_dropout", "eot"] - found["dropout", "one"],
            above=0.0,
            published="most promising avenue",
        )
        says = "Dropout at prediction raises accuracy under PGD that follows one answer"
        yield Claim("dropout-one", says, gain("mc_dropout", "dropout", "pgd_linf"), above=0.0)

    def tables(self, found):
        columns = list(self.measures())
        note = "Members differ in the order of the images, and share the weights that they begin with."
        yield found.grid("table", "One network and means of several", columns=columns, note=note)
