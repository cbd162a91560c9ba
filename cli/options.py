"""Options that several commands share, so that they read alike everywhere."""

import click


def listed(registry):
    """The names of a registry, as a help text shows them."""
    return ", ".join(name.replace("_", "-") for name in registry)


data_dir = click.option("--data-dir", metavar="DIR", help="Where TensorFlow Datasets keeps its data [TFDS_DATA_DIR].")
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout, for machines.")
seed = click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="The same seed gives the same bits.",
)
batch_size = click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    default=500,
    show_default=True,
    help="Images at a time; memory grows with it.",
)
dataset = click.option(
    "--dataset",
    metavar="NAME|DIR|NPZ",
    help="A data set: a name, a folder of class folders, an .npz [the run's].",
)
threat = click.option(
    "--threat", metavar="NORM:EPS", help="What the attacker may do: linf:8/255, l2:0.5, l0:24, patch:0.05 [the run's]."
)
