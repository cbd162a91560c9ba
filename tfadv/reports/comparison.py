"""Several evaluations compared, as blocks: whether they are comparable, the differences, their significance."""

from itertools import combinations

from tfadv.evaluation.statistics import holm
from tfadv.reports import figures, paired_test
from tfadv.reports.audit import objections
from tfadv.reports.document import Figure, Findings, Table, Text, percent, points, probability
from tfadv.reports.evaluation_blocks import examples

ALL_PAIRS = 6  # With more runs the pairs fill pages: then each against the most robust one.
COMPARISON_NOTE = (
    "With 95 % intervals. Robust: right on the clean image and under every attack tried, an upper bound. "
    "Objections: what the checks raise, see the details of the run."
)


def not_comparable(results):
    """Why the runs are not comparable, as a block of findings; no block for a fair comparison."""
    found, different = [], paired_test.differences(results)
    if different:
        message = f"These runs are not comparable: they differ in {'; '.join(different)}."
        found.append(
            _finding("not-comparable", "error", message, "Evaluate them again with the same data and threat model.")
        )
    if paired_test.attack_lists_differ(results):
        message = "The runs were not attacked by the same attacks: the one attacked less looks better than it is."
        found.append(_finding("different-attacks", "warning", message, "Evaluate all with the same attacks."))
    return [Findings(tuple(found))] if found else []


def _finding(code, severity, message, advice):
    return {"code": code, "severity": severity, "message": message, "advice": advice}


def comparison(runs):
    """The table of accuracies, their bars, and the paired tests. runs: label -> `EvaluationResult`."""
    return [Text("Comparison", _conclusion(runs)), _table(runs), _bars(runs), *_pairs(runs)]


def _conclusion(runs):
    """Of two runs which is more robust, and whether they are of the same images; nothing of more or of unlike ones."""
    if len(runs) != 2 or paired_test.objection(*runs.values()):
        return ()
    said = paired_test.conclusion(paired_test.compare(*runs.values()), *runs)
    return said[0].upper() + said[1:], paired_test.about(paired_test.sameness(*runs.values()))


def _table(runs):
    """Threat model and n stand in the title where all runs share them, else in columns of their own."""
    asked = dict.fromkeys(f"{result.threat}, {examples(result)}" for result in runs.values())
    shared, measured = len(asked) == 1, ["rho2"] if any(result.rho2 for result in runs.values()) else []
    columns = ["model", "clean", "robust", *([] if shared else ["threat", "n"]), *measured, "objections"]
    rows = [
        [
            label,
            percent(result.clean_accuracy, result.clean_interval),
            percent(result.robust_accuracy, result.robust_interval),
            *([] if shared else [result.threat, result.dataset["n"]]),
            *((result.rho2 or {}).get("mean") for _ in measured),
            objections(result) or "none",
        ]
        for label, result in runs.items()
    ]
    title = f"Accuracy under {next(iter(asked))}" if shared else "Accuracy, each run under its own threat model"
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


def _pairs(runs):
    """McNemar's test of each pair that saw the same images, the more robust run first."""
    ranked = sorted(runs, key=lambda label: -runs[label].robust_accuracy)
    possible = [(a, b) for a, b in combinations(ranked, 2) if not paired_test.objection(runs[a], runs[b])]
    if not possible:
        return []
    tests = [paired_test.compare(runs[a], runs[b]) for a, b in possible]
    adjusted = holm([test.p_value for test in tests])
    rows = [
        [
            a,
            b,
            points(test.difference, test.interval),
            test.only_a,
            test.only_b,
            probability(p),
            "yes" if p < paired_test.LEVEL else "not shown",
        ]
        for (a, b), test, p in zip(possible, tests, adjusted, strict=True)
        if len(runs) <= ALL_PAIRS or a == ranked[0]
    ]
    columns = ["run", "against", "difference, points", "only the first", "only the second", "p", "more robust?"]
    return [
        Table("Is the difference significant? Robust accuracy in pairs", columns, rows, _note(runs, tests), "pairs")
    ]


def _note(runs, tests):
    note = (
        "Only the first, only the second: images that are robust in one run only. p: McNemar's exact test"
        f"{f', corrected by Holm for the {len(tests)} pairs' if len(tests) > 1 else ''}; "
        f"shown where it is below {paired_test.LEVEL}. Difference with Tango's 95 % interval."
    )
    if len(runs) > ALL_PAIRS:
        note += " Listed are the pairs with the most robust run."
    left_out = len(runs) * (len(runs) - 1) // 2 - len(tests)
    if left_out:
        note += f" Left out: {left_out} of the pairs, which are not known to be about the same images."
    return note
