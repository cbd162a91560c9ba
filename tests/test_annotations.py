"""What users import says what it takes and returns, so that an editor can help and a type checker can object.

What a method of a base class takes and returns is said there, once.
"""

import importlib
import inspect

import generate
import pytest

from tfadv.attacks import ATTACKS
from tfadv.registry import load

MODULES = (
    "tfadv.registry",
    "tfadv.spec",
    "tfadv.errors",
    "tfadv.files",
    "tfadv.provenance",
    "tfadv.evaluation.results",
)
# Functions that the documentation names, of modules that are otherwise for tfadv itself.
NAMED = (
    "tfadv.evaluation.certificates.interval:interval_certified",
    "tfadv.evaluation.certificates.linear:linear_radius",
    "tfadv.evaluation.certificates.smoothing:certify",
    "tfadv.evaluation.verify:verify",
    "tfadv.graph.inside:contents",
    "tfadv.graph.reject:with_reject",
)
# What an attack adds to `Attack` is for its own loop.
LOOPS = {ATTACKS.get(name) for name in ATTACKS}


def public():
    """Functions and methods of tfadv's own that can be reached by a public name: name -> function."""
    found = {place.replace(":", "."): load(place) for place in NAMED}
    for package in (*generate.PACKAGES, *MODULES):
        module = importlib.import_module(package)
        for name in getattr(module, "__all__", None) or [name for name in vars(module) if not name.startswith("_")]:
            thing = getattr(module, name)
            if inspect.isfunction(thing) and thing.__module__.startswith("tfadv"):
                found[f"{thing.__module__}.{thing.__qualname__}"] = thing
            elif inspect.isclass(thing):
                for base in (base for base in thing.__mro__ if base.__module__.startswith("tfadv")):
                    found |= {f"{base.__module__}.{method.__qualname__}": method for method in methods(base)}
    return found


def methods(cls):
    """The public methods, properties and constructor that a class is the first to define."""
    for name, value in vars(cls).items():
        function = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
        own = inspect.isfunction(function) and function.__module__ == cls.__module__
        inherited = any(hasattr(base, name) for base in cls.__mro__[1:])
        internal = name.startswith("_") or inherited or cls in LOOPS
        if own and (not internal or name in ("__init__", "__call__")):
            yield function


@pytest.mark.parametrize("name", sorted(public()))
def test_it_is_annotated(name):
    function = public()[name]
    hints = function.__annotations__
    needed = [key for key in list(inspect.signature(function).parameters) if key not in ("self", "cls")]
    missing = [key for key in [*needed, *["return"] * (function.__name__ != "__init__")] if key not in hints]
    assert not missing, f"{name}: no type for {', '.join(missing)}"
