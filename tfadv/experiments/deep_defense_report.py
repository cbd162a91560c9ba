"""The tables and figures of Deng, Zhang, Zhao 2019 from what `deep_defense` measured, beside what they print."""

import numpy as np

from tfadv.evaluation.results import ExperimentResult
from tfadv.evaluation.statistics import student
from tfadv.experiments.base import mean
from tfadv.experiments.deep_defense_claims import paper_claims, seed_claims
from tfadv.reports import figures
from tfadv.reports.document import percent, with_interval

TITLES = {
    "vanilla": "Vanilla MLP",
    "finetune": "Fine-tuning (seed form)",
    "seed": "Deep Defense (seed form)",
    "published": "Deep Defense (paper form, published c, d, lambda)",
    "tuned": "Deep Defense (paper form, tuned)",
}
# Table 3.4: accuracy, rho_2, accuracy at 0.2, 0.5 and 1.0 eps_ref. Table 3.6: area under the curve for labels 1 to 10.
TABLE_34 = {
    "vanilla": (0.8738, 3.92e-2, 0.7957, 0.6326, 0.3453),
    "finetune": (0.8813, 4.36e-2, 0.8150, 0.6831, 0.4297),
    "seed": (0.8799, 5.54e-2, 0.8274, 0.7181, 0.5088),
}
TABLE_36 = {
    "vanilla": (0.8534, 0.9460, 0.9606, 0.9407, 0.9335, 0.9167, 0.8074, 0.9172, 0.9323, 0.9391),
    "finetune": (0.9884, 0.9995, 0.9822, 0.9941, 0.9839, 0.9994, 0.9605, 0.9986, 0.9989, 0.9988),
    "seed": (0.9878, 0.9995, 0.9817, 0.9939, 0.9843, 0.9993, 0.9587, 0.9984, 0.9989, 0.9987),
}
EPS_REF = 0.028
IMAGES = {"clean": "clean images", "deepfool": "DeepFool", "fgs": "FGS, eps = 0.05"}
ROC_NUMBERS = {"vanilla": "3.7", "finetune": "3.8", "seed": "3.9"}
SHARES = (0.2, 0.5, 1.0)


class Measurements:
    """All seeds' measurements, asked for by network and figure of merit; one value per seed."""

    def __init__(self, measured):
        self.measured = measured
        self.names = [name for name in TITLES if name in measured[0]["networks"]]
        self.eps = np.round(np.arange(len(measured[0]["networks"]["vanilla"]["fgs"])) * 0.001, 3)

    def of(self, name, key):
        """One number per seed."""
        return [m["networks"][name][key] for m in self.measured]

    def ratio(self, name, key="rho2_mean"):
        """A figure of merit relative to the vanilla network's, one number per seed."""
        return [a / b for a, b in zip(self.of(name, key), self.of("vanilla", key), strict=True)]

    def gain(self, name, key):
        """The difference from the vanilla network, one number per seed."""
        return [a - b for a, b in zip(self.of(name, key), self.of("vanilla", key), strict=True)]

    def eps_ref(self, rule="nearest"):
        """The document's eps_ref per seed, read off the (seed form's) Deep Defense network.

        Args:
            rule: `"nearest"` grid point to 50%, as the code has it, or the `"first"` at most 50%, as the text has it.
        """
        curves = [np.array(fgs) for fgs in self.of("seed" if "seed" in self.names else "tuned", "fgs")]
        if rule == "nearest":
            return [float(self.eps[np.argmin(np.abs(curve - 0.5))]) for curve in curves]
        return [float(self.eps[np.argmax(curve <= 0.5)]) if (curve <= 0.5).any() else None for curve in curves]

    def at(self, name, share):
        """Accuracy on FGS images at a share of eps_ref, one number per seed."""
        pairs = zip(self.of(name, "fgs"), self.eps_ref(), strict=True)
        return [float(np.interp(share * ref, self.eps, fgs)) for fgs, ref in pairs]

    def auc(self, name, key="auc"):
        """Area under the curve by class, mean over seeds: class -> area."""
        per_seed = self.of(name, key)
        return {int(k): mean([areas[k] for areas in per_seed if k in areas]) for k in per_seed[0]}


