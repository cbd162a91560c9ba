"""Do adversaries of a network on images fool networks on codes? Figure 6 of Cocola, Rabindranath, with its controls.

The document makes adversaries for the networks on images, and asks the same classifiers of codes about them. Beside it
here: noise of the same length, which nobody has chosen, and attackers who know of the code: by a gradient through the
encoder, averaged where it draws, or through the projection, which brings one; by what fools LRL on images; by queries.

Command: `tfadv reproduce adv-accuracy-universality` (`--dataset fashion_mnist`). Expected: most of what is won against
other networks' adversaries is lost to the attacker who knows.
"""

import numpy as np

from tfadv.experiments.latent.adversaries import GoalAdversaries, InBall, OnAdversaries, OneDraw, one_draw
from tfadv.experiments.latent.networks import CODES, DEAR, DOCUMENT, HEADS, autoencoders, on_codes, on_images, presets
from tfadv.experiments.latent.sketches import by_head
from tfadv.reports import figures
from tfadv.reports.document import Figure
from tfadv.study import Claim, Experiment, First, Under

THREAT = "l2:1"
RANDOM = "vae_encoding-lrl"
# Of these codes every classifier is cheap: no step of an optimization stands before it.
QUICK = ("ae_encoding", "vae_encoding")


class Universality(Experiment):
    name, title = "adv_accuracy_universality", "Adversaries of networks on images, asked of networks on codes"
    document, ids = DOCUMENT, ("adv-accuracy-universality",)
    scales = presets(minutes=2.8, **DEAR)

    @property
    def heads(self):
        """The classifiers whose adversaries are asked about."""
        return ("1l", "lrl") if self.preset == "smoke" else tuple(HEADS)

    @property
    def only(self):
        """Adversaries of a classifier on images are asked of the same classifier on codes; one that draws codes is
        attacked by the mean of many draws."""
        asked = {head: [name for name in self.networks() if name.rpartition("-")[2] == head] for head in self.heads}
        known = asked["lrl"]
        attackers = {
            "crafted": "lrl", "transferred": known, "square": known, "pgd_mean": RANDOM,
            "pgd": [name for name in known if name != RANDOM],
        }  # fmt: skip
        both = {f"{key}-{head}": names for head, names in asked.items() for key in ("fooled", "noise")}
        return {f"adversaries-{head}": head for head in self.heads} | both | attackers

    def networks(self):
        named = autoencoders() | on_images(*self.heads)
        for codes in QUICK if self.preset == "smoke" else CODES:
            for head in self.heads if codes in QUICK else ("lrl",):
                named[f"{codes}-{head}"] = on_codes(self.preset, codes, head)
        return named

    def measures(self):
        small = self.preset == "smoke"
        pgd, n, few, queries = ("pgd(steps=2)", 20, 5, 10) if small else ("pgd(steps=20)", 200, 50, 100)
        asked = {}
        for head in self.heads:
            key = f"adversaries-{head}"
            asked |= {
                key: GoalAdversaries(1 if small else 2),
                f"fooled-{head}": OnAdversaries(head, key),
                f"noise-{head}": OnAdversaries(head, key, noise=True),
            }
        return {
            "right": OneDraw(),
            **asked,
            "pgd": First(n, Under(pgd, THREAT, "PGD through the code")),
            "pgd_mean": First(n, Under(f"eot(attack={pgd}, draws=10)", THREAT, "PGD through the mean of draws")),
            "crafted": First(n, InBall(pgd, THREAT)),
            "transferred": OnAdversaries("lrl", "crafted"),
            "square": First(few, Under(f"square(queries={queries})", THREAT, "Square, few queries")),
        }

    def derived(self, found):
        def asked(measure, array):
            key = lambda name: f"{measure}-{name.rpartition('-')[2]}"  # noqa: E731
            return lambda name: found[name, key(name), array].map(np.asarray, share=True)

        gradient = lambda name: found[name, "pgd_mean" if name == RANDOM else "pgd"]  # noqa: E731
        transfer = lambda name: found[name, "transferred", "majority"]  # noqa: E731
        known = lambda name: withstands_all(gradient(name), transfer(name), found[name, "square"])  # noqa: E731
        return {
            **one_draw(found),
            "fooled": ("Adversaries of the same classifier on images", asked("fooled", "value")),
            "fooled-majority": ("by majority", asked("fooled", "majority")),
            "noise": ("Noise of the same length", asked("noise", "value")),
            "gradient": ("PGD through the code, l_2 1", gradient),
            "transfer": ("PGD through LRL on images", transfer),
            "known": ("All who know of the code, l_2 1", known),
        }

    def claims(self, found):
        on = [name for name in found.networks if "-" in name]
        for name in on:
            title, head = found.networks[name].title, HEADS[name.rpartition("-")[2]][0]
            says = f"{title} is right on at least half of the adversaries of {head} on images"
            yield Claim(f"fooled-{name}", says, found[name, "fooled"], above=0.5, published="high")
            says = f"{title} is no better on noise of the same length than on these adversaries, to 5 points"
            gain = found[name, "noise"] - found[name, "fooled"]
            yield Claim(f"noise-{name}", says, gain, below=0.05, published="no control")
            says = f"{title} withstands these attacks through the code at least 5 points more often than LRL on images"
            yield Claim(f"known-{name}", says, found[name, "known"] - found["lrl", "known"], above=0.05)
        for head in self.heads:
            gain = found[f"vae_encoding-{head}", "fooled"] - found[f"ae_encoding-{head}", "fooled"]
            kind = HEADS[head][0]
            says = f"{kind} is right on more adversaries of {kind} on images on VAE-ENCODING than on AE-ENCODING"
            yield Claim(f"vae-ae-{head}", says, gain, above=0.0, published="highest and lowest")
        if "vae_mean-lrl" in on:
            gain = found[RANDOM, "fooled"] - found["vae_mean-lrl", "fooled"]
            says = "Drawing the code prevents the perturbation from fitting: right on more of them than with the mean"
            yield Claim("draws", says, gain, above=0.0, published="seemed to prevent")
            spared = lost(found, "vae_mean-lrl") - lost(found, RANDOM)
            says = "Beside noise of the same length they cost less where the code is drawn than with the mean"
            yield Claim("draws-noise", says, spared, above=0.0, published="seemed to prevent")

    def tables(self, found):
        note = (
            "Where codes are drawn, of one draw; beside it by the majority of 20, which the attackers have to fool. "
            "They are PGD through what makes the code, where it is drawn on the mean of 10 draws, and PGD's images "
            f"of LRL on images, of {found.measures['pgd'].n} images, and Square with few queries on "
            f"{found.measures['square'].n} of them; the last column is what withstands all three. l_2 1: of pixels in "
            "[0, 1]. Adversaries of classifiers on images: two for each ordered pair of classes."
        )
        columns = [
            "clean",
            "majority",
            "fooled",
            "fooled-majority",
            "noise",
            "gradient",
            "transfer",
            "square",
            "known",
        ]
        yield found.grid("figure-6", "Adversaries of others, noise, and one's own", columns=columns, note=note)

    def figures(self, found):
        png = figures.accuracy_bars(by_head(found, "fooled"), title="Right on adversaries of others")
        caption = "Figure 6 of the document: adversaries of a classifier on images, asked of the same one on codes."
        yield Figure("Right on adversaries of others", png, caption, "figure-6")
        bars = {
            found.networks[name].title: {
                head: (found[name, key].mean, found[name, key].interval)
                for key, head in (("fooled", "adversaries of LRL on images"), ("known", "attackers who know"))
            }
            for name in found.having("fooled", "known")
        }
        caption = "Beside it attacks that are made for each network, within a ball."
        png = figures.accuracy_bars(bars, title="Adversaries of others and one's own")
        yield Figure("Adversaries of others and one's own", png, caption, "bars")


def lost(found, name):
    """How many more images a network is right about with noise than with the adversaries that are as long.

    A share, so that the difference of two is in points; it may be below 0, which its own interval does not show.
    """
    return found[name, "noise"].map(lambda noise, fooled: noise * 1.0 - fooled, found[name, "fooled"], share=True)


def withstands_all(gradient, transferred, queries):
    """Which images withstand all attackers, (n,) bool: a `Sample`; empty unless all have attacked.

    Args:
        gradient, transferred: of the same n images; queries: of the first few of them.
    """

    def all_of(gradient, transferred, queries):
        return gradient & transferred & np.append(queries, np.ones(len(gradient) - len(queries), bool))

    return gradient.map(all_of, transferred, queries)
