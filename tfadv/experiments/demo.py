"""The first look: a plain, an adversarially trained and a Deep Defense classifier on digits, attacked and compared.

Command: `tfadv demo` (no download, 20 seconds on two cores). Expected: PGD at l_inf 0.1 leaves the plain
network 4 of 10 images, the adversarially trained one 8 of 10; Deep Defense lengthens the distance rho_2.
"""

import dataclasses
import typing

import keras
import numpy as np

from tfadv.attacks.pgd import PGD
from tfadv.data import datasets
from tfadv.evaluation.evaluate import evaluate
from tfadv.evaluation.results import ExperimentResult
from tfadv.evaluation.statistics import student, wilson
from tfadv.experiments.base import Experiment, claim, copy_of, fit, mean
from tfadv.models import build
from tfadv.reports import figures
from tfadv.reports.document import percent, with_interval
from tfadv.threat import LInf

THREAT = LInf(0.1)
ATTACKS = ("fgsm", "pgd(steps=40, restarts=5)")
TITLES = {
    "plain": "Plain training",
    "adversarial": "Adversarial training (PGD-7)",
    "deep_defense": "Deep Defense",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Demo(Experiment):
    """See the module's docstring."""

    name: typing.ClassVar[str] = "demo"
    title: typing.ClassVar[str] = "Three classifiers under attack"

    def measure(self, seed, models, progress):
        data = datasets.load(self.dataset or "digits", self.data_dir)
        models.mkdir(parents=True, exist_ok=True)
        measured = {}
        for name, network in self._train(data, seed, progress).items():
            network.save(models / f"{name}.keras")
            watch = lambda what, *facts, name=name: progress(f"{TITLES[name]}: {what}", *facts)  # noqa: E731
            result = evaluate(
                network, data, threat=THREAT, attacks=ATTACKS, seed=seed, name=TITLES[name], progress=watch
            )
            measured[name] = {**result.to_json(), "gallery": result.gallery}
        return {"networks": measured, "dataset": data.name, "data_source": data.source}

    def _train(self, data, seed, progress):
        epochs = 2 if self.preset == "smoke" else 40
        options = {"batch_size": 64, "seed": seed, "progress": progress}
        network = build("mlp(hidden=(100,), init=glorot)", data.image_shape, data.num_classes, seed)
        adam = lambda: keras.optimizers.Adam(2e-3)  # noqa: E731
        robust = fit(
            copy_of(network), "adversarial", data.train, epochs=epochs, optimizer=adam(), what=TITLES["adversarial"],
            attack=PGD(steps=7), threat=THREAT, **options,
        )  # fmt: skip
        plain = fit(network, "standard", data.train, epochs=epochs, optimizer=adam(), what=TITLES["plain"], **options)
        defended = fit(
            copy_of(plain), "deep_defense(lam=5)", data.train, epochs=epochs // 2, optimizer=adam(),
            what=TITLES["deep_defense"], **options,
        )  # fmt: skip
        return {"plain": plain, "adversarial": robust, "deep_defense": defended}

    def present(self, measured):
        networks = measured[0]["networks"]
        pictures = {
            "curves": (
                "Accuracy against eps",
                "Under APGD with 50 steps and what the attacks of the table found.",
                _curves(networks),
            )
        }
        for name, result in networks.items():
            if result["gallery"]:
                caption = "Clean, adversarial, and their difference, magnified; prediction and confidence."
                pictures[f"gallery-{name}"] = (
                    f"What fooled it: {TITLES[name]}",
                    caption,
                    _gallery(result["gallery"]),
                )
        result = ExperimentResult(
            name=self.name,
            title=self.title,
            claims=_claims(measured),
            tables=[_table(measured)],
            figures=[{"id": id, "title": title, "caption": caption} for id, (title, caption, _) in pictures.items()],
            notes=[
                f"{networks['plain']['dataset']['n']} test images of {measured[0]['dataset']}, threat model {THREAT}: "
                "no pixel changes by more than a tenth of its range. PGD counts an image if it withstands all restarts."
            ],
        )
        return result, {id: png for id, (_, _, png) in pictures.items()}


def _of(measured, name, key):
    """One number per seed: an accuracy under an attack (by its place in the list), or clean accuracy, or rho_2."""
    results = [m["networks"][name] for m in measured]
    if key == "rho2":
        return [r["rho2"]["mean"] for r in results]
    return [r["clean_accuracy"] if key == "clean" else r["attacks"][key]["accuracy"] for r in results]


def _table(measured):
    n = measured[0]["networks"]["plain"]["dataset"]["n"]

    def accuracy(values):
        # One seed: the interval over images; several: over seeds.
        interval = student(values) or wilson(round(values[0] * n), n)
        return percent(mean(values), interval)

    rows = [
        [
            title,
            *(accuracy(_of(measured, name, key)) for key in ("clean", 0, 1)),
            with_interval(mean(_of(measured, name, "rho2"))),
        ]
        for name, title in TITLES.items()
    ]
    columns = ["Training", "Clean", "FGSM", "PGD-40 x 5", "rho_2 (DeepFool)"]
    note = (
        f"Accuracies with 95% intervals at {THREAT}. rho_2: mean relative size of the smallest change of a prediction."
    )
    return {"id": "table", "title": "Accuracy under attack", "columns": columns, "rows": rows, "note": note}


def _claims(measured):
    gain = [a - b for a, b in zip(_of(measured, "adversarial", 1), _of(measured, "plain", 1), strict=True)]
    ratio = [a / b for a, b in zip(_of(measured, "deep_defense", "rho2"), _of(measured, "plain", "rho2"), strict=True)]
    return [
        claim(
            "adversarial",
            "Adversarial training raises accuracy under PGD (measured: the difference)",
            None,
            gain,
            mean(gain) > 0,
        ),
        claim(
            "deep-defense",
            "Deep Defense lengthens rho_2 (measured: ratio to plain training)",
            None,
            ratio,
            mean(ratio) > 1,
        ),
    ]


def _curves(networks):
    return figures.accuracy_curves(
        {TITLES[name]: result["curves"][-1] for name, result in networks.items()},
        vertical_lines={str(THREAT): THREAT.eps},
        title="Accuracy under attack",
        xlabel="eps (l_inf)",
    )


def _gallery(gallery, shown=4):
    names = gallery["class_names"]
    label = lambda p, c: [f"{names[k]} ({c_:.0%})" for k, c_ in zip(p[:shown], c[:shown], strict=True)]  # noqa: E731
    return figures.gallery(
        np.array(gallery["x"], np.float32)[:shown],
        np.array(gallery["x_adv"], np.float32)[:shown],
        label(gallery["predicted"], gallery["confidence"]),
        label(gallery["predicted_adv"], gallery["confidence_adv"]),
    )
