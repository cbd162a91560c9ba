"""`tfadv train`."""

from pathlib import Path

import click

from tfadv import runs, spec
from tfadv.data import AUGMENTATIONS, DATASETS
from tfadv.errors import TfadvError
from tfadv.models import AUTOENCODERS, MODELS, classifier
from tfadv.training import AVERAGES, METHODS, OF_AUTOENCODERS, OPTIMIZERS, SCHEDULES, recipe_files
from tfadv.training.recipe_files import RECIPES
from tfadv.training.settings import CHOICES, class_of

from . import failures, options, output, quiet, user_code
from .progress import Progress
from .target import shown, threats_to_name


class Count(click.ParamType):
    """A whole number, or a share below 1: `5`, `0.3`."""

    name = "number"

    def convert(self, value, param, ctx):
        return spec.number(value)


@click.command()
@click.option(
    "--dataset", metavar="NAME|DIR|NPZ", help=f"{options.listed(DATASETS)}, a folder of class folders, or an .npz file."
)
@click.option(
    "--model",
    metavar="SPEC|FILE",
    help=f"{options.listed(MODELS)}; of --method reconstruction {options.listed(AUTOENCODERS)}; or a .keras file to "
    "start from [mlp].",
)
@click.option(
    "--recipe", metavar="NAME|TOML", help=f"Settings to begin with: {options.listed(RECIPES)}, or a .toml file [none]."
)
@click.option(
    "--method", metavar="SPEC", help=f"{options.listed(METHODS)}; {options.listed(OF_AUTOENCODERS)} [standard]."
)
@click.option(
    "--attack", metavar="SPEC", multiple=True, help='To train on, e.g. "pgd(steps=7)"; for mixed several [none].'
)
@click.option(
    "--threat",
    metavar="NORM:EPS",
    multiple=True,
    help="What the attacker may do, linf:8/255; for mixed several [none].",
)
@click.option(
    "--eps-ramp",
    type=Count(),
    metavar="EPOCHS|SHARE",
    help="Over how many epochs, or what share of them, the eps of training grows from 0 [0].",
)
@click.option("--validation-attack", metavar="SPEC", help="The attack behind val_adv_accuracy [that of --attack].")
@click.option("--epochs", type=click.IntRange(min=1), help="Passes over the training images [10].")
@click.option("--batch-size", type=click.IntRange(min=1), help="Images a step [128].")
@click.option("--loss", type=click.Choice(CHOICES["loss"]), help="Cross-entropy or multi-class hinge [ce].")
@click.option("--reduction", type=click.Choice(CHOICES["reduction"]), help="Of the loss over a batch [mean].")
@click.option(
    "--optimizer", metavar="SPEC", help=f'{options.listed(OPTIMIZERS)}, e.g. "sgd(learning_rate=0.1)" [adam].'
)
@click.option("--weight-decay", type=float, help="d of the term d / 2 ||w||^2 of the loss [0.0].")
@click.option(
    "--schedule",
    metavar="SPEC",
    help=f'Of the learning rate: {options.listed(SCHEDULES)}, e.g. "step(at=(0.6, 0.8))" [constant].',
)
@click.option(
    "--average",
    metavar="SPEC",
    help=f"Of the weights, which is kept in their place: {options.listed(AVERAGES)} [none].",
)
@click.option(
    "--augment", metavar="SPEC", multiple=True, help=f"{options.listed(AUGMENTATIONS)}; may be repeated [none]."
)
@click.option("--shuffle/--no-shuffle", default=None, help="A new order in each epoch, or the data's own [True].")
@click.option(
    "--validation",
    type=Count(),
    metavar="SHARE|NUMBER",
    help="Share, or number, of the training images that are held out [0.1].",
)
@click.option(
    "--stratify/--no-stratify", default=None, help="Hold the same share of each class out, or of all images [False]."
)
@click.option("--keep", type=click.Choice(CHOICES["keep"]), help="Which epoch becomes the model [best].")
@click.option(
    "--patience",
    type=click.IntRange(min=0),
    help="Stop after so many epochs without a better one [0: never].",
)
@click.option(
    "--precision",
    type=click.Choice(CHOICES["precision"]),
    help="Of layers; weights and logits are float32 [a file's own, else float32].",
)
@click.option("--devices", metavar="auto|cpu|gpu|N", help="Several are mirrored [auto].")
@click.option("--seed", type=click.IntRange(min=0), help="The same seed gives the same classifier [0].")
@click.option("--out", required=True, metavar="DIR", help="Where the run goes, e.g. runs/robust.")
@click.option("--resume", is_flag=True, help="Go on with the interrupted run in --out, with its settings.")
@click.option("--download", is_flag=True, help="Download the data set if it is not prepared.")
@options.data_dir
@user_code.option
@options.as_json
def train(out, resume, recipe, download, data_dir, as_json, **given):
    """Train a classifier; its best epoch, or with --keep last the last, ends in DIR/model.keras.

    \b
    tfadv train --recipe images --dataset my_folder --out runs/mine
    tfadv train --dataset fashion_mnist --model mlp --method adversarial \\
      --attack "pgd(steps=7)" --threat linf:0.1 --epochs 10 --out runs/robust
    """
    settings = {name: value for name, value in given.items() if value not in (None, ())}
    begun = recipe_files.beginning(recipe, out, resume)
    name = settings.pop("dataset", None) or begun.get("dataset")
    if name is None:
        raise TfadvError(
            "say what to train on with --dataset, e.g. --dataset digits; `tfadv data list` shows the names."
        )
    with failures.when_interrupted(lambda: kept(out)):
        with quiet.loading():
            from tfadv.data import datasets
            from tfadv.training import Settings, run
        Settings.from_record(begun | settings | {"dataset": name})  # refused before the data are read
        dataset = datasets.load(name, data_dir, download)
        with Progress() as progress:
            run.train(dataset, out=out, resume=resume, recipe=recipe, progress=progress, **settings)
    record = classifier.training_of(out)
    if as_json:
        output.as_json(record)
    else:
        show(Path(out), record)


def kept(out):
    """What an interruption leaves behind, and how to go on."""
    again = f"`tfadv train --resume --out {shown(out)}`"
    if (Path(out) / runs.BACKUP).is_file():
        return f"the finished epochs are kept in {out}: go on with {again}."
    if classifier.training_of(out).get("finished") is False:
        return f"no epoch was finished: begin again with {again}."
    return "nothing was written; run the command again."


def show(out, record):
    """The outcome of a training and the command that judges it."""
    settings, metrics = record["settings"], record["metrics"]
    what = f"{settings['method']} training of {settings['model']} on {settings['dataset']}"
    # Records of earlier versions do not say it: there was no other.
    output.heading(f"{out}: {what} in {settings.get('precision', 'float32')}")
    accuracies = ("val_accuracy", "val_adv_accuracy", "val_certified_accuracy")
    which = "best epoch" if settings["keep"] == "best" else "epochs"
    output.facts(
        {
            which: f"{record['best_epoch']} of at most {settings['epochs']}",
            **{name: output.percent(metrics[name]) for name in accuracies if name in metrics},
            "model": out / runs.MODEL,
            "history": out / runs.HISTORY,
        }
    )
    for remark in record.get("remarks", ()):
        output.line(f"\n{remark}")
    if not class_of(settings["method"]).learns_labels:
        output.line(f"\nPut a classifier behind it: tfadv defend CLASSIFIER {shown(out)} --defense encoded --out DIR")
        return
    said = "".join(f" {word}" for word in threats_to_name(record))
    output.line(f"\nJudge it on the test images: tfadv evaluate {shown(out)}{said}")