def present(experiment, measured):
    """(ExperimentResult, {figure id: PNG bytes}) of `experiment`."""
    found = Measurements(measured)
    published = measured[0]["dataset"] == "fashion_mnist"
    tables = [
        table_34(found, published),
        table_36(found, measured[0]["class_names"], published),
        table_attacks(found),
    ]
    if "ablation" in measured[0]:
        tables.append(table_ablation(found))
    pictures = draw(found, measured)
    result = ExperimentResult(
        name=experiment.name,
        title=f"Deep Defense on {measured[0]['dataset'].replace('_', '-').title().replace('Mnist', 'MNIST')}",
        claims=[*seed_claims(found), *paper_claims(found)],
        tables=tables,
        figures=[{"id": id, "title": title, "caption": caption} for id, (title, caption, _) in pictures.items()],
        notes=notes(found, published),
    )
    return result, {id: png for id, (_, _, png) in pictures.items()}


def notes(found, published):
    """What a reader must know before reading the tables."""
    said = [
        f"{len(found.measured)} seed(s). Intervals are Student's 95% intervals over seeds; one seed has none.",
        "FGS as in the document: direction from the clean image, true label, no clipping to [0, 1]. rho_2: DeepFool "
        "on the evaluated network, on all test images, towards any change of the prediction, so that a misclassified "
        "image may end at its label.",
    ]
    if not published:
        said.append(
            "The published values are for Fashion-MNIST; this run used other data, so claims only compare networks."
        )
    if "seed" in found.names:
        said.append(
            "Seed form is what the authors' code computes. Its perturbations are constants for the weights, so that "
            "the regulariser has no gradient; what it trains is fine-tuning on DeepFool images with a summed loss, in "
            "batches of 100, in order. Paper form is the objective of the original paper."
        )
    return said


def show(values, style=percent):
    """A mean with its interval over seeds."""
    return style(mean(values), student(values))


def scaled(value, interval=None):
    return with_interval(value, interval)


def table_34(found, published):
    """Accuracy and rho_2, table 3.4: measured, and beneath it what the document prints."""
    rows = []
    for name in found.names:
        cells = [show(found.of(name, "clean")), show(found.of(name, "rho2_mean"), scaled)]
        rows.append([TITLES[name], "measured", *cells, *(show(found.at(name, share)) for share in SHARES)])
        if published and name in TABLE_34:
            accuracy, rho2, *at = TABLE_34[name]
            rows.append([TITLES[name], "published", percent(accuracy), scaled(rho2), *map(percent, at)])
    nearest, first = (", ".join(str(e or "not reached") for e in found.eps_ref(r)) for r in ("nearest", "first"))
    return {
        "id": "table-3.4",
        "title": "Table 3.4: accuracy and rho_2",
        "columns": [
            "Network",
            "",
            "Accuracy",
            "rho_2",
            "FGS at 0.2 eps_ref",
            "at 0.5 eps_ref",
            "at 1.0 eps_ref",
        ],
        "rows": rows,
        "note": f"eps_ref, nearest to 50% for Deep Defense (the code's rule): {nearest}; where it is first at most "
        f"50% (the text's rule): {first}; published {EPS_REF}.",
    }


def table_36(found, class_names, published):
    """Areas under the ROC curves, table 3.6, on DeepFool images of the 10-epoch vanilla network."""
    columns = ["Label", "Class"]
    for name in found.names:
        columns += [TITLES[name]] + (["published"] if published and name in TABLE_36 else [])
    areas = {name: found.auc(name) for name in found.names}
    rows = []
    for k, label in enumerate(class_names):
        row = [f"label {k + 1}", label]
        for name in found.names:
            row.append(_area(areas[name].get(k)))
            if published and name in TABLE_36:
                row.append(_area(TABLE_36[name][k]))
        rows.append(row)
    return {
        "id": "table-3.6",
        "title": "Table 3.6: area under the ROC curve, one class against the rest",
        "columns": columns,
        "rows": rows,
        "note": "On DeepFool test images crafted against the vanilla network after 10 epochs: a transfer setting. "
        "Fine-tuned networks saw such images in training; it is no measure of robustness. "
        "Label i is class index i - 1.",
    }


def _area(area):
    return None if area is None else f"{area:.4f}"


