"""Parametric noise in every layer: table 5 of Bigaud, Papereux, Rolland 2021, after Rakin, He, Fan 2018 (PNI).

Noise on the weights, as strong as a trained factor alpha says. The paper attacks one draw. Its own network with the
noise switched off is less robust than one that was never noisy (31.45 against 39.14 % under PGD): the gain is in the
noise of the answers.

Command: `tfadv reproduce pni`. Expected: the gain shrinks under an attacker who averages; with the noise switched off
the network is no more robust than one without; natural training lets alpha fall.
"""

from tfadv.experiments.biparo.networks import DOCUMENT, LINF, random_tests
from tfadv.experiments.biparo.parametric import NoiseStrength
from tfadv.experiments.biparo.residual import residual, trained
from tfadv.study import Claim, Experiment, Network, NoiseOff, Under, published_gain

PUBLISHED = {
    "noisy": {"clean": 0.6462, "pgd_linf": 0.4115, "pgd_l2": 0.4901, "fgsm": 0.4951},
    "plain": {"clean": 0.7001, "pgd_linf": 0.3976, "pgd_l2": 0.4810, "fgsm": 0.5382},
}
# He, Rakin, Fan 2019, table 2: ResNet-20 at 8/255, PNI on weights by layer.
PAPER = {
    "ResNet-20 (He et al.)": {"clean": 0.8384, "pgd_linf": 0.3914, "fgsm": 0.4655},
    "PNI-W (He et al.)": {"clean": 0.8489, "pgd_linf": 0.4594, "fgsm": 0.5448, "off": 0.3145},
}
MODELS = {
    "smoke": ("resnet8(widths=(2,))", "resnet8(widths=(2,), {noise})"),
    "laptop": ("resnet8(widths=(8, 16, 32))", "resnet8(widths=(8, 16, 32), {noise})"),
    "paper": ("resnet20", "resnet20({noise})"),
}
NOISE = "noise='pni(where=weights, by=layer)'"
PGD = "pgd(steps=20)"


class PNI(Experiment):
    name, title = "pni", "Parametric noise in every layer"
    document, ids = DOCUMENT, ("pni",)
    scales = residual(judged=1000, minutes=1.7)
    only = {"off": "noisy", "eot": "noisy", "alpha": ("noisy", "natural")}

    def networks(self):
        plain, noisy = (text.format(noise=NOISE) for text in MODELS[self.preset])
        both = {"method": "adversarial(clean=0.5)"}
        named = {
            "plain": trained(self.preset, "Without noise", model=plain, **both),
            "noisy": trained(self.preset, "PNI on weights", model=noisy, **both),
        }
        natural = Network(title="PNI, natural training", model=noisy, measures=("clean",))
        return named | ({} if self.preset == "smoke" else {"natural": natural})

    def measures(self):
        off = NoiseOff(Under(PGD, LINF), "l_inf PGD, noise off")
        return random_tests(self.preset, 300, 20) | {"off": off, "alpha": NoiseStrength()}

    def claims(self, found):
        gain = lambda key: found["noisy", key] - found["plain", key]  # noqa: E731
        printed = lambda key: published_gain(PUBLISHED, ("noisy", key), ("plain", key))  # noqa: E731
        adaptive = found["noisy", "eot"] - found["plain", "one"]
        says = "Noise raises accuracy under PGD that averages over the noise"
        yield Claim("adaptive", says, adaptive, above=0.0, published=printed("pgd_linf") + " (one draw)")
        says = "Noise raises accuracy under PGD that follows one draw"
        yield Claim("one-draw", says, gain("pgd_linf"), above=0.0, published=printed("pgd_linf"))
        says = "Noise costs natural accuracy"
        yield Claim("clean", says, gain("clean"), below=0.0, published=printed("clean") + " (He et al.: +1.05)")
        says = "Noise costs accuracy under FGSM"
        note = "The document prints this loss and speaks of an increase."
        yield Claim("fgsm", says, gain("fgsm"), below=0.0, published=printed("fgsm"), note=note)
        says = "With its noise switched off it is less robust than the network that never had any"
        off = found["noisy", "off"] - found["plain", "pgd_linf"]
        yield Claim("off", says, off, below=0.0, published="-7.69 points (He et al.)")
        says = "Averaging over the noise makes the attack stronger"
        yield Claim("eot", says, found["noisy", "eot"] - found["noisy", "one"], below=0.0)
        says = "Adversarial training keeps alpha above 0.05 in the first half of the layers"
        options = {"over": "layers", "published": "it does not vanish (He et al.)"}
        yield Claim("alpha", says, found["noisy", "alpha"], above=0.05, **options)
        says = "Natural training lets alpha fall below that of adversarial training"
        less = found["natural", "alpha"] - found["noisy", "alpha"]
        options = {"over": "layers", "published": "alpha vanishes (He et al.)"}
        yield Claim("alpha-natural", says, less, below=0.0, **options)

    def tables(self, found):
        columns = list(self.measures())
        note = "Noisy networks are judged by the majority of 20 answers. Trained on half natural, half attacked images."
        options = {"columns": columns, "published": PUBLISHED, "beside": PAPER, "note": note}
        yield found.grid("table-5", "Table 5: with and without parametric noise", **options)
