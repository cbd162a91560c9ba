"""Evaluations as a document: one run gets its verdict, several are compared."""

from tfadv import spec
from tfadv.errors import TfadvError, invalid
from tfadv.reports import figures
from tfadv.reports.document import Document, Facts, Figure, Findings, Headline, Table, Text, number, percent

GALLERY_SIZE = 4
CLASSES_SHOWN = 20
DOUBT = ("error", "warning")
NO_FINDINGS = "The checks for masked gradients and broken attacks found nothing to object to."
COMPARISON_NOTE = (
    "With 95 % intervals. Robust: right on the clean image and under every attack tried, an upper bound. "
    "Objections: findings of severity warning or error, see the details of the run."
)


def evaluation_document(results):
    """The report of one or more `EvaluationResult`.

    Args:
        results: at least one; runs that cannot be compared are shown side by side under a loud warning.
    """
    results = list(results)
    if not results:
        raise invalid("report", "at least one run", "none", "write e.g. tfadv report runs/demo -o report.html.")
    runs = dict(zip(_labels(results), results, strict=True))
    blocks = _single(runs) if len(runs) == 1 else _several(runs)
    return Document(_title(runs), _subtitle(results), tuple(blocks))


def _single(runs):
    """The verdict, and at once what casts doubt on it; then the evidence."""
    [(label, result)] = runs.items()
    blocks = [*_verdict(result), *_findings(result, 2), Text("Attacks"), _attacks(result)]
    blocks += [*_curves(runs), *_gallery(label, result), *_classes(runs)]
    return [*blocks, Text("Provenance"), _provenance(result)]


def _several(runs):
    """Whether they can be compared at all, the comparison, and each run by itself."""
    doubts = _not_comparable(list(runs.values()))
    blocks = [Findings(tuple(doubts))] if doubts else []
    blocks += [Text("Comparison"), _comparison(runs), _bars(runs), *_curves(runs), *_classes(runs)]
    for label, result in runs.items():
        blocks += [
            Text(f"Details: {label}"),
            *_findings(result, 3),
            Text("Attacks", level=3),
            _attacks(result),
        ]
        blocks += [*_gallery(label, result), Text("Provenance", level=3), _provenance(result)]
    return blocks


def _labels(results):
    """One name per run, also where two models are called the same."""
    names = [result.model["name"] for result in results]
    return [
        name if names.count(name) == 1 else f"{name} ({names[:place].count(name) + 1})"
        for place, name in enumerate(names)
    ]


def _title(runs):
    if len(runs) == 1:
        return f"How robust is {next(iter(runs))}?"
    return f"{len(runs)} models under attack"


def _subtitle(results):
    """What was asked, where all runs were asked the same."""
    asked = dict.fromkeys(f"{_examples(result)}, threat model {result.threat}" for result in results)
    return "; ".join(asked) if len(asked) <= 2 else "several data sets or threat models"


def _examples(result):
    dataset = result.dataset
    split = f" ({dataset['split']})" if dataset["split"] else ""
    return f"{number(dataset['n'])} images of {dataset['name']}{split}"


def _verdict(result):
    clean = _split(result.clean_accuracy, result.clean_interval)
    robust = _split(result.robust_accuracy, result.robust_interval)
    items = [("clean accuracy", *clean), (f"robust accuracy under {result.threat}", *robust)]
    if result.rho2:
        missed = f"median {number(result.rho2['median'])}, not found for {number(result.rho2['not_found'])}"
        items.append(("mean minimal l2 perturbation, relative (rho2)", number(result.rho2["mean"]), missed))
    return [Headline(tuple(items)), Text("", (_sentence(result),))]


def _split(accuracy, interval):
    """An accuracy and, smaller, its interval."""
    bounds = percent(accuracy, interval).partition(" % ")[2]
    return percent(accuracy), f"95 % interval {bounds}" if bounds else "no interval"


def _sentence(result):
    names = ", ".join(attack["attack"] for attack in result.attacks) or "no attack"
    sentence = (
        f"Robust accuracy counts the images that stay right under every attack tried ({names}). "
        "It is an upper bound: a stronger attack can only lower it."
    )
    doubts = sum(finding["severity"] in DOUBT for finding in result.findings)
    if not doubts:
        return sentence
    objections = "1 check objects" if doubts == 1 else f"{doubts} checks object"
    return f"{sentence} {objections}: read the findings before you believe it."


def _not_comparable(results):
    """Findings that say why the runs may not be held against each other; none for a fair comparison."""
    asked = {
        "threat model": [result.threat for result in results],
        "data set": [result.dataset["name"] for result in results],
        "split": [result.dataset["split"] for result in results],
        "data source": [result.dataset["source"] for result in results],
        "number of examples": [result.dataset["n"] for result in results],
    }
    differences = [f"{what} ({_listed(values)})" for what, values in asked.items() if len(set(values)) > 1]
    if not differences and len({_fingerprint(result) for result in results} - {None}) > 1:
        differences = ["examples (their labels differ)"]
    findings = []
    if differences:
        message = f"These runs were not asked the same: they differ in {'; '.join(differences)}."
        findings.append(_finding("not-comparable", "error", message, "Evaluate them again on the same terms."))
    attacks = [tuple(sorted(attack["attack"] for attack in result.attacks)) for result in results]
    if len(set(attacks)) > 1:
        message = "The runs were not attacked by the same attacks: the one attacked less looks better than it is."
        findings.append(_finding("different-attacks", "warning", message, "Evaluate all with the same attacks."))
    return findings


def _listed(values):
    return ", ".join(number(value) for value in dict.fromkeys(values))


def _fingerprint(result):
    return result.arrays["labels"].tobytes() if "labels" in result.arrays else None


