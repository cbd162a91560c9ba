"""The tables, figures and claims of Deng, Zhang, Zhao 2019 from what `deep_defense` measured, beside what they print."""

import numpy as np

from tfadv.evaluation.results import ExperimentResult, student
from tfadv.experiments.base import claim, mean
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
SHARES = (0.2, 0.5, 1.0)


class Findings:
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

    def eps_ref(self):
        """The document's eps_ref per seed: where the (seed form's) Deep Defense network is nearest to 50%."""
        judge = "seed" if "seed" in self.names else "tuned"
        return [self.eps[np.argmin(np.abs(np.array(fgs) - 0.5))] for fgs in self.of(judge, "fgs")]

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
    found = Findings(measured)
    published = measured[0]["dataset"] == "fashion_mnist"
    tables = [table_34(found, published), table_36(found, measured[0]["class_names"], published), table_attacks(found)]
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
        f"{len(found.measured)} seed(s). Intervals are Student's 95% intervals over seeds; with one seed there are none.",
        "FGS as in the document: direction from the clean image, true label, no clipping to [0, 1]. rho_2: DeepFool "
        "on the evaluated network, on all test images, towards any change of the prediction.",
    ]
    if not published:
        said.append("The published values are for Fashion-MNIST; this run used other data, so claims only compare networks.")
    if "seed" in found.names:
        said.append(
            "Seed form is what the authors' code computes. Its perturbations are constants for the weights, so that the "
            "regulariser has no gradient; what it trains is fine-tuning on DeepFool images with a summed loss, in "
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
    refs = ", ".join(f"{ref:g}" for ref in found.eps_ref())
    return {
        "id": "table-3.4",
        "title": "Table 3.4: accuracy and rho_2",
        "columns": ["Network", "", "Accuracy", "rho_2", "FGS at 0.2 eps_ref", "at 0.5 eps_ref", "at 1.0 eps_ref"],
        "rows": rows,
        "note": f"eps_ref: the grid point where Deep Defense is nearest to 50%: {refs} (published {EPS_REF}).",
    }


def table_36(found, class_names, published):
    """Areas under the ROC curves, table 3.6, on DeepFool images of the 10-epoch vanilla network."""
    transfer = [name for name in found.names]
    columns = ["Label", "Class"]
    for name in transfer:
        columns += [TITLES[name]] + (["published"] if published and name in TABLE_36 else [])
    areas = {name: found.auc(name) for name in transfer}
    rows = []
    for k, label in enumerate(class_names):
        row = [f"label {k + 1}", label]
        for name in transfer:
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
        "Fine-tuned networks saw such images in training; it is no measure of robustness. Label i is class index i - 1.",
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
            f"{mean(list(found.auc(name, 'auc_own').values())):.4f}",
            show(found.of(name, "rho2_not_found")),
        ]
        for name in found.names
    ]
    return {
        "id": "table-attacks",
        "title": "Against attackers who know the network",
        "columns": ["Network", "Clean", "FGS", "PGD-40", "rho_2 / vanilla's", "Mean AUC, own DeepFool images", "DeepFool found none"],
        "rows": rows,
        "note": "FGS and PGD-40 (2 random restarts) in l_inf inside [0, 1], at the smallest eps at which FGS fools the vanilla "
        f"network half of the time, at most {found.eps[-1]:g}: {', '.join(f'{eps:g}' for eps in halves)}.",
    }


def table_ablation(found):
    """Plain fine-tuning on DeepFool images without any regulariser, eight ways."""
    per_seed = [m["ablation"] for m in found.measured]
    rows = []
    for k, way in enumerate(per_seed[0]):
        at = [rows_[k] for rows_ in per_seed]
        ends = [np.interp(ref, found.eps[20:36], row["fgs"]) for row, ref in zip(at, found.eps_ref(), strict=True)]
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
        "note": "The first row is the document's fine-tuning; sum, 100, not shuffled is its Deep Defense with lambda 0. The last "
        "two rows stop the first early: robustness peaks after the first epoch and is then trained away, which fewer "
        "updates (a larger batch) do less of.",
    }


