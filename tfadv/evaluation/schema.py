"""The keys of a result and what each holds, and whether a mapping has them. No TensorFlow here."""

from typing import Any

import numpy as np

from tfadv import files
from tfadv.errors import invalid

# The first version said what each attack left by itself, and beside it what all had left so far.
FIRST, SCHEMA_VERSION = 1, 2
# The shape of a result: a type, [shape] for a list of such, {key: shape} for a mapping with at least these keys,
# (shape,) for one that may be null or left out, PAIR for two numbers.
NUMBER = int | float
INTERVAL = ([NUMBER],)
PAIR = "lowest and highest"
# What is counted of each attack: of a random model, how many images that seemed fooled fresh draws gave back; how many
# adversarial images the model rejected or named no class for.
COUNTED = ("seconds", "gradients", "forwards", "returned", "abstained")
# What may come of a check, worst first.
OUTCOMES = ("fired", "passed", "skipped")
ATTACK = {
    "attack": str,
    "attacked": (int,),
    "fooled": (int,),
    "accuracy": NUMBER,
    "interval": (PAIR,),
    "why": (str,),
} | dict.fromkeys(("median_distance", "max_distance", *COUNTED), (NUMBER,))
# An attack that ran on a few images and is none of the others: in vain, or to see what another one's success means.
TRIAL = {"attack": str, "why": str, "attacked": int, "fooled": int} | dict.fromkeys(COUNTED, (NUMBER,))
# Accuracies of a random model under one attack that knows of the noise, that does not, and without the noise.
NOISE = {"attack": str, "n": int, "draws": int, "known": NUMBER, "unknown": NUMBER}
NOISE |= dict.fromkeys(("off", "clean_off"), (NUMBER,))
EVALUATION = {
    "model": {"name": str, "path": (str,), "parameters": (NUMBER,)},
    "dataset": {"name": str, "source": (str,), "split": (str,), "n": int, "fingerprint": (str,)},
    "threat": str,
    "judge": ({"batch_size": int, "draws": int, "jitter": (NUMBER,)},),
    "fingerprints": ({"weights": str, "model": (str,), "data": (str,)},),
    "clean_accuracy": NUMBER,
    "clean_interval": (PAIR,),
    "robust_accuracy": NUMBER,
    "robust_interval": (PAIR,),
    "attacks": [ATTACK],
    "trials": ([TRIAL],),
    "stochastic": (bool,),
    "control": ({"attack": str, "accuracy": NUMBER},),
    "noise": (NOISE,),
    "certificate": ({"method": str, "accuracy": NUMBER, "exact": (bool,), "confidence": (NUMBER,)},),
    "norms": ({"median": (NUMBER,), "mean": (NUMBER,), "max": (NUMBER,)},),
    "gate": ({"at_least": NUMBER, "holds": bool, "interval": PAIR, "of": int, "proven": (int,)},),
    "corruptions": ({"mean": NUMBER, "accuracy": dict},),
    "rho2": ({"mean": (NUMBER,), "median": (NUMBER,), "not_found": (NUMBER,)},),
    "curves": [{"attack": str, "norm": str, "eps": [NUMBER], "accuracy": [NUMBER]}],
    "checks": ([{"code": str, "outcome": str, "reason": (str,)}],),
    "findings": [{"code": str, "severity": str, "message": str, "advice": (str,)}],
    "class_accuracy": [{"name": str, "n": int, "clean": (NUMBER,), "robust": (NUMBER,)}],
    "provenance": dict,
}
CLAIM = {"id": str, "statement": str, "published": (object,), "measured": (object,)}
EXPERIMENT = {
    "name": str,
    "title": str,
    "claims": [CLAIM | {"interval": INTERVAL, "holds": (bool,), "note": (str,), "shown": (str,)}],
    "tables": [{"id": str, "title": str, "columns": [str], "rows": [list], "note": (str,)}],
    "figures": [{"id": str, "title": str, "file": (str,), "caption": (str,)}],
    "notes": [str],
    "provenance": dict,
}

