"""`tfadv defend`."""

from pathlib import Path

import click

from tfadv import files, runs, validation
from tfadv.data import DATASETS
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
    for line in advice(chosen[0], defended, out, user_code.words(click.get_current_context())):
        output.line(line)


def advice(first, defended, out, imports):
    """The command that judges what is in `out`, with what no record tells it; of the data there may be a guess."""
    words, said = [target.shown(out), *map(target.shown, imports)], []
    if not first.dataset:
        classes = defended.output_shape[-1] - (validation.rejects(defended) or validation.abstains(defended))
        kind = tuple(defended.input_shape[1:]), classes
        fitting = [name for name in DATASETS if (DATASETS.get(name).shape, DATASETS.get(name).classes) == kind]
        words.append(f"--dataset {(*fitting, 'NAME')[0]}")
        known = f"{' and '.join(fitting)} would fit" if fitting else "give a name, a folder of class folders or an .npz"
        said = [f"No record says what data {target.shown(first.path)} is for: {known}."]
    if not first.threat:
        words += target.threats_to_name(first.record)
    return [f"Judge it: tfadv evaluate {' '.join(words)}", *said]


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
