"""`tfadv verify`."""

import click

from . import options, output, quiet, user_code


@click.command()
@click.argument("directory", metavar="DIR")
@click.option("--model", metavar="MODEL", help="The judged model, if it is no longer where it was.")
@click.option("--dataset", metavar="NAME|DIR|NPZ", help="The data set, if it is no longer where it was.")
@options.data_dir
@user_code.option
@options.as_json
@click.pass_context
def verify(ctx, directory, model, dataset, data_dir, as_json):
    """Recompute what `tfadv evaluate` wrote to DIR from the images that it kept, without attacking.

    Looks at whether files, data and model are those of the evaluation, whether each image lies in ball and box and
    fools the model, whether the accuracies follow, and whether what is certified can be proven again. Takes seconds, a
    proof as long as in the evaluation: that of all images, on which --at-least may rest, perhaps far longer. Ends with
    exit code 1 if anything is not so.

    \b
    tfadv verify runs/robust
    """
    with quiet.loading():
        from tfadv.evaluation import verify as verification
    found = verification.verify(directory, model, dataset, data_dir)
    output.as_json(found.to_json()) if as_json else show(found)
    ctx.exit(0 if found.passed else 1)


def show(found):
    """A line a check, then whether all passed."""
    words = {True: ("ok", "green"), False: ("FAILED", "red"), None: ("skipped", "yellow")}
    width = max(len(check.name) for check in found.checks)
    for check in found.checks:
        word, color = words[check.passed]
        output.line(f"{click.style(word.ljust(7), fg=color)}  {check.name.ljust(width)}  {check.message}")
    if found.passed:
        clean, robust = (output.percent(found.recorded[key]) for key in ("clean", "robust"))
        output.heading(f"\nVerified: clean accuracy {clean}, robust accuracy at most {robust}.")
    else:
        output.heading("\nNot verified.")
