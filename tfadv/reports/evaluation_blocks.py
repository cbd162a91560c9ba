"""The evidence of an evaluation, as blocks: attacks, distances, curves, classes, pictures, provenance."""

import contextlib
import itertools

import numpy as np

from tfadv import spec
from tfadv.errors import TfadvError
from tfadv.evaluation import results
from tfadv.reports import figures, proofs, threats
from tfadv.reports.document import Facts, Figure, Table, Text, number, percent, short

GALLERY_SIZE, LEGEND = 4, 32
CLASSES_SHOWN = 20
MEASURED = {"median_distance": "median distance", "seconds": "seconds"}
MEASURED |= {"gradients": "gradients", "forwards": "forwards"}
ATTACKS_NOTE = (
    "Each attack runs on the images that no attack above it has fooled. Accuracy so far: the share of all images that "
    "are still right after it. Median distance: of the images it fooled, in the norm of the threat model. "
)
UNION_NOTE = (
    "Under each threat model all images were attacked that are right; fooled are those that no threat model above it "
    "has fooled. Each has a report of its own, in the folder {folders} beside this page. "
)
PASSES_NOTE = "Gradients, forwards: backward and forward passes of single images, as counted."
CONTROL_NOTE = " The control is random noise of the same size, on some of the images; it does not count as an attack."
NOISE_NOTE = (
    "Where the second is higher than the first, the noise only hides the way to the attacker; where the third is lower "
    "than both, the weights alone are less robust than the whole. The robust accuracy above counts every attack."
)
CORRUPTIONS_NOTE = (
    "Share of the images that are right after each corruption of Hendrycks & Dietterich (2019), severity 1 to 5. No "
    "attacker chose them. Frost is drawn instead of taken from photographs, so compare its row with tfadv only."
)


def examples(result):
    """What was judged: `10,000 images of cifar10 (test)`."""
    split = f" ({result.dataset['split']})" if result.dataset["split"] else ""
    return f"{number(result.dataset['n'])} images of {result.dataset['name']}{split}"


def attacks(result):
    """The table: accuracy on clean images, after each attack, after all of them."""
    known = [key for key in MEASURED if any(attack[key] is not None for attack in result.attacks)]
    blank = [None] * len(known)
    rows = [["clean images", percent(result.clean_accuracy, result.clean_interval), None, None, *blank]]
    if control := result.control:
        rows.append([f"control: {control['attack']}", percent(control["accuracy"]), None, None, *blank])
    rows += [
        [
            attack["attack"],
            percent(attack["accuracy"], attack["interval"]),
            attack["attacked"],
            attack["fooled"],
            *(_shown(key, attack[key]) for key in known),
        ]
        for attack in result.attacks
    ]
    if result.trials:
        trials = (_shown(key, _sum(result.trials, key)) for key in known)
        rows.append(["trials on a few images", None, None, None, *trials])
    if proof := result.certificate:
        rows.append([f"{proofs.kind(proof)}: {proof['method']}", percent(proof["accuracy"]), None, None, *blank])
    columns = ["attack", "accuracy so far", "attacked", "fooled", *(MEASURED[key] for key in known)]
    note = ATTACKS_NOTE if len(threats := result.threat.split(" and ")) == 1 else UNION_NOTE
    note = note.format(folders=" or ".join(map(results.folder, threats))) + PASSES_NOTE
    note += (CONTROL_NOTE if result.control else "") + proofs.note(proof)
    title = f"Attacks under {result.threat}, {examples(result)}"
    return Table(title, columns, rows, note, foot=_total(result, known))


def _total(result, known):
    """All attacks together; no sum where a number of one attack is missing."""
    norms = result.norms or {}
    sums = {key: _sum(result.ran, key) for key in known} | {"median_distance": norms.get("median")}
    worst = percent(result.robust_accuracy, result.robust_interval)
    fooled = _sum(result.attacks, "fooled")
    return ["all attacks", worst, None, fooled, *(_shown(key, sums[key]) for key in known)]


def _sum(rows, key):
    """None where one of them is not known, or there are none."""
    values = [row.get(key) for row in rows]
    return sum(values) if values and None not in values else None


def _shown(key, value):
    return short(value) if key in ("gradients", "forwards") else value