def seed_claims(found):
    """What the document says, measured on what its code does."""
    if "seed" not in found.names:
        return []
    published = found.measured[0]["dataset"] == "fashion_mnist"
    vanilla, tuned, ours = (found.of(name, "rho2_mean") for name in ("vanilla", "finetune", "seed"))
    at = {name: mean(found.at(name, 1.0)) for name in ("vanilla", "finetune", "seed")}
    areas = {name: mean(list(found.auc(name).values())) for name in ("vanilla", "finetune", "seed")}
    nothing = all(m["regularizer_changes_nothing"] for m in found.measured)
    factor = _largest_factor(found)
    shown = found.measured[0]["images"]
    changed = {kind: _changed(shown, kind) for kind in ("deepfool", "fgs")}
    claims = [
        claim("rho2-order", "rho_2: Deep Defense above fine-tuning above vanilla (measured: Deep Defense / vanilla)", "5.54e-2 > 4.36e-2 > 3.92e-2",
              found.ratio("seed"), mean(ours) > mean(tuned) > mean(vanilla),
              f"measured {mean(ours):.3g}, {mean(tuned):.3g}, {mean(vanilla):.3g}"),
        claim("fgs-order", "Accuracy on FGS images at eps_ref: Deep Defense above fine-tuning above vanilla (measured: Deep Defense)", "50.88% > 42.97% > 34.53%",
              found.at("seed", 1.0), at["seed"] > at["finetune"] > at["vanilla"],
              f"measured {at['seed']:.1%}, {at['finetune']:.1%}, {at['vanilla']:.1%}"),
        claim("regularizer", "The regulariser makes the difference between fine-tuning and Deep Defense (measured: share of seeds where leaving it out changes the network)", "yes",
              [float(not m["regularizer_changes_nothing"]) for m in found.measured], not nothing,
              f"With lambda 0 the network is the same bit for bit. Of what differs, {factor} moves rho_2 most (table of the ablation)."),
        claim("auc-tuned", "Areas under the curve rise to 0.96 and more for the tuned networks (measured: mean area of Deep Defense)", "0.9587 to 0.9995",
              [mean(list(m["networks"]["seed"]["auc"].values())) for m in found.measured],
              min(areas["finetune"], areas["seed"]) >= 0.97 and areas["vanilla"] < min(areas["finetune"], areas["seed"]),
              f"mean area: vanilla {areas['vanilla']:.4f}, fine-tuning {areas['finetune']:.4f}, Deep Defense {areas['seed']:.4f}"),
        claim("auc-same", "Fine-tuning and Deep Defense have the same areas (measured: difference of the means)", "the same",
              [abs(areas["finetune"] - areas["seed"])], abs(areas["finetune"] - areas["seed"]) < 0.01),
        claim("images", "FGS and DeepFool change the predictions of the images shown (measured: share of correctly classified images whose prediction changes)", "both change the prediction",
              [mean(list(changed.values()))], min(changed.values()) == 1.0, f"DeepFool {changed['deepfool']:.0%}, FGS {changed['fgs']:.0%}"),
    ]  # fmt: skip
    if published:
        clean = found.of("vanilla", "clean")
        claims.insert(0, claim("clean", "Accuracy of the vanilla network (holds within 1.5 points)", 0.8738, clean, abs(mean(clean) - 0.8738) <= 0.015))
        refs = found.eps_ref()
        claims.insert(1, claim("eps-ref", "eps_ref, where half of the images fool Deep Defense (holds within 0.003)", EPS_REF, refs, abs(mean(refs) - EPS_REF) <= 0.003))
    return claims


def _changed(images, kind):
    before, after, labels = (np.array(v) for v in (images["clean"]["predicted"], images[kind]["predicted"], images["labels"]))
    right = before == labels
    return float((after != before)[right].mean())


def _largest_factor(found):
    """Which of the three differences between the two trainings moves rho_2 most, on average over the other two."""
    rows = [row for m in found.measured for row in m["ablation"][:8]]
    effects = {}
    for factor, high in (("reduction", "sum"), ("batch_size", 100), ("shuffle", False)):
        sides = [[row["rho2"] for row in rows if (row[factor] == high) == side] for side in (True, False)]
        effects[factor] = mean(sides[0]) - mean(sides[1]) if all(sides) else 0.0
    names = {"reduction": "summing the loss", "batch_size": "the batch of 100 (fewer updates)", "shuffle": "the fixed order"}
    most = max(effects, key=lambda factor: abs(effects[factor]))
    return f"{names[most]} ({effects[most]:+.2g})"


