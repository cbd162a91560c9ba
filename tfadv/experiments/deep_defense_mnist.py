"""Deep Defense on MNIST by the recipe of Yan, Guo, Zhang 2018: their networks, SGD, lambda 15, c 25, d 5.

Command: `tfadv reproduce deep-defense --dataset mnist`. `--preset laptop` fine-tunes on 10,000 images, 10 minutes on
two cores, `--preset paper` on all 60,000. The reference networks are trained here (Adam, 10 epochs), as the
authors' are not available. The published figures were read from memory of the paper and not checked again.
"""

import keras
import numpy as np

from tfadv.attacks.pgd import PGD
from tfadv.data import datasets
from tfadv.evaluation import metrics
from tfadv.evaluation.results import ExperimentResult
from tfadv.evaluation.statistics import student
from tfadv.experiments.base import claim, copy_of, fit, mean
from tfadv.models import build
from tfadv.reports import figures
from tfadv.reports.document import percent, with_interval
from tfadv.threat import LInf

METHOD = "deep_defense(lam=15, c=25, d=5)"
NETWORKS = {"mlp_mnist": "MLP 784-500-150-10", "lenet": "LeNet 20-50-500-10"}
KINDS = {"reference": "reference", "defended": "Deep Defense"}
# Reference and Deep Defense: (accuracy, rho_2).
PUBLISHED = {
    "mlp_mnist": ((0.9831, 1.11e-1), (0.9865, 2.25e-1)),
    "lenet": ((0.9902, 2.05e-1), (0.9934, 2.84e-1)),
}
EPOCHS, BATCH = 5, 100
# Images that Deep Defense trains on, and test images on which distances are measured.
SCALE = {"smoke": (200, 100), "laptop": (10_000, 2_000), "paper": (60_000, 10_000)}
EPS = 0.1


