"""Running experiments and printing what came of them: shared by `tfadv demo` and `tfadv reproduce`."""

from pathlib import Path

from tfadv import runs, spec

from . import failures, output, quiet
from .progress import Progress

COLUMNS = ["name", "document", "preset", "data set", "minutes a seed", "sections"]


def run(text, out, as_json, *, only=(), networks=None, present=False, **given):
    """Build the experiment that a spec and the options given describe, run it (or present it) and print its result."""
    experiment = build(text, **given)
    out = Path(out or f"runs/{spec.parse(text)[0]}")
    again = f"what was measured is kept in {out}; the same command goes on from there."
    if present:
        result = experiment.present(out)
    else:
        with failures.when_interrupted(lambda: again):
            with quiet.loading():
                import tfadv.study.bench  # noqa: F401 - seconds, which are not the experiment's
            with Progress() as progress:
                result = experiment.run(out, progress, only=only, networks=networks)
    if as_json:
        output.as_json(result.to_json())
    else:
        show(result, out)


def build(text, **given):
    """The experiment that a spec describes, with the options of the command line that are not None."""
    from tfadv.experiments import EXPERIMENTS

    name, arguments = spec.parse(text)
    given = {key: value for key, value in given.items() if value is not None}
    # As a spec, so that an option that this experiment does not have is refused by its name.
    return EXPERIMENTS.build(spec.write(name, arguments | given))


def listing(as_json):
    """What can be reproduced, a line a preset: what of which document, on which data, in how many minutes."""
    from tfadv.experiments import EXPERIMENTS

    rows = [row for name in EXPERIMENTS for row in presets(name, build(name))]
    if as_json:
        output.as_json([dict(zip(COLUMNS, row, strict=True)) for row in rows])
    else:
        output.table(COLUMNS, rows)
        output.line("\nMinutes as measured on two cores; a dash where a preset has not been run.")


def presets(name, experiment):
    """A row of the list for each preset of an experiment."""
    sections = ", ".join(experiment.ids)
    for preset, scale in experiment.scales.items():
        yield [name.replace("_", "-"), experiment.document, preset, scale.dataset, scale.minutes, sections]


def show(result, out):
    """Claims, tables, notes and where the report is."""
    output.heading(result.title)
    for claim in result.claims:
        output.claim(claim)
    for table in result.tables:
        output.line()
        output.heading(table["title"])
        output.table(table["columns"], table["rows"])
        if table["note"]:
            output.line(table["note"])
    for note in result.notes:
        output.line(f"\n{note}")
    output.line(f"\nReport: {out / runs.REPORT}")
