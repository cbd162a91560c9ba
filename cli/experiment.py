"""Running an experiment and printing what came of it: shared by `tfadv demo` and `tfadv reproduce`."""

from pathlib import Path

from tfadv import runs, spec

from . import failures, output, quiet
from .progress import Progress


def run(text, out, as_json, **given):
    """Build the experiment that a spec and the options given describe, run it and print its result."""
    name, arguments = spec.parse(text)
    given = {key: value for key, value in given.items() if value is not None}
    again = f"what was measured is kept in {out}; the same command goes on from there."
    with failures.when_interrupted(lambda: again):
        with quiet.loading():
            from tfadv.experiments import EXPERIMENTS

            # As a spec, so that an option that this experiment does not have is refused by its name.
            experiment = EXPERIMENTS.build(spec.write(name, arguments | given))
        with Progress() as progress:
            result = experiment.run(Path(out), progress)
    if as_json:
        output.as_json(result.to_json())
    else:
        show(result, Path(out))


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
    output.line(f"\nReport: {out / runs.REPORT}")