def paper_claims(found):
    """What the original objective brings: the targets that this toolkit sets itself."""
    if "tuned" not in found.names:
        return []
    ratio, clean = found.ratio("tuned"), found.gain("tuned", "clean")
    fgs, pgd = found.gain("tuned", "fgs_half"), found.gain("tuned", "pgd_half")
    plain = found.ratio("published")
    return [
        claim("paper-rho2", "Paper form, tuned: rho_2 is at least 2.4 times the vanilla network's", "1.41 (seed form)", ratio, mean(ratio) >= 2.4),
        claim("paper-fgs", "Paper form, tuned: at least 20 points more under FGS at the vanilla network's eps of 50% error", "16.35 points at eps_ref (seed form)", fgs, mean(fgs) >= 0.20),
        claim("paper-pgd", "Paper form, tuned: at least 20 points more under PGD-40 with random restarts at that eps", None, pgd, mean(pgd) >= 0.20),
        claim("paper-clean", "Paper form, tuned: clean accuracy at most 1 point lower", "+0.61 points (seed form)", clean, mean(clean) >= -0.01),
        claim("paper-published", "Paper form with the published c, d, lambda: rho_2 at least 1.25 times the vanilla network's", "2.03 (MNIST MLP, original paper)", plain, mean(plain) >= 1.25),
    ]  # fmt: skip


def draw(found, measured):
    """The document's figures, by their numbers: id -> (title, caption, PNG bytes)."""
    pictures = {}
    names = measured[0]["class_names"]
    for number, (kind, title) in enumerate(
        {"clean": "clean images", "deepfool": "DeepFool", "fgs": "FGS, eps = 0.05"}.items(), start=1
    ):
        shown = measured[0]["images"]
        images = np.array(shown[kind]["x"]) / 255
        titles = [f"PL {names[p]}\nAL {names[a]}" for p, a in zip(shown[kind]["predicted"], shown["labels"], strict=True)]
        png = figures.image_grid(images.astype(np.float32), titles)
        pictures[f"figure-3.{number}"] = (f"Figure 3.{number}: {title}", "PL: predicted label, AL: actual label. Vanilla network after 10 epochs.", png)
    pictures["figure-3.5"] = (
        "Figure 3.5: accuracy against the eps of FGS",
        "Unclipped FGS; the lines mark 0.2, 0.5 and 1.0 eps_ref. Bands: 95% intervals over seeds.",
        figures.accuracy_curves(
            {TITLES[name]: curve(found, name) for name in found.names},
            vertical_lines={f"{share:g} eps_ref": share * mean(found.eps_ref()) for share in SHARES},
            title="Accuracy under FGS",
        ),
    )
    numbers = {"vanilla": "3.7", "finetune": "3.8", "seed": "3.9"}
    for name in found.names:
        curves = {f"class {k}": (*map(np.array, roc), measured[0]["networks"][name]["auc"][k]) for k, roc in measured[0]["networks"][name]["roc"].items()}
        title = f"Figure {numbers[name]}: ROC curves, {TITLES[name]}" if name in numbers else f"ROC curves, {TITLES[name]}"
        pictures[f"figure-{numbers.get(name, 'roc-' + name)}"] = (title, "On DeepFool images of the vanilla network after 10 epochs.", figures.roc_curves(curves, TITLES[name]))
    return pictures


def curve(found, name):
    """The FGS curve of a network: its mean over seeds and, with more than one, the band of the interval."""
    curves = np.array(found.of(name, "fgs"))
    drawn = {"eps": found.eps, "accuracy": curves.mean(axis=0)}
    if len(curves) > 1:
        bands = [student(column) for column in curves.T]
        drawn |= {"low": np.array([low for low, _ in bands]), "high": np.array([high for _, high in bands])}
    return drawn
