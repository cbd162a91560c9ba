"""`tfadv data list` and `tfadv data prepare`."""

import os

import click

from tfadv.data import DATASETS, datasets

from . import failures, options, output, quiet


@click.group()
def data():
    """List and prepare data sets."""


@data.command("list")
@options.data_dir
@options.as_json
def list_(data_dir, as_json):
    """What can be loaded by name, and what is prepared."""
    rows = datasets.describe(data_dir)
    if as_json:
        output.as_json({"data_dir": data_dir or os.environ.get("TFDS_DATA_DIR"), "datasets": rows})
        return
    columns = ["name", "train", "test", "shape", "classes", "prepared", "where"]
    shape = lambda row: {**row, "shape": " x ".join(map(str, row["shape"]))}  # noqa: E731
    output.table(columns, [[shape(row)[key] for key in columns] for row in rows])
    where = data_dir or os.environ.get("TFDS_DATA_DIR")
    default = "TFDS_DATA_DIR is not set: ~/tensorflow_datasets is used."
    output.line(f"\nPrepared data: {where}" if where else f"\n{default}")
    output.line("A folder of class folders and an .npz file with x and y work wherever a name does.")


@data.command(epilog=f"Names: {options.listed(DATASETS)}.")
@click.argument("name")
@options.data_dir
def prepare(name, data_dir):
    """Download NAME unless it is there, and read it once as a check."""
    with failures.when_interrupted(lambda: "the download begins anew next time."):
        with quiet.loading():
            import tensorflow  # noqa: F401  (what reads the data)
        source = datasets.prepare(name, data_dir)
    output.line(f"{name} is prepared: {source}")