def distances(label, result):
    """A histogram of the distances of the adversarial images, by the attack that found them."""
    far = result.arrays.get("distance")
    if far is None or "broken_by" not in result.arrays:
        return []
    names = [attack["attack"] for attack in result.attacks]
    by = np.array([*names, ""])[result.arrays["broken_by"]]
    groups = {_legend(name, names): far[by == name] for name in dict.fromkeys(names) if (by == name).any()}
    if not groups:
        return []
    norm = threats.read(result.threat)[0]
    what = threats.DISTANCES.get(norm, f"distance from the image ({norm})")
    png = figures.distance_histogram(groups, vertical_lines=_threat_lines([result], norm), xlabel=what)
    fooled = np.concatenate(list(groups.values()))
    norms = result.norms or {"median": np.median(fooled), "mean": np.mean(fooled), "max": np.max(fooled)}
    sizes = ", ".join(f"{name} {number(float(size))}" for name, size in norms.items() if size is not None)
    caption = f"{number(len(fooled))} images: {sizes}. Dotted line: the threat model."
    return [Figure(f"Size of the successful perturbations ({norm})", png, caption, f"distances-{label}")]


def rho2(result):
    """How far DeepFool has to go, in words."""
    if not result.rho2 or result.rho2["mean"] is None:
        return []
    mean, median, missed = (result.rho2[key] for key in ("mean", "median", "not_found"))
    found = f"; none was found for {percent(missed)}" if missed else ""
    said = f"on average {number(mean)} of the length of the image, {number(median)} in the median{found}."
    return [Text("", (f"The smallest change in l2 that DeepFool finds (rho2) is {said}",))]


def noise(result):
    """What the noise of a random model is worth."""
    if not (found := result.noise):
        return []
    draws = f"{found['draws']} draws" if found["draws"] > 1 else "one draw"
    rows = [
        [f"an attacker who knows of the noise and follows the mean of {draws}", percent(found["known"])],
        ["an attacker who does not, and follows one draw a step", percent(found["unknown"])],
        ["the same attack once the noise is switched off", percent(found["off"])],
        ["clean images once the noise is switched off", percent(found["clean_off"])],
    ]
    title = f"With and without the noise of the model: {found['attack']} on {number(found['n'])} images"
    return [Table(title, ["", "accuracy"], rows, NOISE_NOTE)]


def _legend(name, names):
    """An attack as a legend has room for it: its first words, unless another one begins so too."""
    short = _shorten(name, LEGEND)
    return short if sum(_shorten(other, LEGEND) == short for other in set(names)) == 1 else name


def curves(runs):
    """A figure and its table for each norm: accuracies in l2 and in linf have no axis in common."""
    norms = dict.fromkeys(curve["norm"] for result in runs.values() for curve in result.curves)
    styled = list(_styled(runs))
    blocks = [Text("Accuracy against eps")] if norms else []
    for norm in norms:
        drawn = {
            f"{label}, {curve['attack']}" if len(runs) > 1 else curve["attack"]: curve | {"style": style}
            for label, style, curve in styled
            if curve["norm"] == norm
        }
        lines = _threat_lines(runs.values(), norm)
        title = f"Accuracy against eps ({norm})"
        png = figures.accuracy_curves(drawn, vertical_lines=lines, title="", xlabel=f"eps ({norm})")
        caption = "On some of the images and with other random starts: close to the table, but not equal."
        caption += f" Vertical line: threat model {', '.join(lines)}." if lines else ""
        blocks += [Figure(title, png, caption, f"accuracy-against-eps-{norm}"), _curve_table(drawn, title)]
    return blocks


def _styled(runs):
    """Each curve with its style: of several runs each has a color and each attack its dashes."""
    attacks = list(dict.fromkeys(curve["attack"] for result in runs.values() for curve in result.curves))
    for place, (label, result) in enumerate(runs.items()):
        for curve in result.curves:
            dash = attacks.index(curve["attack"])
            yield label, (place if len(runs) > 1 else dash, dash), curve


def _threat_lines(results, norm):
    """The threat models of this norm and their eps, to be drawn as lines; a union has none."""
    lines = {}
    for threat in dict.fromkeys(result.threat for result in results):
        with contextlib.suppress(TfadvError, KeyError):
            known, options = threats.read(threat)
            lines |= {threat: float(spec.number(options["eps"]))} if known == norm else {}
    return lines


def _curve_table(curves, title):
    """A row per curve: there are many eps and few curves."""
    budgets = sorted({eps for curve in curves.values() for eps in curve["eps"]})
    points = {name: dict(zip(curve["eps"], curve["accuracy"], strict=True)) for name, curve in curves.items()}
    rows = [[name, *(percent(point.get(eps)) for eps in budgets)] for name, point in points.items()]
    return Table(f"{title}: the numbers", ["eps", *map(_budget, budgets)], rows)


def _budget(eps):
    """An eps as a person would write it: 8/255, and 0.9 for 0.8999999999999999."""
    shown = spec.show(eps)
    return shown if "/" in shown else number(eps)


