"""`tfadv export`."""

import click

from tfadv.errors import TfadvError
from tfadv.evaluation import results

from . import failures, options, output, quiet, target, user_code

SIGNATURES = {
    "serving_default": "float images in [0, 1] to probabilities, class and label",
    "uint8": "bytes 0 to 255 to the same",
    "logits": "float images in [0, 1] to logits",
}


@click.command()
@click.argument("model", metavar="RUN")
@click.option("--name", help="The model's name there [the run's].")
@click.option("--directory", default="saved_models", show_default=True, metavar="DIR", help="The folder of all models.")
@click.option("--version", type=click.IntRange(min=1), help="Never overwritten [the next one].")
@user_code.option
@options.as_json
def export(model, name, directory, version, as_json):
    """Write RUN, a run directory or a .keras file, as a SavedModel.

    It is reloaded and its logits are compared before it appears as DIR/NAME/VERSION/.

    \b
    tfadv export runs/robust
    """
    chosen = target.choose(model)
    with failures.when_interrupted(lambda: "nothing was exported."):
        with quiet.loading():
            from tfadv.serving.export import export as write
        exported = write(
            chosen.load(), directory, name=name or chosen.name, version=version,
            class_names=chosen.record.get("class_names"), record=record(chosen),
        )  # fmt: skip
    facts = {"path": str(exported.path), "name": exported.name, "version": exported.version}
    facts |= {"max_difference": exported.max_difference, "signatures": SIGNATURES}
    if as_json:
        output.as_json(facts)
        return
    output.heading(f"{exported.path}: version {exported.version} of {exported.name}")
    output.facts({"largest difference of logits": exported.max_difference, **SIGNATURES})


def record(chosen):
    """What the card tells: how it was trained and how it was judged, as far as that is known."""
    training = {key: chosen.record[key] for key in ("settings", "source", "metrics") if key in chosen.record}
    try:
        judged = results.load(chosen.home).to_json()
    except TfadvError:  # not evaluated, or no result that can be read: the card does without
        return {"training": training}
    keys = (
        "dataset",
        "threat",
        "clean_accuracy",
        "robust_accuracy",
        "robust_interval",
        "attacks",
        "findings",
    )
    return {"training": training, "evaluation": {key: judged[key] for key in keys if key in judged}}
