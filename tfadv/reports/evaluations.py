"""Evaluations as a document: one run gets its verdict, several are compared."""

from tfadv.errors import invalid
from tfadv.reports import comparison, evaluation_blocks
from tfadv.reports.document import Document, Headline, Text, number, percent
from tfadv.reports.evaluation_blocks import DOUBT, examples


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
    blocks = [*_verdict(result), *evaluation_blocks.findings(result, 2)]
    blocks += [
        Text("Attacks"),
        evaluation_blocks.attacks(result),
        *evaluation_blocks.distances(label, result),
        *evaluation_blocks.gallery(label, result),
    ]
    blocks += [*evaluation_blocks.curves(runs), *evaluation_blocks.classes(runs)]
    return [*blocks, Text("Provenance"), evaluation_blocks.provenance(result)]


def _several(runs):
    """Whether they can be compared at all, the comparison, and each run by itself."""
    blocks = [*comparison.not_comparable(list(runs.values())), *comparison.comparison(runs)]
    blocks += [*evaluation_blocks.curves(runs), *evaluation_blocks.classes(runs)]
    for label, result in runs.items():
        blocks += [
            Text(f"Details: {label}"),
            *evaluation_blocks.findings(result, 3),
            Text("Attacks", level=3),
            evaluation_blocks.attacks(result),
            *evaluation_blocks.distances(label, result),
            *evaluation_blocks.gallery(label, result),
            Text("Provenance", level=3),
            evaluation_blocks.provenance(result),
        ]
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
    asked = dict.fromkeys(f"{examples(result)}, threat model {result.threat}" for result in results)
    return "; ".join(asked) if len(asked) <= 2 else "several data sets or threat models"


def _verdict(result):
    clean = _split(result.clean_accuracy, result.clean_interval)
    robust = _split(result.robust_accuracy, result.robust_interval)
    items = [("clean accuracy", *clean), (f"robust accuracy under {result.threat}", *robust)]
    if result.rho2:
        missed = f", none for {percent(result.rho2['not_found'])}" if result.rho2["not_found"] else ""
        items.append(
            (
                "smallest l2 change found, relative (rho2)",
                number(result.rho2["mean"]),
                f"median {number(result.rho2['median'])}{missed}",
            )
        )
    return [Headline(tuple(items)), Text("", (_sentence(result),))]


def _split(accuracy, interval):
    """An accuracy and, smaller, its interval."""
    bounds = percent(accuracy, interval).partition(" % ")[2]
    return percent(accuracy), f"95 % interval {bounds}" if bounds else "no interval"


def _sentence(result):
    n = len(result.attacks)
    tried = f"every one of the {n} attacks below" if n > 1 else "the one attack below" if n else "no attack at all"
    sentence = (
        f"Robust accuracy counts the images that stay right under {tried}. "
        "It is an upper bound: a stronger attack can only lower it."
    )
    doubts = sum(finding["severity"] in DOUBT for finding in result.findings)
    if not doubts:
        return sentence
    objections = "1 check objects" if doubts == 1 else f"{doubts} checks object"
    return f"{sentence} {objections}: read the findings before you believe it."
