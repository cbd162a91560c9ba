"""Writes what follows from the registries and the docstrings: imports that editors read, and the tables of the docs.

    python docs/generate.py            # writes; a test compares

In code it fills the branch `if typing.TYPE_CHECKING:`, in documents what stands between `<!-- generated: NAME -->`
and `<!-- end -->`.
"""

import importlib
import inspect
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("tfadv", "tfadv.attacks", "tfadv.data", "tfadv.models", "tfadv.threat", "tfadv.training")
BRANCH = re.compile(r"(?<=^if typing\.TYPE_CHECKING:\n).*?(?=^else:\n)", re.M | re.S)


def with_imports(package, text):
    """The text of a package's `__init__.py` with an import of each of its lazy names.

    `import X as X` says that X is handed on; a name of another form does only where it is assigned.
    """
    places = inspect.getclosurevars(importlib.import_module(package).__getattr__).nonlocals["places"]
    found = sorted(((*place.split(":"), name) for name, place in places.items()), key=sorted_as_ruff_does)
    lines = [
        f"    from {module} import {attribute} as {'' if name == attribute else '_'}{name}\n"
        for module, attribute, name in found
    ]
    assigned = [f"    {name} = _{name}\n" for _, attribute, name in found if name != attribute]
    return BRANCH.sub("".join([*lines, *["\n"][: len(assigned)], *assigned]), text)


def sorted_as_ruff_does(line):
    """Modules by name; within one CONSTANTS, then Classes, then functions; resnet8 before resnet20."""
    module, attribute, _ = line
    word, number = re.fullmatch(r"(.*?)(\d*)", attribute).groups()
    return module, not attribute.isupper(), not attribute[0].isupper(), word, int(number or 0)


def generated():
    """Each file that has something generated in it -> what it should read."""
    files = {}
    for package in PACKAGES:
        path = ROOT / package.replace(".", "/") / "__init__.py"
        files[path] = with_imports(package, path.read_text())
    return files


def main():
    for path, text in generated().items():
        if path.read_text() != text:
            path.write_text(text)
            print(f"wrote {path.relative_to(ROOT)}", file=sys.stderr)


if __name__ == "__main__":
    main()
