"""An experiment of the literature as a document: its claims first, whether they hold or not."""

from dataclasses import replace
from pathlib import Path

from tfadv import files
from tfadv.errors import invalid
from tfadv.reports import html, markdown
from tfadv.reports.document import Claims, Document, Facts, Figure, Headline, Table, Text, slug


def experiment_document(result, figures):
    """The report of an `ExperimentResult`.

    Args:
        figures: id -> PNG bytes (or the path of a PNG), one for each of `result.figures`.

    Raises:
        TfadvError: if a figure is missing.
    """
    blocks = [*_claims(result), Text("", tuple(result.notes))]
    if result.tables:
        blocks.append(Text("Tables"))
        blocks += [Table(**table | {"note": table["note"] or ""}) for table in result.tables]
    if result.figures:
        blocks.append(Text("Figures"))
        blocks += [_figure(figure, figures) for figure in result.figures]
    blocks += [Text("Provenance"), Facts.of(result.provenance)] if result.provenance else []
    return Document(result.title, result.name, tuple(blocks))


def write_experiment(result, figures, directory):
    """Write figures/*.png, report.md, report.html and, last, result.json under `directory`, each atomically.

    Returns:
        The path of report.html.

    Raises:
        TfadvError: if a figure is missing or a file cannot be written.
    """
    directory = Path(directory)
    named = [figure | {"file": f"figures/{slug(figure['id'])}.png"} for figure in result.figures]
    result = replace(result, figures=named)
    document = experiment_document(result, figures)
    write_markdown(document, directory / "report.md", "figures")
    page = files.write_text(directory / "report.html", html.render(document))
    result.save(directory)
    return page


def write_markdown(document, path, figures_dir):
    """Write the document as Markdown, its figures as PNG files in `figures_dir` beside it."""
    for block in document.blocks:
        if isinstance(block, Figure):
            files.write_bytes(Path(path).parent / figures_dir / block.file, block.png())
    return files.write_text(path, markdown.render(document, figures_dir))


def _claims(result):
    """The score, then the claims, those that do not hold among the others."""
    if not result.claims:
        return []
    verdicts = [claim["holds"] for claim in result.claims]
    score = (
        ("claims that hold", str(verdicts.count(True)), f"of {len(verdicts)}"),
        ("claims that do not hold", str(verdicts.count(False)), f"of {len(verdicts)}"),
        ("not resolvable", str(verdicts.count(None)), "by this run"),
    )
    return [Headline(score), Text("Claims"), Claims(tuple(result.claims))]


def _figure(figure, images):
    if figure["id"] not in images:
        raise invalid("figures", f"a PNG for {figure['id']!r}", ", ".join(images) or "none")
    return Figure(figure["title"], images[figure["id"]], figure["caption"] or "", figure["id"])