def classes(runs):
    """Robust accuracy by class: an average hides the class that has none."""
    tables = {label: {row["name"]: row for row in result.class_accuracy} for label, result in runs.items()}
    names = dict.fromkeys(name for table in tables.values() for name in table)
    if not names:
        return []
    weakest = sorted(names, key=lambda name: min(_robust(table.get(name)) for table in tables.values()))
    shown = [name for name in names if name in set(weakest[:CLASSES_SHOWN])]
    columns = ["class", "n"]
    for label in tables:
        columns += [f"{label}, clean", f"{label}, robust"] if len(tables) > 1 else ["clean", "robust"]
    rows = [[name, *_class_cells(name, tables)] for name in shown]
    note = ""
    if len(shown) < len(names):
        note = f"The {len(shown)} weakest of {len(names)} classes; all are in result.json."
    return [Text("By class"), Table("Accuracy by class", columns, rows, note)]


def _robust(row):
    return 1.0 if row is None or row["robust"] is None else row["robust"]


def _class_cells(name, tables):
    rows = [table.get(name) or {"n": None, "clean": None, "robust": None} for table in tables.values()]
    n = next((row["n"] for row in rows if row["n"] is not None), None)
    return [n, *(percent(row[key]) for row in rows for key in ("clean", "robust"))]


def corruptions(result):
    """The table of accuracies under common corruptions, worst on average first."""
    if not result.corruptions:
        return []
    accuracy = result.corruptions["accuracy"]
    means = {name: float(np.mean(values)) for name, values in accuracy.items()}
    rows = [
        [name.replace("_", " "), percent(means[name]), *map(percent, accuracy[name])]
        for name in sorted(means, key=means.get)
    ]
    by_severity = np.mean(list(accuracy.values()), axis=0)
    foot = ["mean", percent(result.corruptions["mean"]), *(percent(float(value)) for value in by_severity)]
    columns = ["corruption", "mean", *(f"severity {i + 1}" for i in range(len(by_severity)))]
    title = f"Accuracy under common corruptions, clean {percent(result.clean_accuracy)}"
    return [Text("Common corruptions"), Table(title, columns, rows, CORRUPTIONS_NOTE, foot=foot)]


def gallery(label, result):
    shown = {key: array[:GALLERY_SIZE] for key, array in result.gallery.items() if key != "class_names"}
    if not len(shown.get("x", ())):
        return []
    names = [str(name) for name in result.gallery.get("class_names", ())]
    clean = _predictions(shown["label"], shown["predicted"], shown["confidence"], names)
    fooled = _predictions(shown["label"], shown["predicted_adv"], shown["confidence_adv"], names)
    png = figures.gallery(shown["x"], shown["x_adv"], clean, fooled)
    caption = (
        "Above each image the predicted class and its confidence; ✗ marks a wrong one. "
        f"{_fooled_by(result, shown)}Difference magnified: white (in color images gray) is no change."
    )
    return [Figure(f"Adversarial images: {label}", png, caption)]


def _predictions(labels, predicted, confidence, names):
    """Titles such as `✗ Ankle boot` over `97 %`."""
    named = dict(enumerate(names))
    return [
        f"{'' if label == guess else '✗ '}{_shorten(named.get(int(guess), str(guess)))}\n{sure:.0%}"
        for label, guess, sure in zip(labels, predicted, confidence, strict=True)
    ]


def _shorten(name, length=13):
    return name if len(name) <= length else f"{name[: length - 1]}…"


def _fooled_by(result, shown):
    """Which attacks made the pictures: `Under linf:0.1, from the left by fgsm (2), pgd(steps=40). `"""
    if "attack" not in shown:
        return f"Attacked under {result.threat}. "
    runs = [(str(name), len(list(group))) for name, group in itertools.groupby(shown["attack"])]
    listed = ", ".join(f"{name} ({times})" if times > 1 else name for name, times in runs)
    return f"Under {result.threat}, from the left by {listed}. "


def provenance(result):
    """Where the numbers come from."""
    dataset, random = result.dataset, {True: "at random", False: "the same each time"}
    facts = {
        "model": result.model["path"] or result.model["name"],
        "parameters": result.model["parameters"],
        "answers": random.get(result.stochastic),
        "data": f"{examples(result)}, source: {dataset['source'] or 'unknown'}",
        "fingerprint": dataset["fingerprint"],
        "threat model": result.threat,
    }
    known = {name: value for name, value in facts.items() if value is not None}
    return Facts(known | Facts.of(result.provenance).mapping)
