"""`tfadv demo`."""

import click

from . import experiment, options


@click.command()
@click.option("--out", default="runs/demo", show_default=True, metavar="DIR", help="Where the report goes.")
@options.as_json
def demo(out, as_json):
    """Train a plain and two robust classifiers on embedded data, attack them and compare.

    Takes about a minute and downloads nothing.
    """
    experiment.run("demo", out, as_json)
