"""`tfadv reproduce`."""

import click

from . import experiment, options


@click.command()
@click.argument("name", metavar="NAME", required=False)
@click.option("--list", "listed", is_flag=True, help="List the experiments with their presets, and stop.")
@click.option("--preset", metavar="WORD", help="smoke (seconds), laptop (minutes) or paper (as published) [laptop].")
@click.option("--seeds", type=click.IntRange(min=1), help="Repeat with so many seeds, for intervals [1].")
@click.option("--seed", type=click.IntRange(min=0), help="The first seed [0].")
@click.option("--dataset", metavar="NAME", help="Another data set than the experiment's own; or photographs.")
@click.option("--model", metavar="MODEL", help="Of studies of ImageNet: a .keras file, or a keras.applications name.")
@options.data_dir
@click.option("--precision", metavar="WORD", help="Networks are trained in float32, bfloat16 or float16 [float32].")
@click.option("--devices", metavar="auto|cpu|gpu|N", help="What trains the networks; several are mirrored [auto].")
@click.option(
    "--only",
    metavar="NETWORK",
    multiple=True,
    help="Train and measure only this network, e.g. on another machine: the directories can be merged. Repeatable.",
)
@click.option("--present", is_flag=True, help="Measure nothing: write the report of what is measured (no TensorFlow).")
@click.option("--networks", metavar="DIR", help="Trained networks, shared by all experiments [networks beside --out].")
@click.option("--out", metavar="DIR", help="Where measurements and the report go [runs/NAME].")
@options.as_json
def reproduce(name, listed, out, as_json, **given):
    """Run an experiment of the literature; each claim holds, does not hold, or is not resolvable by this run.

    NAME is one of `tfadv reproduce --list`, with options of its own in parentheses. What is measured is kept: the same
    command goes on after an interruption, and adds seeds.

    \b
    tfadv reproduce deep-defense --seeds 3
    tfadv reproduce "deep-defense(form=seed)"
    """
    if listed:
        experiment.listing(as_json)
    elif name is None:
        raise click.UsageError("name an experiment, or list them with --list")
    else:
        experiment.run(name, out, as_json, **given)
