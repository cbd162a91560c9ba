"""Evaluations as a document: one run by itself, several compared."""

from tfadv.errors import invalid
from tfadv.reports import audit, comparison, evaluation_blocks, gate, proofs
from tfadv.reports.document import Document, Headline, Text, percent
from tfadv.reports.evaluation_blocks import examples


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
    """The accuracies, and at once whether to believe it; then the evidence."""
    [(label, result)] = runs.items()
    blocks = [_headline(result), audit.believe(result), *gate.explanation(result), *audit.findings(result, 2)]
    blocks += _attacked(label, result, 2)
    blocks += [
        *evaluation_blocks.curves(runs),
        *evaluation_blocks.classes(runs),
        *evaluation_blocks.corruptions(result),
    ]
    blocks += [*audit.checks(result, 2), *audit.not_tested([result]), *audit.verification([result])]
    return [*blocks, Text("Provenance"), evaluation_blocks.provenance(result)]


def _several(runs):
    """Whether they can be compared at all, the comparison, and each run by itself."""
    blocks = [*comparison.not_comparable(list(runs.values())), *audit.believe_each(runs), *comparison.comparison(runs)]
    blocks += [*evaluation_blocks.curves(runs), *evaluation_blocks.classes(runs)]
    blocks += [*audit.not_tested(list(runs.values())), *audit.verification(list(runs.values()))]
    for label, result in runs.items():
        blocks += [Text(f"Details: {label}"), audit.believe(result), *audit.findings(result, 3)]
        blocks += [*_attacked(label, result, 3), *audit.checks(result, 3)]
        blocks += [Text("Provenance", level=3), evaluation_blocks.provenance(result)]
    return blocks


def _attacked(label, result, level):
    """Who attacked, by what, and what came of it."""
    return [
        *audit.attacker(result, level),
        Text("Attacks", level=level),
        evaluation_blocks.attacks(result),
        *audit.chosen(result),
        *evaluation_blocks.distances(label, result),
        *evaluation_blocks.rho2(result),
        *evaluation_blocks.noise(result),
        *evaluation_blocks.gallery(label, result),
    ]


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
    asked = dict.fromkeys(f"{examples(result)}, threat model {result.threat}" for result in results)
    return "; ".join(asked) if len(asked) <= 2 else "several data sets or threat models"


def _headline(result):
    """The robust accuracy first, then what it is to be read beside."""
    robust = _split(result.robust_accuracy, result.robust_interval)
    clean = _split(result.clean_accuracy, result.clean_interval)
    items = [*gate.answer(result), (f"robust accuracy, {result.threat}", *robust), ("clean accuracy", *clean)]
    if proof := result.certificate:
        named = f"{proofs.kind(proof)} robust accuracy"
        items.insert(-1, (named, percent(proof["accuracy"]), proofs.headline(proof)))
    known = [row for row in result.class_accuracy if row["robust"] is not None]
    if len(known) > 1:
        worst = min(known, key=lambda row: row["robust"])
        items.append((f"weakest class: {worst['name']}", percent(worst["robust"]), f"robust, of {worst['n']:,} images"))
    return Headline(tuple(items))


def _split(accuracy, interval):
    """An accuracy and, smaller, its interval."""
    bounds = percent(accuracy, interval).partition(" % ")[2]
    return percent(accuracy), f"95 % interval {bounds}" if bounds else "no interval"
