"""`tfadv evaluate`."""

import click

from tfadv import runs
from tfadv.errors import writable_directory
from tfadv.models import saved_model

from . import failures, options, output, quiet, target, user_code
from .progress import Progress


@click.command()
@click.argument("model", metavar="MODEL")
@options.dataset
@options.threat
@click.option(
    "--attack",
    "attacks",
    multiple=True,
    metavar="SPEC",
    help=f"{options.attack}; may be repeated [AutoAttack's standard ensemble].",
)
@click.option("--n", type=click.IntRange(min=1), help="Judge N test images only, evenly spread [all].")
@options.seed
@options.batch_size
@options.data_dir
@click.option(
    "--craft-in",
    type=click.Choice(["bfloat16"]),
    help="Craft in this precision, faster on some CPUs; the model itself judges.",
)
@click.option("--verdict-only", is_flag=True, help="Run the attacks, and no curves, distances and checks after them.")
@options.any_scale
@click.option("--out", metavar="DIR", help="Where results go [the run; runs/NAME for a file].")
@user_code.option
@options.as_json
def evaluate(model, dataset, threat, attacks, data_dir, verdict_only, out, as_json, **settings):
    """Judge how MODEL, a run directory, a .keras file or a SavedModel, withstands attacks.

    Robust accuracy is the share of test images that no attack changes to a wrong class. Each attack runs on the images
    that are still classified rightly. Interrupt it at any time: the same command goes on where it was. Writes
    result.json, per_example.npz and report.html.

    \b
    tfadv evaluate runs/robust --threat linf:8/255 --n 1000
    tfadv evaluate model.keras --dataset cifar10 --threat l2:0.5 --attack fgsm --attack "pgd(steps=40)"
    """
    chosen = target.choose(model, dataset, threat)
    target.needs_threat(chosen)
    out = writable_directory(out or default_directory(chosen))  # before the work, not after it
    again = "the same command goes on from the last complete batch."
    with runs.locked(out, "evaluating"), failures.when_interrupted(lambda: again):
        with quiet.loading():
            from tfadv.evaluation import evaluate as protocol
        model, data = chosen.load(), chosen.load_dataset(data_dir)
        if said := saved_model.remark(model):
            click.echo(said, err=True)
        with Progress() as progress:
            result = protocol.evaluate(
                model, data, threat=chosen.threat, attacks=attacks or None, diagnostics=not verdict_only,
                name=chosen.name, path=chosen.path, trained_on=chosen.record.get("source"), keep=out,
                progress=progress, **settings,
            )  # fmt: skip
        write(result, out)
    if as_json:
        output.as_json(result.to_json())
    else:
        show(result, out)


def default_directory(chosen):
    """The run's own directory; a folder in it if a result under another threat model is there already."""
    from tfadv.evaluation import results

    stored = chosen.home / runs.RESULT
    if not stored.is_file() or results.load(stored).threat == chosen.threat:
        return chosen.home
    return chosen.home / chosen.threat.replace(":", "-").replace("/", "-")


def write(result, out):
    """The result, and the report about it as it was read back."""
    from tfadv.reports import page

    page.write([result.save(out)], out / runs.REPORT)


def show(result, out):
    """The table of accuracies, what is suspect about them, and where the files are."""
    data = result.dataset
    output.heading(f"{result.model['name']}: {data['n']:,} {data['split']} images of {data['name']}, {result.threat}\n")
    rows = [["clean", None, None, *_accuracy(result.clean_accuracy, result.clean_interval), None]]
    rows += [
        [a["attack"], a["attacked"], a["fooled"], *_accuracy(a["accuracy"], a["interval"]), a["median_distance"]]
        for a in result.attacks
    ]
    rows.append(["robust", None, None, *_accuracy(result.robust_accuracy, result.robust_interval), None])
    output.table(["", "attacked", "fooled", "accuracy so far", "95 % interval", "median distance"], rows)
    output.line()
    output.facts(_beside(result))
    output.line()
    output.findings(result.findings)
    output.line(f"\nWritten to {out}: result.json, per_example.npz, report.html")


def _beside(result):
    """What was found beside the verdict."""
    passes = [sum(a[kind] or 0 for a in result.attacks) for kind in ("gradients", "forwards")]
    facts = {"cost": "{:,} gradients and {:,} forward passes".format(*passes)}
    if result.control:
        facts["uniform noise"] = f"{output.percent(result.control['accuracy'])} accuracy ({result.control['attack']})"
    if exact := result.certificate:
        facts["exact accuracy"] = f"{output.percent(exact['accuracy'])}, which no attack goes below ({exact['method']})"
    if result.rho2:
        mean, median = (output.number(result.rho2[key]) for key in ("mean", "median"))
        facts["rho_2 of DeepFool"] = f"{mean} on average, median {median}"
    return facts


def _accuracy(value, interval):
    return output.percent(value), f"{100 * interval[0]:.1f} to {100 * interval[1]:.1f}"
