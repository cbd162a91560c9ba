"""Deep Defense on Fashion-MNIST (Deng, Zhang, Zhao 2019), in the form of their code and in the form of the paper.

Command: `tfadv reproduce deep-defense` (all 60,000 images; 4 minutes a seed on two cores), `--seeds 3` for
intervals over seeds, `--form seed|paper` for one half, `--preset smoke` for seconds on digits.

Reproduces table 3.4, figures 3.1 to 3.3 and 3.5, table 3.6, figures 3.7 to 3.9. The code's regulariser is a constant
for the weights: `seed` form trains it as it is, shows that leaving it out changes no bit, and where its gain comes
from. `paper` form is the objective of Yan, Guo, Zhang 2018, DeepFool differentiated through. Expected (one seed): the
paper form's rho_2 is 2.4 times the vanilla network's or more, at most 1 point of clean accuracy lower.

`--dataset mnist` trains the original paper's networks by its own recipe: `deep_defense_mnist`.
"""

import dataclasses
import itertools
import typing

import keras
import numpy as np

from tfadv.attacks.deepfool import DeepFool
from tfadv.attacks.pgd import PGD
from tfadv.data import datasets
from tfadv.errors import invalid
from tfadv.evaluation import metrics
from tfadv.experiments import deep_defense_mnist
from tfadv.experiments import deep_defense_report as report
from tfadv.experiments.base import Experiment, Pairs, copy_of, fingerprint, fit
from tfadv.experiments.deep_defense_networks import BATCH, PUBLISHED, TUNED, SeedDeepDefense, paper_form, vanilla
from tfadv.threat import LInf

