"""Running experiments and printing what came of them: shared by `tfadv demo` and `tfadv reproduce`."""

import textwrap
from pathlib import Path

from tfadv import runs, spec

from . import failures, output, quiet
from .progress import Progress

WIDTH = 80  # of a terminal
LISTED = (
    "Data set and minutes are those of the preset laptop, on two cores, for one seed; a dash where it has not been "
    "measured. Each study has the presets smoke and paper too."
)
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
    """What can be reproduced, in which preset, of which document, on which data, in how many minutes."""
    from tfadv.experiments import EXPERIMENTS

    rows = [row for name in EXPERIMENTS for row in presets(name, build(name))]
    if as_json:
        output.as_json([dict(zip(COLUMNS, row, strict=True)) for row in rows])
    else:
        show_listing([row for row in rows if row[2] == "laptop"])
        output.line(f"\n{textwrap.fill(LISTED, WIDTH)}")


def show_listing(rows):
    """The rows under their documents, within 80 columns; sections are named where the study is not called so itself."""
    names, data = (max(len(row[column]) for row in rows) for column in (0, 3))
    output.heading(f"{'name':{names}}  {'data set':{data}}  minutes  sections")
    for document in dict.fromkeys(row[1] for row in rows):
        output.heading(f"\n{textwrap.fill(document, WIDTH)}" if document else "")
        for name, _, _, dataset, minutes, sections in (row for row in rows if row[1] == document):
            others = ", ".join(section for section in sections.split(", ") if section != name)
            first = f"{name:{names}}  {dataset:{data}}  {output.number(minutes):>7}  "
            indents = {"initial_indent": first, "subsequent_indent": " " * len(first)}
            output.line((textwrap.fill(others, WIDTH, break_on_hyphens=False, **indents) or first).rstrip())


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
