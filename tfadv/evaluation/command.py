"""The `tfadv evaluate` line that takes an evaluation further, to be pasted into a shell."""

import dataclasses
import shlex
from collections.abc import Sequence
from pathlib import Path

from tfadv import attacks
from tfadv.attacks.base import Attack
from tfadv.attacks.wrapper import AttackWrapper
from tfadv.data import DATASETS
from tfadv.data.split import ARRAYS, Dataset
from tfadv.options import BATCH
from tfadv.threat import ThreatModel

# What an attack has more of, in this order, and how many times as much.
LENGTHS, TIMES = ("steps", "queries"), 5
# The folder in the directory of the results that the line writes to, so that it takes the place of none.
FOLDER = "longer"


def without_attacks(
    path: str | Path | None,
    dataset: Dataset,
    threat: ThreatModel,
    n: int | None,
    keep: str | Path | None,
    batch_size: int = BATCH,
    any_scale: bool = False,
    loaded_by: Sequence[str] = (),
) -> str | None:
    """The line that judges the same model on the same images, before its attacks.

    Args:
        path, n, keep, batch_size, any_scale, loaded_by: as `evaluate` takes them.

    Returns:
        The line, or None where no shell knows the model or the data.
    """
    if path is None or dataset.name == ARRAYS or not (dataset.name in DATASETS or Path(dataset.name).exists()):
        return None
    options = {"--dataset": dataset.name, "--threat": threat, "--n": n, "--out": keep and Path(keep) / FOLDER}
    options["--batch-size"] = None if batch_size == BATCH else batch_size
    given = [word for name, value in options.items() if value is not None for word in (name, value)]
    given += [*["--any-scale"] * any_scale, *loaded_by]
    return shlex.join(map(str, ("tfadv", "evaluate", path, *given)))


def with_more(line: str, rows: list[dict], strongest: dict) -> str | None:
    """The line with all attacks that fooled an image, one of them longer; None where that one cannot be longer.

    Args:
        line: as `without_attacks` makes it.
        rows: about the attacks, as a result holds them.
        strongest: the one of them that gets more steps, or queries.
    """
    more = longer(attacks.get(strongest["attack"]))
    if more is None:
        return None
    specs = [str(more) if row is strongest else row["attack"] for row in rows if row["fooled"]]
    return " ".join([line, *(f"--attack {shlex.quote(spec)}" for spec in specs)])


def longer(attack: Attack) -> Attack | None:
    """The same attack with more steps, or queries; None where it has neither.

    >>> str(longer(attacks.get("eot(attack=apgd(steps=20), draws=5)")))
    'eot(attack=apgd(steps=100, loss=ce), draws=5)'
    """
    if isinstance(attack, AttackWrapper):
        inner = longer(attack.inner)
        return inner and dataclasses.replace(attack, attack=inner)
    counts = (name for name in LENGTHS if isinstance(getattr(attack, name, None), int))
    name = next(counts, None)
    return name and dataclasses.replace(attack, **{name: TIMES * getattr(attack, name)})