def _finding(code, severity, message, advice):
    return {"code": code, "severity": severity, "message": message, "advice": advice}


def _comparison(runs):
    """Threat model and n stand in the title where all runs share them, else in columns of their own."""
    asked = dict.fromkeys(f"{result.threat}, {_examples(result)}" for result in runs.values())
    shared = len(asked) == 1
    columns = ["model", "clean", "robust", *([] if shared else ["threat", "n"]), "rho2", "objections"]
    rows = [
        [
            label,
            percent(result.clean_accuracy, result.clean_interval),
            percent(result.robust_accuracy, result.robust_interval),
            *([] if shared else [result.threat, result.dataset["n"]]),
            (result.rho2 or {}).get("mean"),
            sum(finding["severity"] in DOUBT for finding in result.findings),
        ]
        for label, result in runs.items()
    ]
    title = f"Accuracy under {next(iter(asked))}" if shared else "Accuracy, each run on its own terms"
    return Table(title, columns, rows, COMPARISON_NOTE)


def _bars(runs):
    bars = {
        label: {
            "clean": (result.clean_accuracy, result.clean_interval),
            "robust": (result.robust_accuracy, result.robust_interval),
        }
        for label, result in runs.items()
    }
    png = figures.accuracy_bars(bars, title="")
    return Figure("Clean and robust accuracy", png, "Black lines: 95 % intervals.", "accuracy-bars")


def _curves(runs):
    """A figure and its table for each norm: accuracies in l2 and in linf have no axis in common."""
    norms = dict.fromkeys(curve["norm"] for result in runs.values() for curve in result.curves)
    styled = list(_styled(runs))
    blocks = [Text("Accuracy against eps")] if norms else []
    for norm in norms:
        curves = {
            f"{label}, {curve['attack']}" if len(runs) > 1 else curve["attack"]: curve | {"style": style}
            for label, style, curve in styled
            if curve["norm"] == norm
        }
        lines = _threat_lines(runs.values(), norm)
        title = f"Accuracy against eps ({norm})"
        png = figures.accuracy_curves(curves, vertical_lines=lines, title="", xlabel=f"eps ({norm})")
        caption = "Of at most 1,000 images and with random starts of its own, so close to the table but not equal."
        caption += f" Vertical line: threat model {', '.join(lines)}." if lines else ""
        blocks += [Figure(title, png, caption, f"accuracy-against-eps-{norm}"), _curve_table(curves, title)]
    return blocks


def _styled(runs):
    """Each curve with its style: of several runs each has a colour and each attack its dashes."""
    attacks = list(dict.fromkeys(curve["attack"] for result in runs.values() for curve in result.curves))
    for place, (label, result) in enumerate(runs.items()):
        for curve in result.curves:
            dash = attacks.index(curve["attack"])
            yield label, (place if len(runs) > 1 else dash, dash), curve


def _threat_lines(results, norm):
    lines = {}
    for threat in dict.fromkeys(result.threat for result in results):
        name, _, eps = threat.partition(":")
        try:
            if name == norm:
                lines[threat] = float(spec.number(eps))
        except TfadvError:
            continue
    return lines


def _curve_table(curves, title):
    budgets = sorted({eps for curve in curves.values() for eps in curve["eps"]})
    points = {name: dict(zip(curve["eps"], curve["accuracy"], strict=True)) for name, curve in curves.items()}
    rows = [[_budget(eps), *(percent(point.get(eps)) for point in points.values())] for eps in budgets]
    return Table(f"{title}: the numbers", ["eps", *curves], rows)


def _budget(eps):
    """An eps as a person would write it: 8/255, and 0.9 for 0.8999999999999999."""
    shown = spec.show(eps)
    return shown if "/" in shown else number(eps)


def _classes(runs):
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


def _findings(result, level):
    if result.findings:
        return [Text("Findings", level=level), Findings(tuple(result.findings))]
    return [Text("Findings", (NO_FINDINGS,), level)]


def _attacks(result):
    counts = {"median_distance": "median distance", "max_distance": "largest", "seconds": "seconds"}
    counts |= {"gradients": "gradients, at most", "forwards": "forwards"}
    known = [key for key in counts if any(attack[key] is not None for attack in result.attacks)]
    columns = ["attack", "accuracy", "so far", *(counts[key] for key in known)]
    rows = [
        [
            attack["attack"],
            percent(attack["accuracy"], attack["interval"]),
            percent(attack["robust_accuracy_so_far"]),
            *(attack[key] for key in known),
        ]
        for attack in result.attacks
    ]
    note = "So far: right under this attack and all above it. Distances in the norm of the threat model."
    return Table(f"Attacks under {result.threat}, {_examples(result)}", columns, rows, note)


def _gallery(label, result):
    shown = {key: array[:GALLERY_SIZE] for key, array in result.gallery.items() if key != "class_names"}
    if not len(shown.get("x", ())):
        return []
    names = [str(name) for name in result.gallery.get("class_names", ())]
    clean = _predictions(shown["label"], shown["predicted"], shown["confidence"], names)
    fooled = _predictions(shown["label"], shown["predicted_adv"], shown["confidence_adv"], names)
    png = figures.gallery(shown["x"], shown["x_adv"], clean, fooled)
    caption = (
        "Above each image the predicted class and its confidence; ✗ marks a wrong one. "
        f"Attacked under {result.threat}. Difference magnified: white (in colour images grey) is no change."
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


def _provenance(result):
    facts = {
        "model": result.model["path"] or result.model["name"],
        "parameters": result.model["parameters"],
        "data": f"{_examples(result)}, from {result.dataset['source'] or 'an unknown source'}",
        "threat model": result.threat,
    }
    return Facts(facts | Facts.of(result.provenance).mapping)
