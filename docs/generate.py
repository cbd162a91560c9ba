"""Writes what follows from the registries and the docstrings: imports that editors read, and the tables of the docs.

    python docs/generate.py            # writes; a test compares

In code it fills the branch `if typing.TYPE_CHECKING:`, in documents what stands between `<!-- generated: NAME -->`
and `<!-- end -->`. What is said of a thing is the first sentence of its file's docstring, and of a function, or of a
further class in a file, the first of its own; sources are the further paragraphs of the file's that name a year.
"""

import importlib
import inspect
import re
import sys
from pathlib import Path

import results_page

from tfadv.attacks import ATTACKS, AttackWrapper, MinimumNormAttack
from tfadv.data import AUGMENTATIONS, DATASETS
from tfadv.defenses import DEFENSES
from tfadv.experiments import EXPERIMENTS
from tfadv.layers import LAYERS
from tfadv.models import AUTOENCODERS, MODELS
from tfadv.threat import NORMS
from tfadv.training import AVERAGES, METHODS, OF_AUTOENCODERS, SCHEDULES
from tfadv_cli.main import COMMANDS

ROOT = Path(__file__).parents[1]
PACKAGES = (
    "tfadv", "tfadv.attacks", "tfadv.data", "tfadv.defenses", "tfadv.layers", "tfadv.models", "tfadv.physical",
    "tfadv.threat", "tfadv.training",
)  # fmt: skip
DOCUMENTS = ("README.md", "docs/attacks.md", "docs/catalog.md", "docs/results/minutes.md")
BRANCH = re.compile(r"(?<=^if typing\.TYPE_CHECKING:\n)(?:    .*\n|\n)*(?=else:\n)", re.M)
REGION = re.compile(r"(<!-- generated: (\w+) -->\n).*?(?=<!-- end -->)", re.S)


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


def with_tables(text):
    """The text of a document with its generated regions as they should be."""
    return REGION.sub(lambda found: found[1] + TABLES[found[2]](), text)


