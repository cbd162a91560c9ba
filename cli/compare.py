"""`tfadv compare`."""

from pathlib import Path

import click

from tfadv.errors import TfadvError
from tfadv.runs import RESULT

from . import options, output


@click.command()
@click.argument("runs", metavar="A B", nargs=-1, required=True)
@options.as_json
def compare(runs, as_json):
    """Say whether run A is more robust than run B on the same images, or whether it may be luck.

    Runs of different images or under different threat models are refused. A and B are directories that `tfadv evaluate`
    wrote to, or their result.json. McNemar's exact test counts the images that only one of the two gets right.

    \b
    tfadv compare runs/robust runs/plain
    """
    if len(runs) != 2:
        raise TfadvError(
            f"compare: expected two runs, received {len(runs)}. Write e.g. tfadv compare runs/a runs/b; "
            "`tfadv report RUN...` shows any number of them and tests them in pairs."
        )
    a, b = map(read, runs)
    names = named(runs, a, b)
    facts = comparison(a, b, names)
    for text in facts["warnings"]:
        click.echo(f"{click.style('warning', fg='yellow', bold=True)}: {text}", err=True)
    if as_json:
        output.as_json(facts)
    else:
        show(facts, a.dataset)


def read(run):
    from tfadv.evaluation import results

    result = results.load(run)
    if not isinstance(result, results.EvaluationResult):
        raise TfadvError(f"{run!r} is an experiment: compare takes runs of `tfadv evaluate`.")
    return result


def named(runs, a, b):
    """The models' names; where they are the same, the runs'."""
    files = [path / RESULT if path.is_dir() else path for path in map(Path, runs)]
    if files[0].resolve() == files[1].resolve():
        raise TfadvError(f"{runs[0]!r} and {runs[1]!r} are the same run: there is nothing to compare.")
    names = a.model["name"], b.model["name"]
    return names if names[0] != names[1] else tuple(str(path.parent) for path in files)


def comparison(a, b, names):
    """Everything that is printed, for machines: accuracies, tests, conclusions, warnings."""
    from tfadv.reports import paired_test

    reason = paired_test.objection(a, b)
    if reason:
        raise TfadvError(
            f"{names[0]} and {names[1]} {reason}: evaluate them again with the same data and threat model."
        )
    facts = {"a": names[0], "b": names[1], "threat": a.threat, "n": a.dataset["n"]} | paired_test.sameness(a, b)
    for what in paired_test.WORDS:
        test = paired_test.compare(a, b, what)
        facts[what] = {
            side: {"accuracy": getattr(run, f"{what}_accuracy"), "interval": getattr(run, f"{what}_interval")}
            for side, run in (("a", a), ("b", b))
        }
        facts[what] |= {key: getattr(test, key) for key in ("only_a", "only_b", "difference", "interval", "p_value")}
        facts[what] |= {"shown": test.p_value < paired_test.LEVEL, "images_needed": paired_test.needed(test)}
        facts[what]["verdict"] = paired_test.conclusion(test, *names, what)
    return facts | {"warnings": list(warnings(a, b, names))}


def warnings(a, b, names):
    """What the test cannot see: unequal attacks, and a robust accuracy that is not to be believed."""
    from tfadv.reports import paired_test

    if paired_test.attack_lists_differ([a, b]):
        yield "the runs were not attacked by the same attacks; the one attacked less looks better than it is."
    for run, name in ((a, names[0]), (b, names[1])):
        codes = [finding["code"] for finding in run.findings if finding["severity"] == "error"]
        if codes:
            yield f"the robust accuracy of {name} is not to be quoted ({', '.join(codes)})."


def show(facts, dataset):
    """The table, then for each of its rows one sentence."""
    from tfadv.reports.document import points, probability
    from tfadv.reports.paired_test import about

    split = f"{dataset['split']} " if dataset["split"] else ""
    what = f"{facts['n']:,} {split}images of {dataset['name']}, {facts['threat']}"
    output.heading(f"{facts['a']} against {facts['b']}: {what}\n")
    rows = [
        [
            f"{key} accuracy",
            *(output.percent(row[side]["accuracy"], row[side]["interval"]) for side in ("a", "b")),
            row["only_a"],
            row["only_b"],
            points(row["difference"], row["interval"]),
            probability(row["p_value"]),
        ]
        for key, row in (("robust", facts["robust"]), ("clean", facts["clean"]))
    ]
    columns = ["", facts["a"], facts["b"], f"only {facts['a']}", f"only {facts['b']}", "difference, points", "p"]
    output.table(columns, rows)
    output.line(f"\n{about(facts)}")
    for key in ("robust", "clean"):
        output.line(facts[key]["verdict"])
