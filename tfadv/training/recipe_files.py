"""Recipes: settings of a training under a name, or in a `.toml` file of your own. Imports no TensorFlow."""

import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

from tfadv import runs
from tfadv.errors import TfadvError
from tfadv.registry import guess
from tfadv.training.settings import check_names

FOLDER = resources.files("tfadv.training") / "recipes"
# So that `crop-flip` of the command line and `crop_flip` are one, names of recipes may have hyphens too.
RECIPES = tuple(sorted(file.name.removesuffix(".toml") for file in FOLDER.iterdir() if file.name.endswith(".toml")))


def beginning(recipe: str | None, out: str | Path, resume: bool) -> dict[str, Any]:
    """What the settings of a training are where its own options say nothing.

    Args:
        recipe: see `read`; None is none.
        out: the run directory.
        resume: whether the run there goes on, with its settings: of its own recipe nothing is read again.

    Raises:
        TfadvError: if there is no run to resume, for another recipe than that of the run, and for what `read` and
            `tfadv.runs.training` refuse.
    """
    if not resume:
        return read(recipe) if recipe else {}
    stored = runs.training(out)
    if not stored:
        raise TfadvError(f"{str(out)!r} holds no run to resume; leave --resume out.")
    own = stored.get("recipe")
    if recipe and (not own or _named(recipe) != _named(own)):
        began = f"with the recipe {own!r}, not {str(recipe)!r}" if own else "without a recipe"
        raise TfadvError(f"{str(out)!r} began {began}; leave --recipe out, or choose another directory with --out.")
    settings, kept = stored["settings"], Path(out) / runs.START
    # The record names the model that the run keeps as it was reached then: the run may have moved since.
    return settings | {"model": str(kept)} if Path(settings["model"]).name == kept.name and kept.is_file() else settings


def read(recipe: str) -> dict[str, Any]:
    """The settings of a recipe, as `tfadv.training.Settings` takes them.

    Args:
        recipe: one of `RECIPES`, or the path of a `.toml` file with a line `name = value` for each setting.

    Raises:
        TfadvError: for an unknown name, for a file that cannot be read, and for what is no setting.

    >>> read("mnist")["threat"]
    'linf:0.3'
    """
    name = _named(recipe)
    if name in RECIPES:
        return _parsed((FOLDER / f"{name}.toml").read_text("utf-8"), recipe)
    path = Path(recipe)
    if path.suffix != ".toml":
        known = ", ".join(RECIPES)
        raise TfadvError(f"unknown recipe {str(recipe)!r}: {guess(name, RECIPES)}known are {known}, and .toml files.")
    try:
        return _parsed(path.read_text("utf-8"), recipe)
    except (OSError, UnicodeDecodeError) as error:
        raise TfadvError(f"cannot read the recipe {str(recipe)!r} ({getattr(error, 'strerror', error)}).") from error


def _named(recipe):
    """The name with underscores, or the path as it is."""
    name = str(recipe).replace("-", "_")
    return name if name in RECIPES else str(recipe)


def _parsed(text, recipe):
    try:
        settings = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        hint = 'write a line for each setting, e.g. threat = "linf:8/255".'
        raise TfadvError(f"the recipe {str(recipe)!r} is no TOML ({error}); {hint}") from error
    check_names(settings, f", which the recipe {str(recipe)!r} has")
    return settings
