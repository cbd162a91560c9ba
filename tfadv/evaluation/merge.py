"""Results about blocks of images, judged one after the other, as one result about all of them."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from tfadv.evaluation.attack_rows import attack_row, distances
from tfadv.evaluation.results import EvaluationResult
from tfadv.evaluation.schema import COUNTED, OUTCOMES


def merged(parts: Sequence[EvaluationResult], class_names: Sequence[str], **facts: Any) -> EvaluationResult:
    """The result about the images of all parts, in their order; what only illustrates is that of the first part.

    Args:
        parts: of one model, under one threat model. An attack that several of them ran has one row.
        **facts: what is to be said otherwise than in the first part: `dataset`, at least.
    """
    rows = list({_name(row): row for part in parts for row in part.attacks})
    # A proof is quick in all parts or in none; but a part may be kept from another machine, which could prove nothing.
    everywhere = [key for key in parts[0].arrays if all(key in part.arrays for part in parts)]
    arrays = {key: np.concatenate([part.arrays[key] for part in parts]) for key in everywhere}
    arrays["broken_by"] = np.concatenate([_places(part, rows)[part.arrays["broken_by"]] for part in parts])
    outcomes = [arrays.pop(key) for key in ("clean", "robust", "labels")]
    known = {field.name: getattr(parts[0], field.name) for field in dataclasses.fields(EvaluationResult)}
    for computed in ("clean_accuracy", "clean_interval", "robust_accuracy", "robust_interval", "class_accuracy"):
        del known[computed]
    known |= {"attacks": [_row(name, k, parts, arrays, outcomes[0]) for k, name in enumerate(rows)]}
    # Of the first part, where bounds may have proven nothing.
    proof = next((part.certificate for part in parts if part.certificate), None)
    proven = proof and "certified" in arrays
    known["certificate"] = proof | {"accuracy": float(arrays["certified"].mean())} if proven else None
    known |= {"trials": _trials(parts)}
    norms = distances(arrays["distance"][arrays["broken_by"] >= 0])
    known |= {"norms": norms, "fooling": _fooling(parts), "arrays": arrays}
    return EvaluationResult.of(*outcomes, class_names, **known | facts)


def _name(row):
    """What makes two rows those of one attack: also why it was run."""
    return row["attack"], row.get("why")


def _places(part, rows):
    """The place of each of a part's rows among all; the last entry is that of -1."""
    return np.array([*(rows.index(_name(row)) for row in part.attacks), -1], np.int32)


def _row(name, place, parts, arrays, clean):
    """The row of one attack: sums over the parts that ran it."""
    ran = [row for part in parts for row in part.attacks if _name(row) == name]
    return _summed(ran, "attacked") | attack_row(place, clean, arrays["broken_by"], arrays["distance"])


def _trials(parts):
    """The rows of the trials: sums over the parts that made them; None where one does not know its own."""
    if any(part.trials is None for part in parts):
        return None
    made = {}
    for row in (row for part in parts for row in part.trials):
        made.setdefault(_name(row), []).append(row)
    return [_summed(rows, "attacked", "fooled") for rows in made.values()]


def _summed(rows, *keys):
    return rows[0] | {key: sum(row[key] or 0 for row in rows) for key in (*keys, *COUNTED)}


def _fooling(parts):
    """The images that fooled, of all parts; `image` counts through them."""
    starts = np.cumsum([0, *(part.dataset["n"] for part in parts)])
    image = [part.fooling["image"] + start for part, start in zip(parts, starts, strict=False)]
    return {"image": np.concatenate(image), "x_adv": np.concatenate([part.fooling["x_adv"] for part in parts])}


def worst_checks(results: Sequence[EvaluationResult]) -> list[dict[str, Any]]:
    """Each check as it came out at worst: it fired in one of the results, or passed in one and fired in none."""
    said: dict[str, list] = {}
    for check in (check for result in results for check in result.checks or ()):
        said.setdefault(check["code"], []).append(check)
    return [min(checks, key=lambda check: OUTCOMES.index(check["outcome"])) for checks in said.values()]
