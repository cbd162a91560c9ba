"""`--import MODULE`: the user's own layers, which a `.keras` file names and does not carry."""

import importlib
import importlib.util
import os
import sys
from pathlib import Path

import click

from tfadv.errors import TfadvError, reason

from . import quiet


def load(ctx, param, modules):
    """Import what was named, in this order: modules, as from Python started here, and .py files."""
    ctx.meta[__name__] = modules
    for module in () if ctx.resilient_parsing else modules:
        with quiet.loading():  # it imports Keras, most likely
            _load(module)


def words(ctx):
    """What was given to `--import`, as it stands in a line for the shell."""
    return [word for module in ctx.meta[__name__] for word in ("--import", module)]


def _load(module):
    is_file = module.endswith(".py")
    if is_file and not Path(module).is_file():
        raise TfadvError(f"--import: there is no file {module!r}.")
    try:
        _run(Path(module)) if is_file else _by_name(module)
    except TfadvError:
        raise
    except (Exception, SystemExit) as error:  # whatever the user's code raises, at import, by hand or by mistake
        if isinstance(error, ModuleNotFoundError) and error.name == module.partition(".")[0]:
            hint = "run tfadv in its directory, or give the path of its .py file"
            raise TfadvError(f"--import: there is no module {module!r}; {hint}.") from error
        told = f"{type(error).__name__}: {reason(error)}"
        raise TfadvError(f"--import: importing {module!r} ended in {told[:300].rstrip('.')}.") from error


def _by_name(module):
    # Last, so that no file here stands in for an installed package.
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    importlib.import_module(module)


def _run(path):
    """Import a file under its own name; a second time it is not run again, for Keras registers a class once."""
    known = sys.modules.get(path.stem)
    if known is not None and getattr(known, "__file__", None) == str(path.resolve()):
        return
    if known is not None:
        raise TfadvError(f"--import: a module called {path.stem!r} is imported already; rename the file {str(path)!r}.")
    spec = importlib.util.spec_from_file_location(path.stem, path.resolve())
    sys.modules[path.stem] = module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[path.stem]
        raise


option = click.option(
    "--import",
    multiple=True,
    metavar="MODULE|FILE.py",
    expose_value=False,
    callback=load,
    help="Your own code with the registered layers of MODEL, which is run; may be repeated.",
)
