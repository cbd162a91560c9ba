"""An experiment of the literature as a document: its claims first, whether they hold or not."""

from dataclasses import replace
from pathlib import Path

from tfadv import files, runs
from tfadv.reports import html, markdown
from tfadv.reports.document import Claims, Document, Facts, Figure, Headline, Table, Text


def experiment_document(result, figures):
    """The report of an `ExperimentResult`, with its `Figure`s."""
    blocks = [*_claims(result), Text("", tuple(result.notes))]
    if result.tables:
        blocks.append(Text("Tables"))
        blocks += [Table(**table | {"note": table["note"] or ""}) for table in result.tables]
    if figures:
        blocks += [Text("Figures"), *figures]
    blocks += [Text("Provenance"), Facts.of(result.provenance)] if result.provenance else []
    return Document(result.title, _subtitle(result), tuple(blocks))


def write_experiment(result, figures, directory):
    """Write figures/*.png, report.md, report.html and, last, result.json under `directory`, each atomically.

    Args:
        result: an `ExperimentResult`; it is written with the facts of the figures.
        figures: `Figure`s.

    Returns:
        The path of report.html.

    Raises:
        TfadvError: if a file cannot be written.
    """
    directory = Path(directory)
    named = [
        {"id": figure.id, "title": figure.title, "caption": figure.caption, "file": f"{runs.FIGURES}/{figure.file}"}
        for figure in figures
    ]
    result = replace(result, figures=named)
    document = experiment_document(result, figures)
    write_markdown(document, directory / runs.REPORT_MARKDOWN, runs.FIGURES)
    page = files.write_text(directory / runs.REPORT, html.render(document))
    result.save(directory)
    return page


def write_markdown(document, path, figures_dir):
    """Write the document as Markdown, its figures as PNG files in `figures_dir` beside it."""
    for block in document.blocks:
        if isinstance(block, Figure):
            files.write_bytes(Path(path).parent / figures_dir / block.file, block.png())
    return files.write_text(path, markdown.render(document, figures_dir))


def _subtitle(result):
    """`Deng, Zhang, Zhao 2019: tfadv reproduce deep-defense`."""
    after = (result.provenance or {}).get("document")
    command = f"tfadv reproduce {result.name.replace('_', '-')}"
    return f"{after}: {command}" if after else command


def _claims(result):
    """The score, then the claims, those that do not hold among the others."""
    if not result.claims:
        return []
    answers = [claim["holds"] for claim in result.claims]
    score = (
        ("claims that hold", str(answers.count(True)), f"of {len(answers)}"),
        ("claims that do not hold", str(answers.count(False)), f"of {len(answers)}"),
        ("not resolvable", str(answers.count(None)), "by this run"),
    )
    return [Headline(score), Text("Claims"), Claims(tuple(result.claims))]
