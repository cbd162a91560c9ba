"""Names to things: each package lists its own, a spec string builds one, nothing loads before its use."""

import difflib
import importlib
import inspect

from tfadv import spec
from tfadv.errors import TfadvError


class Registry:
    """The names of one kind of thing and where each lives.

    Args:
        kind: what the names name, for messages (`"attack"`).
        places: name -> `"package.module:Object"`.

    >>> Registry("number", {"fraction": "fractions:Fraction"}).build("fraction(numerator=3)")
    Fraction(3, 1)
    """

    def __init__(self, kind, places):
        self.kind, self.places = kind, dict(places)

    def __iter__(self):
        return iter(self.places)

    def __contains__(self, name):
        return name in self.places

    def get(self, name):
        """The class or function behind a name.

        Raises:
            TfadvError: for an unknown name; the message shows the nearest known ones.
        """
        if name not in self.places:
            near = difflib.get_close_matches(name, self.places, n=1)
            guess = f"did you mean {near[0]!r}? " if near else ""
            raise TfadvError(f"unknown {self.kind} {name!r}: {guess}known are {', '.join(sorted(self.places))}.")
        module, attribute = self.places[name].split(":")
        return getattr(importlib.import_module(module), attribute)

    def build(self, text, **fixed):
        """Call what a spec string names with the arguments it gives.

        Args:
            text: a spec string, `"pgd(steps=40)"`.
            **fixed: arguments that the caller adds and that a spec may not set.

        Raises:
            TfadvError: for an unknown name or argument, and for whatever the constructor refuses.
        """
        name, arguments = spec.parse(text)
        make = self.get(name)
        allowed = [key for key in inspect.signature(make).parameters if key not in fixed]
        for key in arguments:
            if key not in allowed:
                raise TfadvError(
                    f"{self.kind} {name!r} has no option {key!r}: "
                    + (f"it takes {', '.join(allowed)}." if allowed else "it takes none.")
                )
        return make(**arguments, **fixed)
