"""From runs to a report on disk: what `tfadv report RUN... -o report.html` does."""

from collections.abc import Sequence
from pathlib import Path

from tfadv import files
from tfadv.errors import TfadvError, invalid
from tfadv.evaluation import results
from tfadv.reports import html
from tfadv.reports.document import Figure, slug
from tfadv.reports.evaluations import evaluation_document
from tfadv.reports.experiments import experiment_document, write_experiment, write_markdown
from tfadv.runs import FIGURES

RunLike = str | Path | results.EvaluationResult
__all__ = ["evaluation_document", "experiment_document", "write", "write_experiment"]


def write(runs: RunLike | Sequence[RunLike], out: str | Path) -> Path:
    """Write one report about one or more runs.

    Args:
        runs: run directories, result.json files or `EvaluationResult`s; or one directory of an experiment.
        out: the file, `.html` (one page that needs nothing else) or `.md` (figures go to a folder beside it).

    Returns:
        The path written.

    Raises:
        TfadvError: if a run cannot be read, or the file not be written.

    >>> write(["runs/plain", "runs/robust"], "report.html")
    PosixPath('report.html')
    """
    out = Path(out)
    if out.suffix.lower() not in (".html", ".htm", ".md"):
        raise invalid("report", "a file name ending in .html or .md", repr(str(out)), "write e.g. -o report.html.")
    document = _document([runs] if isinstance(runs, RunLike) else list(runs))
    if out.suffix.lower() == ".md":
        return write_markdown(document, out, f"{out.stem}_figures")
    return files.write_text(out, html.render(document))


def _document(runs):
    read = [run if isinstance(run, results.EvaluationResult) else results.load(run) for run in runs]
    experiments = [run for run in read if isinstance(run, results.ExperimentResult)]
    if not experiments:
        return evaluation_document(read)
    if len(read) > 1:
        raise TfadvError(
            f"{experiments[0].name!r} is an experiment, not a run of `tfadv evaluate`: report it by itself."
        )
    return experiment_document(read[0], _figures(read[0], Path(runs[0])))


def _figures(result, path):
    """The figures of an experiment, from where `write_experiment` puts them."""
    directory = path if path.is_dir() else path.parent
    facts = {name: [figure[name] or "" for figure in result.figures] for name in ("title", "caption", "id")}
    images = [directory / FIGURES / f"{slug(id)}.png" for id in facts["id"]]
    for image in images:
        if not image.is_file():
            raise TfadvError(f"the figure {str(image)!r} is missing: run the experiment again.")
    return [Figure(*parts) for parts in zip(facts["title"], images, facts["caption"], facts["id"], strict=True)]
