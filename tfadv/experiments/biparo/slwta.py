"""Stochastic winner-takes-all: the outlook of Bigaud, Papereux, Rolland 2021, after Panousis et al. 2021.

In each pair of channels one passes, drawn at random. The authors report 87.9 % under AutoAttack for deterministic
models and 76.1 % under its version for random ones, far above anything else of the time: a symptom of gradients that
noise hides.

Command: `tfadv reproduce slwta`. Expected: much of what PGD on one draw leaves falls to PGD on the mean of many
draws.
"""

from tfadv.experiments.biparo.networks import DOCUMENT, LINF, basicnet, networks, pgd_trained, random_tests, warm
from tfadv.study import Claim, Experiment, Unaware

# Of a WRN-34 at 0.031: the authors' logs. AutoAttack as it is for deterministic models, and its version "rand".
LOGS = {"WRN-34, SLWTA (Panousis et al.)": {"pgd_linf": 0.8793, "eot": 0.7608}}
MODEL = {"smoke": "resnet8(widths=(2,), activation=slwta)"}
PGD = "pgd(steps=20)"


class SLWTA(Experiment):
    name, title = "slwta", "Stochastic local winner-takes-all"
    document, ids = DOCUMENT, ("slwta",)
    scales = {preset: scale.but(judged=min(scale.judged, 1000)) for preset, scale in basicnet(minutes=4.6).items()}
    only = {"unaware": "slwta", "eot": "slwta"}

    def networks(self):
        model = MODEL.get(self.preset, "basicnet(activation=slwta)")
        first = warm(self.preset, model=model)
        options = {"start": "warm_slwta"} if first else {"start": None, "model": model}
        named = networks(self.preset, "linf") | ({"warm_slwta": first["warm"]} if first else {})
        return named | {"slwta": pgd_trained(self.preset, "SLWTA, l_inf PGD training", LINF, **options)}

    def measures(self):
        unaware = Unaware(PGD, LINF, "l_inf PGD on the likeliest winners")
        return random_tests(self.preset, 300, 50) | ({} if self.preset == "smoke" else {"unaware": unaware})

    def claims(self, found):
        published = "87.9 against 76.1 % (AutoAttack, not and made for random models)"
        says = "Averaging over the draws makes PGD stronger by at least 3 points"
        fall = found["slwta", "one"] - found["slwta", "eot"]
        yield Claim("masked", says, fall, above=0.03, published=published)
        says = "Against PGD that follows one draw it is more robust than the network with ReLU"
        gain = found["slwta", "pgd_linf"] - found["linf", "pgd_linf"]
        yield Claim("one-draw", says, gain, above=0.0, published="impressive performances")
        says = "Against PGD that averages it is more robust than the network with ReLU"
        gain = found["slwta", "eot"] - found["linf", "one"]
        yield Claim("adaptive", says, gain, above=0.0, published="impressive performances")
        says = "It costs natural accuracy"
        yield Claim("clean", says, found["slwta", "clean"] - found["linf", "clean"], below=0.0)

    def tables(self, found):
        columns = list(self.measures())
        note = "The random network is judged by the majority of 20 answers."
        yield found.grid("table", "Winner-takes-all and ReLU", columns=columns, beside=LOGS, note=note)
