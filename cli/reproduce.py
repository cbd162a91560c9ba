"""`tfadv reproduce`."""

import click

from . import experiment, options


@click.command()
@click.argument("name", metavar="NAME")
@click.option(
    "--preset", type=click.Choice(["smoke", "laptop", "paper"]), help="Seconds, minutes, or as published [laptop]."
)
@click.option("--seeds", type=click.IntRange(min=1), help="Repeat with so many seeds, for intervals [1].")
@click.option("--seed", type=click.IntRange(min=0), help="The first seed [0].")
@click.option("--dataset", metavar="NAME", help="Another data set than the experiment's own.")
@click.option("--form", metavar="WORD", help="Which form, where an experiment has several, e.g. seed or paper.")
@options.data_dir
@click.option("--out", metavar="DIR", help="Where the report goes [runs/NAME].")
@options.as_json
def reproduce(name, out, as_json, **given):
    """Run an experiment of the literature; each claim is marked as holding or not.

    \b
    demo                  three classifiers on digits
    deep-defense          Fashion-MNIST, every table and figure; --dataset mnist
    deep-defense-tuning   its lambda, c and d on a validation split

    \b
    tfadv reproduce deep-defense --seeds 3
    """
    experiment.run(name, out or f"runs/{name.partition('(')[0]}", as_json, **given)