DEEPFOOL = DeepFool(variant="seed001")
EPS = tuple(round(0.001 * k, 3) for k in range(50))
IMAGES_SHOWN = 10
FGS_SHOWN = 0.05
# Loss, batch size, shuffled, share of the epochs: the eight ways between the document's two trainings, then the first
# of them stopped early, since a larger batch also means fewer updates.
ABLATION = (
    *itertools.product(("mean", "sum"), (64, 100), (True, False), (1.0,)),
    ("mean", 64, True, 0.6),
    ("mean", 64, True, 0.2),
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class DeepDefenseStudy(Experiment):
    """See the module's docstring.

    Args:
        form: `"seed"`, `"paper"` or `"both"`.
    """

    name: typing.ClassVar[str] = "deep_defense"
    title: typing.ClassVar[str] = "Deep Defense on Fashion-MNIST"

    form: str = "both"

    def __post_init__(self):
        super().__post_init__()
        if self.form not in ("seed", "paper", "both"):
            raise invalid("form", "seed, paper or both", repr(self.form))
        if self.dataset == "mnist" and self.form != "both":
            raise invalid("form", "none with --dataset mnist, which has one recipe", repr(self.form))

    def measure(self, seed, models, progress):
        if self.dataset == "mnist":
            return deep_defense_mnist.measure(self, seed, models, progress)
        default = "digits" if self.preset == "smoke" else "fashion_mnist"
        data = datasets.load(self.dataset or default, self.data_dir)
        smoke = self.preset == "smoke"
        study = Networks(data, seed, progress, epochs=(2, 1) if smoke else (10, 5))
        if self.form != "paper":
            study.seed_form()
            study.ablation([ABLATION[0], ABLATION[7]] if smoke else ABLATION)
        if self.form != "seed":
            study.paper_form(smoke)
        return {
            **study.measured(models),
            "dataset": data.name,
            "data_source": data.source,
            "class_names": data.class_names,
        }

    def present(self, measured):
        return (deep_defense_mnist if self.dataset == "mnist" else report).present(self, measured)


class Networks:
    """The networks of one seed, by name, and what is measured on them."""

    def __init__(self, data, seed, progress, epochs):
        self.data, self.seed, self.progress = data, seed, progress
        self.more = epochs[1]
        self.x, self.y = data.test.x, data.test.y
        shape, common = data.image_shape, {"seed": seed, "progress": progress}
        self.start, network = vanilla(data.train, shape, data.num_classes, epochs=epochs, **common)
        self.networks, self.facts = {"vanilla": network}, {}

    def tune(self, method, what, *, epochs=None, batch_size=64, **options):
        """A copy of the 10-epoch network, fine-tuned on the DeepFool images with Adam 5e-4.

        Args:
            method: a spec, or a function from the network to its trainer.
        """
        network = copy_of(self.start)
        return fit(
            network, method if isinstance(method, str) else method(network), self.pairs, epochs=epochs or self.more,
            batch_size=batch_size, seed=self.seed, optimizer=keras.optimizers.Adam(5e-4), progress=self.progress,
            what=what, **options,
        )  # fmt: skip

    def deepfool_images(self):
        """DeepFool images of the training set against the vanilla network after 10 epochs, computed once, unclipped."""
        self.progress("DeepFool images of the training set", 0, 1)
        x = self.data.train.x
        images = DEEPFOOL.minimal(self.start, x, metrics.predictions(self.start, x), batch_size=1000)
        ratios = np.linalg.norm((images - x).reshape(len(x), -1), axis=1) / np.linalg.norm(
            images.reshape(len(x), -1), axis=1
        )
        return Pairs(images, self.data.train.y), ratios

    def seed_form(self):
        """Fine-tuning on DeepFool images, and the code's Deep Defense with its regulariser at 15 and at 0."""
        self.pairs, ratios = self.deepfool_images()
        digests = []
        self.networks["finetune"] = self.tune("standard", "fine-tuning")
        for lam in (0.0, 15.0):
            self.networks["seed"] = self.tune(
                lambda network, lam=lam: SeedDeepDefense(network, ratios, lam, seed=self.seed),
                f"the code's Deep Defense, lambda {lam:g}",
                batch_size=min(BATCH, len(self.pairs)),
                shuffle=False,
                reduction="sum",
            )
            digests.append(fingerprint(self.networks["seed"]))
        self.facts["regularizer_changes_nothing"] = digests[0] == digests[1]

    def ablation(self, ways):
        """Where the code's gain comes from: plain fine-tuning, in the `ways` of ABLATION."""
        rows = []
        for reduction, batch_size, shuffle, share in ways:
            epochs = max(1, round(share * self.more))
            what = (
                f"ablation: {reduction}, batch {batch_size}, {'shuffled' if shuffle else 'in order'}, {epochs} epochs"
            )
            options = {"batch_size": batch_size, "shuffle": shuffle, "reduction": reduction, "epochs": epochs}
            network = self.tune("standard", what, **options)
            ratios = metrics.rho(network, self.x, DEEPFOOL, batch_size=1000)
            rows.append(
                {
                    "reduction": reduction,
                    "batch_size": batch_size,
                    "shuffle": shuffle,
                    "updates": epochs * (len(self.pairs) // batch_size),
                    "clean": metrics.correct(network, self.x, self.y).mean(),
                    "rho2": metrics.summary(ratios)["mean"],
                    "fgs": metrics.fgs_curve(network, self.x, self.y, EPS),
                }
            )
        self.facts["ablation"] = rows

    def paper_form(self, smoke):
        """The objective of Yan, Guo, Zhang 2018: with the published c, d, lambda, and with the best ones."""
        for name, way in (("published", PUBLISHED), ("tuned", TUNED)):
            self.networks[name] = paper_form(
                copy_of(self.start), way, self.data.train, seed=self.seed, progress=self.progress,
                epochs=1 if smoke else None,
            )  # fmt: skip

    def measured(self, models):
        """Everything the tables and figures need, and the networks on disk."""
        models.mkdir(parents=True, exist_ok=True)
        self.transfer = DEEPFOOL.minimal(self.start, self.x, metrics.predictions(self.start, self.x), batch_size=1000)
        self.facts["eps_half"] = eps_of_half(self.networks["vanilla"], self.x, self.y)
        measured = {}
        for k, (name, network) in enumerate(self.networks.items()):
            self.progress("measuring", k, len(self.networks))
            network.save(models / f"{name}.keras")
            measured[name] = self._network(network)
        self.progress("measuring", len(self.networks), len(self.networks))
        return {**self.facts, "networks": measured, "images": self._images()}

    def _network(self, network):
        threat = LInf(self.facts["eps_half"])
        clean = metrics.correct(network, self.x, self.y)
        predicted = metrics.predictions(network, self.x)
        own = DEEPFOOL.minimal(network, self.x, predicted, batch_size=1000)
        transfer, itself = (self._roc(network, x) for x in (self.transfer, own))
        rho2 = metrics.summary(metrics.relative_change(network, self.x, own, predicted))
        return {
            "clean": clean.mean(),
            **{f"rho2_{key}": value for key, value in rho2.items()},
            "fgs": metrics.fgs_curve(network, self.x, self.y, EPS),
            "fgs_half": metrics.fgs_curve(network, self.x, self.y, [threat.eps], clip=True)[0],
            "pgd_half": self._pgd(network, threat, clean).mean(),
            "auc": {k: area for k, (_, _, area) in transfer.items()},
            "auc_own": {k: area for k, (_, _, area) in itself.items()},
            "roc": {k: thinned(*transfer[k][:2]) for k in (2, 3) if k in transfer},
        }

    def _roc(self, network, x):
        return metrics.roc(self.y, metrics.probabilities(metrics.logits(network, x)))

    def _pgd(self, network, threat, standing, restarts=2):
        """PGD-40 with random restarts, each on the images that still stand."""
        standing = standing.copy()
        for restart in range(restarts):
            alive = np.flatnonzero(standing)
            if not alive.size:
                break
            x_adv = PGD(steps=40)(network, self.x[alive], self.y[alive], threat=threat, seed=1000 * self.seed + restart)
            standing[alive] &= metrics.correct(network, x_adv, self.y[alive])
        return standing

    def _images(self):
        """Figures 3.1 to 3.3: the first test images, against the vanilla network after 10 epochs."""
        x, y = self.x[:IMAGES_SHOWN], self.y[:IMAGES_SHOWN]
        fgs = x + FGS_SHOWN * metrics.gradient_signs(self.start, x, y)
        kinds = {"clean": x, "deepfool": self.transfer[:IMAGES_SHOWN], "fgs": fgs}
        return {
            "labels": y,
            **{
                kind: {
                    "x": np.round(np.clip(images, 0, 1) * 255).astype(int),
                    "predicted": metrics.predictions(self.start, images),
                }
                for kind, images in kinds.items()
            },
        }


def eps_of_half(network, x, y):
    """The smallest eps of the grid at which clipped FGS fools the network half of the time; else the last."""
    below = np.flatnonzero(metrics.fgs_curve(network, x, y, EPS, clip=True) <= 0.5)
    return EPS[below[0]] if below.size else EPS[-1]


def thinned(fpr, tpr, points=200):
    """A ROC curve at evenly spaced false positive rates, for drawing: (rates, rates)."""
    at = np.linspace(0, 1, points)
    return np.round(at, 4), np.round(np.interp(at, fpr, tpr), 4)
