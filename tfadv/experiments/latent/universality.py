"""Do adversaries of a network on images fool networks on codes? Figure 6 of Cocola, Rabindranath, with its controls.

The document makes adversaries for the networks on images, and asks networks on codes about them. Beside it here: noise
of the same length, which nobody has chosen, and an attacker who knows of the code: his gradient goes through the
encoder, averaged where it draws, and through the projection by the gradient that the defense brings.

Command: `tfadv reproduce adv-accuracy-universality` (`--dataset fashion_mnist`). Expected: most of what is won against
other networks' adversaries is lost to the attacker who knows.
"""

from tfadv.experiments.latent.adversaries import GoalAdversaries, OnAdversaries
from tfadv.experiments.latent.networks import CODES, DEAR, DOCUMENT, autoencoders, on_codes, on_images, presets
from tfadv.reports import figures
from tfadv.reports.document import Figure
from tfadv.study import Claim, Clean, Experiment, First, Under

THREAT = "l2:1"
RANDOM = "vae_encoding-lrl"


class Universality(Experiment):
    name, title = "adv_accuracy_universality", "Adversaries of networks on images, asked of networks on codes"
    document, ids = DOCUMENT, ("adv-accuracy-universality",)
    scales = presets(**DEAR)

    @property
    def only(self):
        """A network that draws codes is attacked by the mean of many draws."""
        steady = tuple(name for name in self.networks() if "lrl" in name and name != RANDOM)
        square = [name for name in steady if "projection" not in name]  # through 500 steps each query is dear
        return {"adversaries": "lrl", "aware": steady, "aware_mean": RANDOM, "square": square}

    def networks(self):
        codes = ("ae_encoding",) if self.preset == "smoke" else CODES
        return autoencoders() | on_images("lrl") | {f"{key}-lrl": on_codes(self.preset, key, "lrl") for key in codes}

    def measures(self):
        small = self.preset == "smoke"
        pgd, n = ("pgd(steps=2)", 20) if small else ("pgd(steps=20)", 200)
        return {
            "clean": Clean("Test images"),
            "adversaries": GoalAdversaries(1 if small else 2),
            "fooled": OnAdversaries("lrl", title="Adversaries of LRL on images"),
            "noise": OnAdversaries("lrl", noise=True, title="Noise of the same length"),
            "aware": First(n, Under(pgd, THREAT, "PGD through the code, l_2 1")),
            "square": First(n, Under("square(queries=1000)", THREAT, "Square through the code, l_2 1")),
            "aware_mean": First(n, Under(f"eot(attack={pgd}, draws=10)", THREAT, "the same, mean of draws")),
        }

    def derived(self, found):
        def known(name):
            aware, square = found[name, "aware_mean" if name == RANDOM else "aware"], found[name, "square"]
            return aware & square if square.per_seed else aware

        return {"known": ("An attacker who knows of the code, l_2 1", known)}

    def claims(self, found):
        on = [name for name in found.networks if "-" in name]
        for name in on:
            title = found.networks[name].title
            says = f"{title} is right on at least half of the adversaries of LRL on images"
            yield Claim(f"fooled-{name}", says, found[name, "fooled"], above=0.5, published="high")
            says = f"{title} is no better on noise of the same length than on these adversaries, to 5 points"
            gain = found[name, "noise"] - found[name, "fooled"]
            yield Claim(f"noise-{name}", says, gain, below=0.05, published="no control")
            says = (
                f"{title} withstands an attacker who knows of the code at least 5 points more often than LRL on images"
            )
            yield Claim(f"known-{name}", says, found[name, "known"] - found["lrl", "known"], above=0.05)
        if RANDOM in on and "ae_encoding-lrl" in on:
            gain = found[RANDOM, "fooled"] - found["ae_encoding-lrl", "fooled"]
            says = "VAE-ENCODING is right on more of them than AE-ENCODING"
            yield Claim("vae-ae", says, gain, above=0.0, published="highest and lowest")
            says = "Drawing the code prevents the perturbation from fitting: more than with the mean"
            gain = found[RANDOM, "fooled"] - found["vae_mean-lrl", "fooled"]
            yield Claim("draws", says, gain, above=0.0, published="seemed to prevent")

    def tables(self, found):
        note = (
            "Networks that draw codes are judged by the majority of 20 answers. l_2 1: of pixels in [0, 1]. He has "
            "PGD, and Square where codes are neither drawn nor found by optimization: there nothing looked for masking."
        )
        columns = ["clean", "fooled", "noise", "known"]
        yield found.grid("figure-6", "Adversaries of others, noise, and one's own", columns=columns, note=note)

    def figures(self, found):
        bars = {
            found.networks[name].title: {
                head: (found[name, key].mean, found[name, key].interval)
                for key, head in (("fooled", "adversaries of LRL on images"), ("known", "attacker who knows"))
            }
            for name in found.having("fooled", "known")
        }
        caption = "Figure 6 of the document, and beside it an attack that is made for each network."
        yield Figure("Adversaries of others and one's own", figures.accuracy_bars(bars), caption, "bars")
