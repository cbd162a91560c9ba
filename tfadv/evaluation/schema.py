"""The keys of a result and what each holds, and whether a mapping has them. No TensorFlow here."""

from typing import Any

from tfadv import files
from tfadv.errors import invalid

# The first version said what each attack left by itself, and beside it what all had left so far.
FIRST, SCHEMA_VERSION = 1, 2
# The shape of a result: a type, [shape] for a list of such, {key: shape} for a mapping with at least these keys,
# (shape,) for one that may be null or left out.
NUMBER = int | float
INTERVAL = ([NUMBER],)
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
    "interval": INTERVAL,
    "why": (str,),
} | dict.fromkeys(("median_distance", "max_distance", *COUNTED), (NUMBER,))
EVALUATION = {
    "model": {"name": str, "path": (str,), "parameters": (NUMBER,)},
    "dataset": {"name": str, "source": (str,), "split": (str,), "n": int, "fingerprint": (str,)},
    "threat": str,
    "judge": ({"batch_size": int, "draws": int, "jitter": (NUMBER,)},),
    "fingerprints": ({"weights": str, "model": (str,), "data": (str,)},),
    "clean_accuracy": NUMBER,
    "clean_interval": INTERVAL,
    "robust_accuracy": NUMBER,
    "robust_interval": INTERVAL,
    "attacks": [ATTACK],
    "stochastic": (bool,),
    "control": ({"attack": str, "accuracy": NUMBER},),
    "certificate": ({"method": str, "accuracy": NUMBER},),
    "norms": ({"median": (NUMBER,), "mean": (NUMBER,), "max": (NUMBER,)},),
    "gate": ({"at_least": NUMBER, "holds": bool, "interval": [NUMBER], "of": int},),
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
    kind = type(shape) if isinstance(shape, dict | list) else shape
    if not isinstance(value, kind):
        names = {dict: "a mapping", list: "a list", str: "a text", int: "an integer", bool: "true or false"}
        raise invalid(where, names.get(kind, "a number"), "nothing" if value is None else repr(value)[:60])
    if isinstance(shape, list):
        return [conform(item, shape[0], f"{where}[{i}]") for i, item in enumerate(value)]
    if isinstance(shape, dict):
        return value | {key: conform(value.get(key), inner, f"{where}.{key}") for key, inner in shape.items()}
    return value
