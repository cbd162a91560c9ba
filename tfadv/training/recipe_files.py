"""Recipes: settings of a training under a name, or in a `.toml` file of your own. Imports no TensorFlow."""

import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

from tfadv.errors import TfadvError
from tfadv.registry import guess

FOLDER = resources.files("tfadv.training") / "recipes"
# So that `crop-flip` of the command line and `crop_flip` are one, names of recipes may have hyphens too.
RECIPES = tuple(sorted(file.name.removesuffix(".toml") for file in FOLDER.iterdir() if file.name.endswith(".toml")))


def read(recipe: str) -> dict[str, Any]:
    """The settings of a recipe, as `tfadv.training.Settings` takes them.

    Args:
        recipe: one of `RECIPES`, or the path of a `.toml` file with a line `name = value` for each setting.

    Raises:
        TfadvError: for an unknown name, and for a file that cannot be read.

    >>> read("mnist")["threat"]
    'linf:0.3'
    """
    name = str(recipe).replace("-", "_")
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


def _parsed(text, recipe):
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        hint = 'write a line for each setting, e.g. threat = "linf:8/255".'
        raise TfadvError(f"the recipe {str(recipe)!r} is no TOML ({error}); {hint}") from error
