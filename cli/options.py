"""Options that several commands share, so that they read alike everywhere."""

import click

from tfadv.attacks import ATTACKS
from tfadv.options import BATCH
from tfadv.threat import NORMS


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
    default=BATCH,
    show_default=True,
    help="Images at a time; memory grows with it.",
)
dataset = click.option(
    "--dataset",
    metavar="NAME|DIR|NPZ",
    help="A data set: a name, a folder of class folders, an .npz [the run's].",
)
threat = click.option(
    "--threat",
    metavar="NORM:EPS",
    help=f"What the attacker may do, e.g. linf:8/255; norms are {listed(NORMS)} [the run's].",
)
threats = click.option(
    "--threat",
    "threats",
    multiple=True,
    metavar="NORM:EPS",
    help=f"What the attacker may do, e.g. linf:8/255; norms are {listed(NORMS)}; may be repeated [the run's].",
)
attack = f"One of {', '.join(ATTACKS)}"
any_scale = click.option("--any-scale", is_flag=True, help="Take a model too that seems to want pixels in 0 to 255.")
