"""What a notebook shows of an evaluation: its accuracies, whether to believe them, and what the checks found."""

from tfadv.reports import audit, markdown
from tfadv.reports.document import Findings, Table, percent
from tfadv.reports.evaluation_blocks import examples


def markdown_of(result):
    """A table, a sentence and a list, as Markdown.

    Args:
        result: an `EvaluationResult`.
    """
    found = [Findings(tuple(result.findings))] if result.findings else []
    return markdown.written([accuracies(result), audit.believe(result), *found])


def accuracies(result):
    """The table of the page's attacks, as narrow as a notebook's cell: without what they cost."""
    rows = [["clean images", None, None, percent(result.clean_accuracy, result.clean_interval)]]
    for row in result.attacks:
        rows.append([row["attack"], row["attacked"], row["fooled"], percent(row["accuracy"], row["interval"])])
    foot = ["robust accuracy", None, None, percent(result.robust_accuracy, result.robust_interval)]
    title = f"{result.model['name']}: {examples(result)}, {result.threat}"
    return Table(title, ["", "attacked", "fooled", "accuracy so far"], rows, foot=foot)
