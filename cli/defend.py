"""`tfadv defend`."""

from pathlib import Path

import click

from tfadv import files, runs
from tfadv.defenses import DEFENSES
from tfadv.errors import TfadvError

from . import failures, options, output, quiet, target, user_code


@click.command()
@click.argument("models", nargs=-1, required=True, metavar="RUN...")
@click.option(
    "--defense",
    "spec",
    required=True,
    metavar="SPEC",
    help=f'One of {options.listed(DEFENSES)}; e.g. "noise(sigma=0.03, votes=10)".',
)
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="DIR", help="The run of the defended.")
@user_code.option
@options.as_json
def defend(models, spec, out, as_json):
    """Put a defense around RUN, a run directory or a .keras file, or make an ensemble of several.

    A classifier goes behind an autoencoder: name the run of the classifier first, then that of the autoencoder.

    What is written to DIR is judged as any other run, on the data and under the threat model of the first RUN.

    \b
    tfadv defend runs/robust --defense "noise(sigma=0.03, votes=10)" --out runs/noisy
    tfadv evaluate runs/noisy
    """
    chosen = [target.choose(model) for model in models]
    taken = [name for name in (runs.MODEL, runs.TRAIN, runs.BACKUP) if (out / name).exists()]
    if taken:
        raise TfadvError(f"{str(out)!r} already holds {taken[0]}; choose another directory with --out.")
    with failures.when_interrupted(lambda: "nothing was written."), runs.locked(out, "defending"):
        with quiet.loading():
            from tfadv import defenses
        defended = defenses.defend([one.load() for one in chosen], spec)
        write(defended, chosen, spec, out)
    facts = {"path": str(out / runs.MODEL), "defense": spec, "of": [str(one.path) for one in chosen]}
    facts["parameters"] = defended.count_params()
    if as_json:
        output.as_json(facts)
        return
    output.heading(f"{facts['path']}: {spec} of {', '.join(facts['of'])}")
    output.line(f"Judge it: tfadv evaluate {target.shown(out)}")


def write(defended, chosen, spec, out):
    """The classifier, and with it what is known of the training of the first one."""
    if chosen[0].record:
        about = {"spec": spec, "of": [str(one.path) for one in chosen]}
        files.write_json(out / runs.TRAIN, chosen[0].record | {"defense": about})
    try:
        with files.atomic(out / runs.MODEL) as temporary:
            defended.save(temporary)
    except (NotImplementedError, TypeError, ValueError) as error:  # a SavedModel, or a class without get_config
        (out / runs.TRAIN).unlink(missing_ok=True)
        hint = "give runs or .keras files of functional models."
        raise TfadvError(f"cannot save {spec} of {chosen[0].name!r}: Keras cannot write its layers; {hint}") from error
