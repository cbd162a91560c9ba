"""`tfadv`: the names of the commands, each imported when it is asked for, and the one way they all end."""

import importlib
import os
import sys

import click

import tfadv

from . import failures, quiet

# name -> where it is, and its line in `tfadv --help`, kept here so that help imports no command.
COMMANDS = {
    "demo": ("demo:demo", "Attack, train and compare classifiers on embedded data: where to begin."),
    "reproduce": ("reproduce:reproduce", "Run an experiment of the literature beside its published numbers."),
    "train": ("train:train", "Train a classifier, adversarially or not."),
    "defend": ("defend:defend", "Put a defense around a classifier, or make an ensemble of several."),
    "attack": ("attack:attack", "Craft adversarial images and save them."),
    "evaluate": ("evaluate:evaluate", "Judge how a classifier withstands attacks."),
    "verify": ("verify:verify", "Recompute accuracies from the images that fooled, without attacking."),
    "report": ("report:report", "Compare evaluated runs on one page."),
    "compare": ("compare:compare", "Say whether one run is really more robust than another."),
    "export": ("export:export", "Write a SavedModel for TensorFlow Serving."),
    "data": ("data:data", "List and prepare data sets."),
    "doctor": ("doctor:doctor", "Check this machine and say what to do about each problem."),
}
DEBUG = click.Option(
    ["--debug"], is_flag=True, expose_value=False, callback=failures.remember_debug, help="Show tracebacks."
)


class Commands(click.Group):
    """A group whose commands are modules that are imported late, and whose errors are one sentence."""

    def list_commands(self, ctx):
        return list(COMMANDS)

    def get_command(self, ctx, name):
        if name not in COMMANDS:
            return None
        module, attribute = COMMANDS[name][0].split(":")
        command = getattr(importlib.import_module(f".{module}", __package__), attribute)
        if DEBUG not in command.params:  # so that it may be written after the command's name too
            command.params.append(DEBUG)
        return command

    def format_commands(self, ctx, formatter):
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def main(self, *args, **kwargs):
        state = {"debug": False}
        try:
            code = super().main(*args, **{**kwargs, "standalone_mode": False, "obj": state})
        except Exception as error:
            code = failures.report(error, state["debug"])
        sys.exit(code if isinstance(code, int) else 0)


@click.command(cls=Commands, params=[DEBUG], context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(tfadv.__version__, prog_name="tfadv")
def commands():
    """Attack, robustly train, honestly judge and serve Keras image classifiers.

    Begin with `tfadv demo`. `tfadv COMMAND --help` shows the options of a command.
    """


def main():
    """What the console script calls."""
    failures.end_on_signals()
    quiet.escape_what_cannot_be_shown()
    if "--debug" not in sys.argv:
        quiet.hush()
    try:
        commands(prog_name="tfadv")
    except SystemExit as end:
        if end.code in (failures.INTERRUPTED, failures.TERMINATED):
            # A thread may still be crafting, and Python would wait for it, or crash with it.
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(end.code)
        raise


if __name__ == "__main__":
    main()
