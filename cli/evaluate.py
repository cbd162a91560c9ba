"""`tfadv evaluate`."""

import functools

import click

from tfadv import runs
from tfadv.errors import TfadvError, writable_directory
from tfadv.models import saved_model

from . import evaluate_output, failures, options, quiet, target, user_code
from .progress import Progress


class Share(click.ParamType):
    """A share of all images: 50% or 0.5."""

    name = "share"

    def convert(self, value, param, ctx):
        if isinstance(value, float):
            return value
        number, percent, rest = value.partition("%")
        try:
            share = float(number) / (100 if percent else 1)
        except ValueError:
            share = 0.0
        if rest or not 0 < share <= 1:
            self.fail(f"expected a share such as 50% or 0.5, received {value!r}", param, ctx)
        return share


@click.command()
@click.argument("model", metavar="MODEL")
@options.dataset
@options.threats
@click.option(
    "--attack",
    "attacks",
    multiple=True,
    metavar="SPEC",
    help=f"{options.attack}; may be repeated [AutoAttack's standard ensemble, then what the judge chooses].",
)
@click.option("--quick", "quickly", is_flag=True, help="A quick verdict by the attack quick; not AutoAttack.")
@click.option(
    "--at-least",
    type=Share(),
    metavar="SHARE",
    help="Judge random images until it is known whether so many of all are robust, e.g. 50%: exit code 0 or 1.",
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
@click.option(
    "--verdict-only",
    is_flag=True,
    help="Run the attacks and a quick proof, and no curves, distances and checks after them.",
)
@click.option("--corruptions", is_flag=True, help="Also the accuracy under fifteen common corruptions.")
@options.any_scale
@click.option("--out", metavar="DIR", help="Where results go [the run; runs/NAME for a file].")
@user_code.option
@options.as_json
@click.pass_context
def evaluate(
    ctx, model, dataset, threats, attacks, quickly, at_least, data_dir, verdict_only, out, as_json, **settings
):
    """Judge how MODEL, a run directory, a .keras file or a SavedModel, withstands attacks.

    Robust accuracy is the share of test images that no attack changes to a wrong class. Each attack runs on the images
    that are still classified rightly. Under several threat models it is also given for all of them together. Interrupt
    it at any time: the same command goes on where it was. Writes result.json, per_example.npz and report.html.

    \b
    tfadv evaluate runs/robust --threat linf:8/255 --n 1000
    tfadv evaluate model.keras --dataset cifar10 --threat l2:0.5 --attack fgsm --attack "pgd(steps=40)"
    """
    if quickly:
        _only_quick(attacks, at_least)
        attacks = ("quick",)
    chosen = target.choose(model, dataset, threats[0] if threats else None)
    target.needs_threat(chosen)
    threats = threats or (chosen.threat,)
    if at_least is not None:
        _only_one_question(threats, settings["corruptions"])
    aside = "quick" if quickly else "at-least" if at_least is not None else None
    out = writable_directory(out or target.results_of(chosen, threats, aside))  # before the work, not after it
    again = "the same command goes on from the last complete batch."
    with runs.locked(out, "evaluating"), failures.when_interrupted(lambda: again):
        with quiet.loading():
            from tfadv.evaluation import gate, multiple_threats, results
            from tfadv.evaluation.evaluate import evaluate as protocol
        judge = protocol if at_least is None else functools.partial(gate.at_least, share=at_least)
        model, data = chosen.load(), chosen.load_dataset(data_dir)
        if said := saved_model.remark(model):
            click.echo(said, err=True)
        with Progress() as progress:
            settings |= {"attacks": attacks or None, "diagnostics": not verdict_only, "keep": out, "progress": progress}
            settings["loaded_by"] = [*(("--data-dir", data_dir) if data_dir else ()), *user_code.words(ctx)]
            settings |= {"name": chosen.name, "path": chosen.path, "trained_on": chosen.record.get("source")}
            if len(threats) > 1:
                each, worst = multiple_threats.evaluate_each(model, data, threats, **settings)
                found = {out / results.folder(result.threat): result for result in each} | {out: worst}
            else:
                found = {out: judge(model, data, threat=threats[0], **settings)}
        for folder in found:
            evaluate_output.write(folder)
    evaluate_output.tell(found, as_json)
    if at_least is not None:
        ctx.exit(0 if found[out].gate["holds"] else 1)


def _only_quick(attacks, at_least):
    """Raises TfadvError for what --quick cannot be asked together with."""
    if attacks:
        raise TfadvError("--quick runs the attack quick alone; with others name it: --attack quick.")
    if at_least is not None:
        raise TfadvError(
            "--quick can show that too few images are robust, never that enough are; leave it out: --at-least judges "
            "few images anyway."
        )


def _only_one_question(threats, corruptions):
    """Raises TfadvError for what --at-least cannot be asked together with."""
    if len(threats) > 1:
        raise TfadvError(f"--at-least asks about one threat model, received {' and '.join(threats)}.")
    if corruptions:
        raise TfadvError("--at-least judges some images only; ask for --corruptions without it.")