def table_attacks(found):
    """What the document leaves out: an iterative attack, and DeepFool images of each network itself."""
    halves = sorted({m["eps_half"] for m in found.measured})
    rows = [
        [
            TITLES[name],
            show(found.of(name, "clean")),
            show(found.of(name, "fgs_half")),
            show(found.of(name, "pgd_half")),
            show(found.ratio(name), scaled),
            show(found.of(name, "rho2_median"), scaled),
            f"{mean(list(found.auc(name, 'auc_own').values())):.4f}",
            show(found.of(name, "rho2_not_found")),
        ]
        for name in found.names
    ]
    return {
        "id": "table-attacks",
        "title": "Against attackers who know the network",
        "columns": [
            "Network",
            "Clean",
            "FGS",
            "PGD-40",
            "rho_2 / vanilla's",
            "Median rho_2",
            "Mean AUC, own DeepFool images",
            "DeepFool found none",
        ],
        "rows": rows,
        "note": "FGS and PGD-40 (2 random restarts) in l_inf inside [0, 1], at the smallest eps at which FGS fools "
        f"the vanilla network half of the time, at most {found.eps[-1]:g}: {', '.join(f'{eps:g}' for eps in halves)}.",
    }


def table_ablation(found):
    """Plain fine-tuning on DeepFool images without any regulariser, by what the two trainings differ in."""
    per_seed = [m["ablation"] for m in found.measured]
    rows = []
    for k, way in enumerate(per_seed[0]):
        at = [rows_[k] for rows_ in per_seed]
        ends = [np.interp(ref, found.eps, row["fgs"]) for row, ref in zip(at, found.eps_ref(), strict=True)]
        rows.append(
            [
                way["reduction"],
                way["batch_size"],
                "yes" if way["shuffle"] else "no",
                f"{way['updates']:,}",
                show([row["clean"] for row in at]),
                show([row["rho2"] for row in at], scaled),
                show(ends),
            ]
        )
    return {
        "id": "table-ablation",
        "title": "Where the seed form's gain comes from: fine-tuning without a regulariser",
        "columns": ["Loss", "Batch", "Shuffled", "Updates", "Accuracy", "rho_2", "FGS at 1.0 eps_ref"],
        "rows": rows,
        "note": "The first row is the document's fine-tuning; sum, 100, not shuffled is its Deep Defense with "
        "lambda 0. The last two rows stop the first early: a larger batch also means fewer updates.",
    }


def draw(found, measured):
    """The document's figures, by their numbers: id -> (title, caption, PNG bytes)."""
    return {**image_figures(measured[0]), "figure-3.5": fgs_figure(found), **roc_figures(found, measured[0])}


def image_figures(first):
    """Figures 3.1 to 3.3, of the first seed."""
    names, shown = first["class_names"], first["images"]
    caption = "PL: predicted label, AL: actual label. Vanilla network after 10 epochs."
    pictures = {}
    for number, (kind, title) in enumerate(IMAGES.items(), start=1):
        images = np.array(shown[kind]["x"], np.float32) / 255
        pairs = zip(shown[kind]["predicted"], shown["labels"], strict=True)
        titles = [f"PL {names[p]}\nAL {names[a]}" for p, a in pairs]
        png = figures.image_grid(images, titles)
        pictures[f"figure-3.{number}"] = (f"Figure 3.{number}: {title}", caption, png)
    return pictures


def fgs_figure(found):
    png = figures.accuracy_curves(
        {TITLES[name]: curve(found, name) for name in found.names},
        vertical_lines={f"{share:g} eps_ref": share * mean(found.eps_ref()) for share in SHARES},
        title="Accuracy under FGS",
    )
    caption = "Unclipped FGS; the lines mark 0.2, 0.5 and 1.0 eps_ref. Bands: 95% intervals over seeds."
    return "Figure 3.5: accuracy against the eps of FGS", caption, png


def roc_figures(found, first):
    """Figures 3.7 to 3.9 and their like for the networks that the document does not have, of the first seed."""
    pictures = {}
    for name in found.names:
        network = first["networks"][name]
        curves = {f"class {k}": (*map(np.array, roc), network["auc"][k]) for k, roc in network["roc"].items()}
        number = ROC_NUMBERS.get(name)
        title = f"Figure {number}: ROC curves, {TITLES[name]}" if number else f"ROC curves, {TITLES[name]}"
        caption = "On DeepFool images of the vanilla network after 10 epochs."
        png = figures.roc_curves(curves, TITLES[name])
        pictures[f"figure-{number or 'roc-' + name}"] = title, caption, png
    return pictures


def curve(found, name):
    """The FGS curve of a network: its mean over seeds and, with more than one, the band of the interval."""
    curves = np.array(found.of(name, "fgs"))
    drawn = {"eps": found.eps, "accuracy": curves.mean(axis=0)}
    if len(curves) > 1:
        bands = [student(column) for column in curves.T]
        drawn |= {"low": np.array([low for low, _ in bands]), "high": np.array([high for _, high in bands])}
    return drawn