def table(head, rows):
    lines = [[cell.replace("|", r"\|") for cell in line] for line in (head, ["-"] * len(head), *rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def paragraphs(text):
    return [" ".join(part.split()) for part in (text or "").strip().split("\n\n")]


def in_a_word(registry, name):
    """The first sentence of its file's docstring, or of its own where the file holds more than it."""
    module, _, attribute = registry.places[name].partition(":")
    first = next(other for other, place in registry.places.items() if place.startswith(f"{module}:"))
    thing = registry.get(name)
    own = inspect.isfunction(thing) or (inspect.isclass(thing) and first != name)
    sentence = paragraphs(thing.__doc__ if own else sys.modules[module].__doc__)[0]
    return sentence.rstrip(".")


def source(registry, name):
    """What its file's docstring says about where it comes from."""
    registry.get(name)
    text = sys.modules[registry.places[name].partition(":")[0]].__doc__
    return " ".join(part for part in paragraphs(text)[1:] if re.search(r"\b(19|20)\d\d\b", part)).rstrip(".")


def code(words, link=", "):
    return link.join(f"`{word}`" for word in words)


def attacks():
    rows = [
        (
            f"`{name}`",
            f"`{attack.__name__}`",
            norms(attack),
            asks(attack),
            in_a_word(ATTACKS, name),
            source(ATTACKS, name),
        )
        for name, attack in ((name, ATTACKS.get(name)) for name in ATTACKS)
    ]
    return table(("Spec", "Class", "Threats", "Asks the model for", "In a word", "Source"), rows)


def norms(attack):
    return "those of its attack" if is_wrapper(attack) else code(attack.norms)


def asks(attack):
    if is_wrapper(attack):
        return "what its attack asks for"
    return "labels" if attack.decision_based else "logits" if attack.black_box else "gradients"


def is_wrapper(attack):
    """Whether what it is good for depends on the attack within."""
    return issubclass(attack, AttackWrapper) and attack.black_box is not True


def kinds():
    """The attacks by what a reader looks for: kind -> names."""
    found = {}
    for name in ATTACKS:
        attack = ATTACKS.get(name)
        if attack.ensemble:
            kind = "ensemble"
        elif is_wrapper(attack):
            kind = "around another attack"
        elif attack.black_box:
            kind = "no gradients"
        else:
            kind = "smallest change" if issubclass(attack, MinimumNormAttack) else "gradients"
        found.setdefault(kind, []).append(name)
    return found


def names():
    rows = [
        ("Threat models", code(NORMS)),
        ("Attacks", "; ".join(f"{kind}: {code(found)}" for kind, found in kinds().items())),
        ("Training methods", code(METHODS)),
        ("Models", code(MODELS) + f", autoencoders {code(AUTOENCODERS)}, your own `.keras` file or SavedModel"),
        ("Defenses", code(DEFENSES)),
        ("Data", code(DATASETS) + ", folders of class folders, `.npz`"),
        ("Experiments", code(name.replace("_", "-") for name in EXPERIMENTS)),
    ]
    return table(("", ""), rows)


def described(registry, *, with_source=False):
    """A table of names, classes or functions, and sentences; with sources where the files give them."""
    rows = [
        [f"`{name}`", f"`{registry.places[name].partition(':')[2]}`", in_a_word(registry, name)]
        + [source(registry, name)] * with_source
        for name in registry
    ]
    return table(["Name", "In Python", "In a word", *["Source"] * with_source], rows)


def datasets():
    rows = []
    for name in DATASETS:
        data = DATASETS.get(name)
        rows.append(
            (f"`{name}`", f"{data.train:,}", f"{data.test:,}", " x ".join(map(str, data.shape)), str(data.classes))
        )
    return table(("Name", "Training images", "Test images", "Shape", "Classes"), rows)


def minutes():
    """What each study with a page takes by its laptop preset, and what its run took; beneath it their sums."""
    rows, spent = [], {}
    for name, (page, ran) in results_page.runs().items():
        experiment = EXPERIMENTS.build(name)
        each = experiment.scale.minutes
        spent.setdefault(experiment.document, {})[page.stem] = (each, ran.seeds * each)
        facts = (f"{each:g}", str(ran.seeds), f"{ran.cpu_minutes:g}", ran.commit)
        rows.append((f"[{page.stem}]({page.name})", experiment.document, *facts))
    heads = ("Study", "Document", "Minutes a seed", "Seeds run", "CPU minutes of the run", "Commit")
    return table(heads, rows) + "".join(f"\n{document}: {in_all(of)}\n" for document, of in spent.items())


def in_all(spent):
    """A sentence on the sums and the longest, of study -> (minutes of a seed, of all its seeds)."""
    one, every = (sum(part) for part in zip(*spent.values(), strict=True))
    longest = max(spent, key=lambda study: spent[study][0])
    most, limit = spent[longest][0], results_page.LIMIT
    over = [study for study, (each, _) in spent.items() if each > limit]
    return (
        f"{one:.0f} minutes on two cores for one seed of each, {every:.0f} for all seeds that were run. The longest is "
        f"{longest}, {most:g} minutes a seed; over {limit}: {', '.join(over) or 'none'}."
    )


def experiments():
    rows = [
        (f"`tfadv {'' if name in COMMANDS else 'reproduce '}{name.replace('_', '-')}`", in_a_word(EXPERIMENTS, name))
        for name in EXPERIMENTS
    ]
    return table(("Command", "In a word"), rows)


TABLES = {
    "names": names,
    "attacks": attacks,
    "threats": lambda: described(NORMS),
    "methods": lambda: described(METHODS, with_source=True),
    "of_autoencoders": lambda: described(OF_AUTOENCODERS, with_source=True),
    "schedules": lambda: described(SCHEDULES),
    "averages": lambda: described(AVERAGES),
    "augmentations": lambda: described(AUGMENTATIONS),
    "models": lambda: described(MODELS),
    "autoencoders": lambda: described(AUTOENCODERS),
    "defenses": lambda: described(DEFENSES, with_source=True),
    "layers": lambda: described(LAYERS, with_source=True),
    "datasets": datasets,
    "experiments": experiments,
    "minutes": minutes,
}


def generated():
    """Each file that has something generated in it -> what it should read."""
    code_files = {package: ROOT / package.replace(".", "/") / "__init__.py" for package in PACKAGES}
    files = {path: with_imports(package, path.read_text()) for package, path in code_files.items()}
    return files | {ROOT / name: with_tables((ROOT / name).read_text()) for name in DOCUMENTS}


def main():
    for path, text in generated().items():
        if path.read_text() != text:
            path.write_text(text)
            print(f"wrote {path.relative_to(ROOT)}", file=sys.stderr)


if __name__ == "__main__":
    main()
