"""How far 180 adversaries lie: figures 1 and 5 of Cocola, Rabindranath, and the same end to end.

The document changes the code where a classifier takes codes, the image where it takes images, and compares lengths:
||z_adv - z||_2 / ||z||_2 with ||x_adv - x||_2 / ||x||_2. An attacker changes images. Here he does so too, through the
encoder or the projection, and both numbers stand side by side.

Command: `tfadv reproduce adv-robustness-180` (`--dataset fashion_mnist`). Expected: the order of the document in codes;
little of it in images.
"""

import numpy as np

from tfadv.experiments.latent.adversaries import Along, GoalAdversaries
from tfadv.experiments.latent.codes import GoalCodeAdversaries
from tfadv.experiments.latent.distances import columns, lie_farther, median, was_found
from tfadv.experiments.latent.networks import CODES, DEAR, DOCUMENT, autoencoders, on_codes, on_images, presets
from tfadv.experiments.latent.sketches import by_head, distance_bars
from tfadv.reports.document import Figure
from tfadv.study import Experiment

# Those that are attacked through what makes the code; one that draws codes is attacked by its mean.
FRONT = ("lrl", "ae_encoding-lrl", "vae_mean-lrl")
BY_OPTIMIZATION = ("ae_projection-lrl", "vae_projection-lrl")


class AdvRobustness(Experiment):
    name, title = "adv_robustness_180", "How far 180 adversaries lie, in codes and in images"
    document, ids = DOCUMENT, ("adv-robustness-180", "goal-attack")
    scales = presets(minutes=0.9, **DEAR)

    @property
    def only(self):
        """Codes are decoded by the autoencoder that they are from; images are attacked through the code."""
        on = [name for name in self.networks() if "-" in name]
        codes = {f"codes-{kind}": [name for name in on if name.startswith(f"{kind}_")] for kind in ("ae", "vae")}
        return codes | {
            "images": ("1l", "2l", *FRONT),
            "few": ("lrl", *BY_OPTIMIZATION),
            "along": ("lrl", *BY_OPTIMIZATION),
        }

    def networks(self):
        small = self.preset == "smoke"
        named = autoencoders() | on_images(*(["lrl"] if small else ["1l", "2l", "lrl"]))
        for codes in ("ae_encoding", "vae_projection") if small else CODES:
            for head in ("lrl",) if small or codes == "vae_mean" else ("1l", "2l", "lrl"):
                named[f"{codes}-{head}"] = on_codes(self.preset, codes, head)
        return named

    def measures(self):
        small = self.preset == "smoke"
        # Through 500 steps of a projection each step of an attack is dear.
        few = "goal(steps=5, searches=2)" if small else "goal(steps=40, searches=4)"
        return {
            "codes-ae": GoalCodeAdversaries("ae", 1 if small else 2),
            "codes-vae": GoalCodeAdversaries("vae", 1 if small else 2),
            "images": GoalAdversaries(1 if small else 2, title="End to end"),
            "few": GoalAdversaries(1, attack=few, title="End to end, fewer steps"),
            "along": Along("lrl", "few"),
        }

    def derived(self, found):
        of = lambda name: "codes-vae" if name.startswith("vae") else "codes-ae"  # noqa: E731
        decoded = lambda name: found[name, of(name), "decoded"].map(median)  # noqa: E731
        return {
            "document": (
                "The document's: of the code, or of the image, median",
                lambda n: self.of(found, n).map(median),
            ),
            "found": ("found", lambda name: self.of(found, name).map(was_found)),
            "decoded": ("The same, decoded", decoded),
            **columns(found, "images"),
            **columns(found, "few"),
            "nearest": ("", lambda n: found[n, "few"].map(np.minimum, found[n, "along"])),
            **columns(found, "nearest", "These, or along those of LRL"),
        }

    def end_to_end(self, name):
        """The column of medians of a network whose images are changed."""
        return "nearest-median" if name in BY_OPTIMIZATION else "images-median"

    def of(self, found, name):
        """The distances of a network in the document's way: of its codes where it has any."""
        codes = "codes-vae" if name.startswith("vae") else "codes-ae"
        return found[name, codes if "-" in name else "images"]

    def claims(self, found):
        best = "vae_encoding-lrl"
        for name in ("lrl", "ae_encoding-lrl", *BY_OPTIMIZATION):
            if name in found.networks:
                says = "In the document's way most adversaries of LRL on VAE-ENCODING lie farther than those of "
                samples = self.of(found, best), self.of(found, name)
                options = {"published": "most robust; AE-ENCODING and images least"}
                yield lie_farther(f"document-{name}", says + found.networks[name].title, *samples, **options)
        for name in ("vae_mean-lrl", "ae_encoding-lrl", *BY_OPTIMIZATION):
            if name in found.networks:
                says = f"End to end most adversaries of {found.networks[name].title} lie farther than of LRL on images"
                # What makes a projection brings a gradient that may mislead: another network's way counts too.
                key = "nearest" if name in BY_OPTIMIZATION else "images"
                yield lie_farther(f"pixels-{name}", says, found[name, key], found["lrl", key], published="not measured")

    def tables(self, found):
        note = (
            "Medians of ||delta||_2 / ||x||_2 over adversaries with a confidence of 95 %, two for each ordered pair of "
            "classes, of the same images for all, less those that a network is wrong about; those not found count "
            "as infinitely far. The last columns are of one a pair and fewer steps: through a projection each is dear. "
            "Along those of LRL: the adversaries of LRL on images, followed until they fool this network as surely. "
            "A code has no bounds."
        )
        ends = [f"{key}-{what}" for key in ("images", "few", "nearest") for what in ("median", "found")]
        shown = ["document", "found", "decoded", *ends]
        yield found.grid("figure-5", "How far adversaries lie", columns=shown, note=note)

    def figures(self, found):
        axis = {"xlabel": "||delta||_2 / ||x||_2, or of the code, median"}
        png = distance_bars(by_head(found, "document"), title="How far adversaries lie", **axis)
        caption = "Figure 5 of the document: on codes the code is changed, whose lengths are no lengths of images."
        yield Figure("How far adversaries lie, in the document's way", png, caption, "figure-5")
        both = {
            found.networks[name].title: {
                title: (found[name, column].mean, found[name, column].interval)
                for title, column in (("code", "document"), ("image", self.end_to_end(name)))
                if found[name, column].mean is not None and (title, name) != ("code", "lrl")
            }
            for name in (*FRONT, *BY_OPTIMIZATION)
            if name in found.networks
        }
        caption = "The code is changed, or the image that it is made of; through a projection in fewer steps."
        yield Figure("Codes or images", distance_bars(both, title="Codes or images", **axis), caption, "codes-images")
        caption = "Above each its class, or that which it is taken for and with what confidence (figure 1)."
        for name in FRONT:
            title = found.networks[name].title if name in found.networks else name
            for _, png in found.pictures(name, "images", title=title):
                yield Figure(f"Adversaries: {title}", png, caption, f"goal-{name}")