# Arrays with an entry for each image: booleans, whole numbers, numbers.
PER_EXAMPLE = {
    "clean": "b", "robust": "b", "labels": "iu", "image": "iu", "broken_by": "i", "distance": "f", "radius": "f",
    "certified": "b",
}  # fmt: skip
GALLERY = ("x", "x_adv", "label", "predicted", "confidence", "predicted_adv", "confidence_adv")


def of_first_version(row: dict[str, Any]) -> dict[str, Any]:
    """An attack of the first version as one of today: its accuracy is what all attacks had left so far."""
    left = row.get("robust_accuracy_so_far")
    return row if left is None else row | {"accuracy": left, "interval": None}


def normalize(result: object, shape: dict[str, Any]) -> None:
    """Bring the fields that go to JSON into its types, so that a result equals itself after a round trip."""
    known = {key: getattr(result, key) for key in shape}
    for key, value in conform(files.plain(known), shape).items():
        object.__setattr__(result, key, value)


def conform(value: object, shape: object, where: str = "result", keys_only: bool = False) -> Any:
    """The value with every optional key there, or an error naming the first place that is not."""
    if keys_only and isinstance(value, dict):
        value = {key: value[key] for key in shape if key in value}
    if isinstance(shape, tuple):
        return None if value is None else conform(value, shape[0], where)
    if shape == PAIR:
        found = conform(value, [NUMBER], where)
        if len(found) != 2:
            raise invalid(where, "two numbers", found)
        return found
    kind = type(shape) if isinstance(shape, dict | list) else shape
    if not isinstance(value, kind):
        names = {dict: "a mapping", list: "a list", str: "a text", int: "an integer", bool: "true or false"}
        raise invalid(where, names.get(kind, "a number"), "nothing" if value is None else repr(value)[:60])
    if isinstance(shape, list):
        return [conform(item, shape[0], f"{where}[{i}]") for i, item in enumerate(value)]
    if isinstance(shape, dict):
        return value | {key: conform(value.get(key), inner, f"{where}.{key}") for key, inner in shape.items()}
    return value


def check_corruptions(accuracy):
    """Of each corruption as many accuracies, or an error."""
    rows = [conform(values, [NUMBER], f"corruptions.accuracy.{name}") for name, values in accuracy.items()]
    if not rows or not rows[0] or any(len(row) != len(rows[0]) for row in rows):
        raise invalid("corruptions.accuracy", "of each the same number of accuracies, at least one", accuracy)


def check_arrays(arrays, n, attacks):
    """Those of a result on n images after so many attacks, or an error that names the first that is not."""
    for key in PER_EXAMPLE:
        if key not in arrays:
            continue
        array = np.asarray(arrays[key])
        if array.shape != (n,):
            raise invalid(f"array {key!r}", f"one entry for each of the {n} images", f"shape {array.shape}")
        if array.dtype.kind not in PER_EXAMPLE[key] or (key == "distance" and not np.isfinite(array).all()):
            kind = {"b": "booleans", "f": "finite numbers"}.get(PER_EXAMPLE[key], "whole numbers")
            raise invalid(f"array {key!r}", kind, f"{array.dtype}, {array[:3]} ...")
    places = np.asarray(arrays.get("broken_by", -1))
    if places.dtype.kind != "i" or not -1 <= places.min() <= places.max() < attacks:
        raise invalid("array 'broken_by'", f"places in the list of {attacks} attacks, or -1", repr(places)[:60])


def check_gallery(gallery):
    """Pictures of one shape, and one of each fact for each of them, or an error."""
    shapes = {key: np.shape(gallery.get(key)) for key in GALLERY}
    x = shapes["x"]
    if len(x) != 4 or shapes["x_adv"] != x or any(shapes[key] != x[:1] for key in GALLERY[2:]):
        expected = "x and x_adv (m, h, w, c), " + ", ".join(GALLERY[2:]) + " (m,)"
        raise invalid("gallery", expected, shapes)
