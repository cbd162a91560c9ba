"""How far 180 adversaries lie: figures 1 and 5 of Cocola, Rabindranath, and the same end to end.

The document changes the code where a classifier takes codes, the image where it takes images, and compares lengths:
||z_adv - z||_2 / ||z||_2 with ||x_adv - x||_2 / ||x||_2. An attacker changes images. Here he does so too, through the
encoder or the projection, and both numbers stand side by side.

Command: `tfadv reproduce adv-robustness-180` (`--dataset fashion_mnist`). Expected: the order of the document in codes;
little of it in images.
"""

from tfadv.experiments.latent.adversaries import Adversaries
from tfadv.experiments.latent.codes import CodeAdversaries
from tfadv.experiments.latent.networks import CODES, DOCUMENT, autoencoders, on_codes, on_images, presets
from tfadv.reports.document import Figure
from tfadv.study import Claim, Experiment

# Those that are attacked through what makes the code; one that draws codes is attacked by its mean.
FRONT = ("lrl", "ae_encoding-lrl", "vae_mean-lrl")
BY_OPTIMIZATION = ("ae_projection-lrl", "vae_projection-lrl")


class AdvRobustness(Experiment):
    name, title = "adv_robustness_180", "How far 180 adversaries lie, in codes and in images"
    document, ids = DOCUMENT, ("adv-robustness-180", "goal-attack")
    scales = presets(train=20_000)

    @property
    def only(self):
        """Codes are decoded by the autoencoder that they are from; images are attacked through the code."""
        on = [name for name in self.networks() if "-" in name]
        codes = {f"codes-{kind}": [name for name in on if name.startswith(f"{kind}_")] for kind in ("ae", "vae")}
        return codes | {"images": ("1l", "2l", *FRONT), "few": BY_OPTIMIZATION}

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
            "codes-ae": CodeAdversaries("ae", 1 if small else 2),
            "codes-vae": CodeAdversaries("vae", 1 if small else 2),
            "images": Adversaries(1 if small else 2),
            "few": Adversaries(1, attack=few),
        }

    def derived(self, found):
        of = lambda name: "codes-vae" if name.startswith("vae") else "codes-ae"  # noqa: E731
        images = lambda name: found[name, "few" if name in BY_OPTIMIZATION else "images"]  # noqa: E731
        seed = lambda name: found[name, of(name)] if "-" in name else found[name, "images"]  # noqa: E731
        return {
            "document": ("The document's: of the code, or of the image", seed),
            "decoded": ("The same, decoded", lambda name: found[name, of(name), "decoded"]),
            "pixels": ("Of the image, through the code", images),
        }

    def claims(self, found):
        best = "vae_encoding-lrl"
        for name in ("lrl", "ae_encoding-lrl", "ae_projection-lrl", "vae_projection-lrl"):
            if name in found.networks:
                says = f"In the document's way VAE-ENCODING lies farther than {found.networks[name].title}"
                ratio = found[best, "document"] / found[name, "document"]
                published = "most robust" if name != "lrl" else "most robust; image space least"
                yield Claim(
                    f"document-{name}", f"{says} (measured: the ratio, LRL)", ratio, above=1.0, published=published
                )
        for name in ("vae_mean-lrl", "ae_encoding-lrl", *BY_OPTIMIZATION):
            if name in found.networks:
                says = (
                    f"End to end, {found.networks[name].title} is more robust than LRL on images (measured: the ratio)"
                )
                ratio = found[name, "pixels"] / found["lrl", "pixels"]
                yield Claim(f"pixels-{name}", says, ratio, above=1.0, published="not measured")

    def tables(self, found):
        note = (
            "Means of ||delta||_2 / ||x||_2 over adversaries with a confidence of 95 %, two for each ordered pair of "
            "classes, of projections one, and found in fewer steps. A code has no bounds."
        )
        columns = ["document", "decoded", "pixels"]
        yield found.grid("figure-5", "How far adversaries lie", columns=columns, note=note)

    def figures(self, found):
        for name in FRONT:
            title = found.networks[name].title if name in found.networks else name
            for _, png in found.pictures(name, "images", title=title):
                yield Figure(f"Adversaries: {title}", png, "Image, adversary, difference (figure 1).", f"goal-{name}")
