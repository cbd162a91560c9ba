"""Names to things: each package lists its own, a spec string builds one, nothing loads before its use."""

import difflib
import importlib
import inspect
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import ModuleType
from typing import Any

from tfadv import spec
from tfadv.errors import TfadvError


class Registry:
    """The names of one kind of thing and where each lives.

    Args:
        kind: what the names name, for messages (`"attack"`).
        places: name -> `"package.module:Object"`.
        hyphens: whether commands show the names with hyphens, as they are typed there.

    >>> Registry("number", {"fraction": "fractions:Fraction"}).build("fraction(numerator=3)")
    Fraction(3, 1)
    """

    def __init__(self, kind: str, places: Mapping[str, str], hyphens: bool = False):
        self.kind, self.places, self.hyphens = kind, dict(places), hyphens
        self.unlisted: dict[str, str] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self.places)

    def __len__(self) -> int:
        return len(self.places)

    def __contains__(self, name: object) -> bool:
        return name in self.places or name in self.unlisted

    def __getitem__(self, name: str) -> Any:
        return self.get(name)

    @property
    def exports(self) -> dict[str, str]:
        """What its package hands out: the name of each class or function (`PGD`) -> its place."""
        return {attribute_of(place): place for place in self.places.values()}

    def add(self, name: str, place: str) -> None:
        """Let specs use one more name, which no list shows: of an experiment's or a user's own class."""
        self.unlisted[name] = place

    def get(self, name: str) -> Any:
        """The class or function behind a name.

        Raises:
            TfadvError: for an unknown name; the message shows the nearest known ones.
        """
        place = self.places.get(name) or self.unlisted.get(name)
        if place is None:
            name, *known = (word.replace("_", "-") if self.hyphens else word for word in (name, *sorted(self)))
            raise TfadvError(f"unknown {self.kind} {name!r}: {guess(name, known)}known are {', '.join(known)}.")
        return load(place)

    def build(self, text: str, **fixed: Any) -> Any:
        """Call what a spec string names with the arguments it gives.

        Args:
            text: a spec string, `"pgd(steps=40)"`. A class that works on another thing of a registry says in `wraps`
                which option takes its spec; that one may come first without a name, `"eot(pgd(steps=10))"`.
            **fixed: arguments that the caller adds and that a spec may not set.

        Raises:
            TfadvError: for an unknown name or argument, and for whatever the constructor refuses.
        """
        name, arguments = spec.parse(text)
        make = self.get(name)
        taken = inspect.signature(make).parameters.items()
        allowed = [key for key, one in taken if key not in fixed and one.kind is not one.VAR_KEYWORD]
        arguments = self._named(name, getattr(make, "wraps", None), arguments)
        for key in arguments:
            if key not in allowed:
                raise TfadvError(
                    f"{self.kind} {name!r} has no option {key!r}: "
                    + (f"it takes {', '.join(allowed)}." if allowed else "it takes none.")
                )
        return make(**arguments, **fixed)

    def _named(self, name, first, arguments):
        """The arguments with the one that came without a key under `first`, the option that takes a spec."""
        if spec.INNER not in arguments:
            return arguments
        if first is None or first in arguments:
            raise TfadvError(
                f"{self.kind} {name!r} takes no {arguments[spec.INNER]!r} without a name: write name(key=value, ...), "
                "e.g. pgd(steps=40)."
            )
        return {first if key == spec.INNER else key: value for key, value in arguments.items()}


def lazy_names(
    package: str, *sources: Registry | str, **renamed: str
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """`__getattr__`, `__dir__` and `__all__` of a package whose names import what they name at their first use.

    Args:
        package: its `__name__`. The call comes last in it, so that what it defines itself is in `__all__` too.
        *sources: registries, each of whose things gets the name of its class or function; or single places.
        **renamed: places under another name, `load_dataset="tfadv.data.datasets:load"`.

    >>> __getattr__, __dir__, __all__ = lazy_names(__name__, "fractions:Fraction", minus="operator:neg")
    >>> __getattr__("Fraction")(1, 2)
    Fraction(1, 2)
    """
    module, places = sys.modules[package], {}
    for source in sources:
        places |= source.exports if isinstance(source, Registry) else {attribute_of(source): source}
    places |= renamed
    here = [name for name, value in vars(module).items() if is_own(module, name, value)]

    def find(name):
        if name not in places:
            known = sorted({*here, *places})
            message = f"module {package!r} has no attribute {name!r}: {guess(name, known)}it has {', '.join(known)}."
            raise AttributeError(message)
        return load(places[name])

    def names():
        return sorted({*vars(module), *places})

    return find, names, sorted({*here, *places})


def is_own(module: ModuleType, name: str, value: object) -> bool:
    """Whether a package offers a name of its namespace: what it defines itself, and its registries."""
    return not name.startswith("_") and (
        isinstance(value, Registry) or getattr(value, "__module__", None) == module.__name__
    )


def load(place: str) -> Any:
    """The object at `"package.module:Object"`."""
    return getattr(importlib.import_module(place.partition(":")[0]), attribute_of(place))


def attribute_of(place: str) -> str:
    """The `Object` of `"package.module:Object"`."""
    return place.partition(":")[2]


def guess(name: str, known: Iterable[str]) -> str:
    """`"did you mean 'PGD'? "`, or nothing where no known name is near."""
    folded = {word.lower(): word for word in known}
    near = difflib.get_close_matches(name.lower(), folded, n=1)
    return f"did you mean {folded[near[0]]!r}? " if near else ""
