"""Randomized smoothing: certified accuracy against the radius (Cohen, Rosenfeld, Kolter 2019, figures 5 to 8).

Networks learn from Gaussian noise, and the vote of noisy copies is certified with as much noise. Beside them a network
that never saw noise, and how much PGD leaves of the mean answer of copies, which never abstains.

Commands: `tfadv reproduce smoothing` (CIFAR-10), `tfadv reproduce smoothing-mnist`. Expected: more noise certifies
larger radii and fewer images; without noise in training next to nothing is certified on CIFAR-10.
"""

from tfadv.experiments.lecture.scales import SMOKE
from tfadv.reports import figures
from tfadv.reports.document import Figure
from tfadv.study import CertifiedWithin, Claim, Experiment, First, Network, Scale, Under, published_gain

DOCUMENT = "Cohen, Rosenfeld, Kolter 2019"
RADII = tuple(k / 20 for k in range(41))
COLUMNS = (0, 0.25, 0.5, 0.75, 1.0)
# Of a ResNet-110 and 500 images, n = 100,000: tables of the authors' code, and figure 6 at radius 0.
PUBLISHED = {
    "0.25": {"0": 0.77, "0.25": 0.60, "0.5": 0.43, "0.75": 0.27, "1": 0.0},
    "0.5": {"0": 0.66, "0.25": 0.55, "0.5": 0.41, "0.75": 0.32, "1": 0.23},
}
CIFAR = Scale(
    dataset="cifar10",
    epochs=90,
    judged=500,
    model="resnet20",
    batch_size=256,
    optimizer="sgd(learning_rate=0.1, momentum=0.9)",
    weight_decay=5e-4,
    schedule="step(at=(30, 60))",
    augment="crop_flip",
    keep="last",
)
CIFAR_LAPTOP = {
    "model": "resnet8(widths=(8, 16, 32))",
    "train": 20_000,
    "epochs": 15,
    "batch_size": 64,
    "judged": 200,
    "optimizer": "adam(learning_rate=0.002)",
    "schedule": "cosine_decay",
    "weight_decay": 0.0,
    "minutes": 8.5,
}
MNIST = Scale(dataset="mnist", epochs=20, model="cnn", batch_size=128, schedule="cosine_decay", keep="last", judged=500)


class Smoothing(Experiment):
    name, title = "smoothing", "Randomized smoothing"
    document, ids = DOCUMENT, ("bp-smoothing",)
    scales = CIFAR.presets(smoke={**SMOKE, "schedule": "constant", "augment": "none"}, laptop=CIFAR_LAPTOP)
    only = {"attacked": "mean", "certified": ("0.25", "0.5", "unprepared")}
    copies = {"smoke": 50, "laptop": 1000, "paper": 100_000}
    published = PUBLISHED

    @property
    def _n(self):
        return self.copies[self.preset]

    def _farthest(self, sigma):
        """The radius that copies certify which all agree."""
        from scipy.stats import norm

        return sigma * norm.ppf(0.001 ** (1 / self._n))

    def networks(self):
        found = {}
        for sigma in (0.25, 0.5):
            trained = Network(title="", method=f"noise(sigma={sigma})")
            found |= {
                f"noise_{sigma}": trained,
                str(sigma): self._smoothed(f"noise_{sigma}", sigma, "trained on noise"),
            }
        found["standard"] = Network(title="")
        found["unprepared"] = self._smoothed("standard", 0.25, "trained without noise")
        mean = "noise(sigma=0.25, votes=32, mean=probabilities)"
        return found | {"mean": Network(title="sigma 0.25, the mean of 32 copies", of=("noise_0.25",), defense=mean)}

    def _smoothed(self, of, sigma, how):
        defense = f"smoothed(sigma={sigma}, votes=32, n={self._n})"
        return Network(title=f"sigma {sigma}, {how}", of=(of,), defense=defense)

    def measures(self):
        attack, n = ("fgsm", 20) if self.preset == "smoke" else ("pgd(steps=20)", 100)
        attacked = First(n, Under(attack, "l2:0.25", f"l_2 PGD 0.25, {n} images"))
        return {"certified": CertifiedWithin("l2", RADII), "attacked": attacked}

    def derived(self, found):
        within = lambda radius: lambda name: found.right_at(name, "certified", radius)  # noqa: E731
        return {f"{radius:g}": (f"within {radius:g}", within(radius)) for radius in COLUMNS}

    def claims(self, found):
        for id, says, more, less, radius in (
            ("near", "Less noise certifies more images at radius 0: sigma 0.25 less 0.5", "0.25", "0.5", "0"),
            ("far", "More noise certifies more images at radius 0.75: sigma 0.5 less 0.25", "0.5", "0.25", "0.75"),
        ):
            if self._farthest(0.25) < float(radius):
                continue  # so few copies certify nothing there, whatever the network
            cells = (more, radius), (less, radius)
            published = self.published and published_gain(self.published, *cells)
            yield Claim(id, says, found[cells[0]] - found[cells[1]], above=0.0, published=published)
        says = "Training on noise certifies more images within 0.25, by at least 20 points (sigma 0.25)"
        yield Claim("unprepared", says, found["0.25", "0.25"] - found["unprepared", "0.25"], above=0.2)
        attacked = found["mean", "attacked"]
        certified = found["0.25", "0.25"].map(lambda right: right[: self.measures()["attacked"].n])
        says = "PGD on the mean of 32 copies leaves at most 2 points fewer images than are certified within 0.25"
        yield Claim("attacked", says, attacked - certified, above=-0.02)

    def tables(self, found):
        note = (
            f"Right, and certified within an l_2 radius with 99.9 % confidence an image, by {self._n:,} noisy copies; "
            f"abstentions count as wrong. Copies that all agree certify {self._farthest(1.0):.2f} sigma, none more."
        )
        columns = [*(f"{radius:g}" for radius in COLUMNS), "attacked"]
        yield found.grid("certified", "Certified accuracy", columns=columns, published=self.published, note=note)

    def figures(self, found):
        title = "Certified accuracy against the radius"
        png = figures.accuracy_curves(
            found.curves("certified"), title=title, xlabel="l_2 radius", ylabel="certified accuracy"
        )
        yield Figure(title, png, "With 99.9 % confidence an image.", "certified")


class SmoothingMnist(Smoothing):
    """Randomized smoothing on MNIST: certified accuracy against the radius of a small network, in minutes."""

    name, title = "smoothing_mnist", "Randomized smoothing on MNIST"
    ids = ("bp-smoothing-mnist",)
    scales = MNIST.presets(smoke={**SMOKE, "schedule": "constant"}, laptop={"epochs": 5, "judged": 250, "minutes": 2.9})
    copies = {"smoke": 50, "laptop": 10_000, "paper": 100_000}
    published = None