def measure(experiment, seed, models, progress):
    """Train each network plainly, then by Deep Defense; measure both."""
    data = datasets.load("mnist", experiment.data_dir)
    n, judged = SCALE[experiment.preset]
    models.mkdir(parents=True, exist_ok=True)
    networks = {}
    for name in NETWORKS:
        reference = build(name, data.image_shape, data.num_classes, seed)
        epochs = 1 if experiment.preset == "smoke" else 10
        fit(
            reference, "standard", data.train, epochs=epochs, batch_size=BATCH, seed=seed, progress=progress,
            optimizer=keras.optimizers.Adam(1e-3), what=f"{name}: reference",
        )  # fmt: skip
        defended = fit(
            copy_of(reference), METHOD, data.train.take(n), epochs=EPOCHS, batch_size=BATCH, seed=seed,
            optimizer=published_sgd(n // BATCH), progress=progress, what=f"{name}: Deep Defense",
        )  # fmt: skip
        networks[name] = {}
        for kind, network in (("reference", reference), ("defended", defended)):
            progress(f"{name}: measuring", 0, 1)
            network.save(models / f"{name}_{kind}.keras")
            networks[name][kind] = figures_of_merit(network, data.test, judged, seed)
    return {
        "networks": networks,
        "images": n,
        "judged": judged,
        "dataset": "mnist",
        "data_source": data.source,
    }


def published_sgd(steps):
    """Learning rate 5e-4, halved after 80% of the epochs, momentum 0.9, weight decay 5e-4 (decoupled in Keras)."""
    rate = keras.optimizers.schedules.PiecewiseConstantDecay([int(0.8 * EPOCHS * steps)], [5e-4, 2.5e-4])
    return keras.optimizers.SGD(rate, momentum=0.9, weight_decay=5e-4)


def figures_of_merit(network, test, judged, seed):
    """Clean accuracy on all test images; rho_2, the FGS curve and PGD-40 on the first `judged`."""
    x, y = test.x, test.y
    eps = np.linspace(0, 2 * EPS, 21)
    few, labels = x[:judged], y[:judged]
    x_adv = PGD(steps=40)(network, few, labels, threat=LInf(EPS), seed=seed)
    return {
        "clean": metrics.correct(network, x, y).mean(),
        "rho2": metrics.summary(metrics.rho(network, few, batch_size=250))["mean"],
        "eps": eps,
        "fgs": metrics.fgs_curve(network, few, labels, eps, clip=True),
        "pgd": metrics.correct(network, x_adv, labels).mean(),
    }


def present(experiment, measured):
    """One table, one figure, two claims a network: (ExperimentResult, {figure id: PNG bytes})."""
    n = measured[0]["images"]
    result = ExperimentResult(
        name=experiment.name,
        title="Deep Defense on MNIST, the original recipe",
        claims=[claim for name in NETWORKS for claim in claims(name, measured)],
        tables=[table(measured)],
        notes=[
            f"{len(measured)} seed(s); SGD 5e-4 with momentum 0.9, halved after 80% of {EPOCHS} epochs, batch {BATCH}, "
            "lambda 15, c 25, d 5.",
            "All training images, as in the original."
            if n == SCALE["paper"][0]
            else f"The original fine-tunes on all training images; here on {n:,}, with fewer steps accordingly.",
            "Not as in the original: reference networks are trained here, with Adam; images are not mean-subtracted.",
            "Keras' weight decay does not pass through the momentum. The published values are quoted from memory.",
        ],
        figures=[{"id": "figure-fgs", "title": "Accuracy against the eps of FGS", "caption": "Clipped to [0, 1]."}],
    )
    return result, {"figure-fgs": figures.accuracy_curves(curves(measured), title="Accuracy under FGS")}


def of(measured, name, kind, key):
    """One number (or curve) per seed."""
    return [m["networks"][name][kind][key] for m in measured]


def table(measured):
    show = lambda values, style=percent: style(mean(values), student(values))  # noqa: E731
    rows = []
    for name, title in NETWORKS.items():
        for kind, published in zip(KINDS, PUBLISHED[name], strict=True):
            clean, rho2, pgd = (of(measured, name, kind, key) for key in ("clean", "rho2", "pgd"))
            values = [show(clean), percent(published[0]), show(rho2, with_interval), with_interval(published[1])]
            rows.append([title, KINDS[kind], *values, show(pgd)])
    return {
        "id": "table-mnist",
        "title": "Reference and Deep Defense networks",
        "columns": ["Network", "", "Accuracy", "published", "rho_2", "published", f"PGD-40 at l_inf {EPS:g}"],
        "rows": rows,
        "note": f"Fine-tuned for {EPOCHS} epochs on {measured[0]['images']:,} images; rho_2 and PGD-40 on "
        f"{measured[0]['judged']:,} test images.",
    }


def claims(name, measured):
    """That rho_2 rises and clean accuracy does not fall, for one network."""
    (clean_before, rho2_before), (clean_after, rho2_after) = PUBLISHED[name]
    pairs = {key: zip(*(of(measured, name, kind, key) for kind in KINDS), strict=True) for key in ("rho2", "clean")}
    ratio = [after / before for before, after in pairs["rho2"]]
    gain = [after - before for before, after in pairs["clean"]]
    title = NETWORKS[name]
    return [
        claim(
            f"{name}-rho2",
            f"{title}: Deep Defense raises rho_2 by a quarter or more",
            f"x {rho2_after / rho2_before:.2f}",
            ratio,
            mean(ratio) >= 1.25,
        ),
        claim(
            f"{name}-clean",
            f"{title}: clean accuracy does not fall (by more than 0.2 points)",
            f"{clean_after - clean_before:+.2%}",
            gain,
            mean(gain) >= -0.002,
        ),
    ]


def curves(measured):
    """Accuracy under FGS of every network, the mean over seeds."""
    return {
        f"{title}, {kind}": {
            "eps": measured[0]["networks"][name][kind]["eps"],
            "accuracy": np.mean(of(measured, name, kind, "fgs"), axis=0),
        }
        for name, title in NETWORKS.items()
        for kind in KINDS
    }
