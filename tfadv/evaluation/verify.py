"""Whether a result is true, from what it kept: no attack is run, the model looks at each image again."""

import contextlib
import dataclasses
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tfadv import runs
from tfadv.data.split import Dataset
from tfadv.errors import TfadvError
from tfadv.evaluation import multiple_threats, results, seal
from tfadv.evaluation.recompute import NEEDED, STEPS, WHERE
from tfadv.evaluation.records import Failed, Work
from tfadv.evaluation.results import EvaluationResult
from tfadv.provenance import digest


@dataclasses.dataclass(frozen=True)
class Check:
    """One thing that was verified.

    Attributes:
        name: what it is about, `"files"`.
        passed: None where it could not be looked at, as something before it failed.
        message: what was found.
    """

    name: str
    passed: bool | None
    message: str


@dataclasses.dataclass(frozen=True)
class Verification:
    """What came out.

    Attributes:
        checks: what was looked at, in order.
        recorded, recomputed: clean and robust accuracy, each in [0, 1]; `recomputed` is empty where they could not be.
        sums: sha256 of SHA256SUMS: who knows it knows that a result is the one that was published.
    """

    checks: tuple[Check, ...]
    recorded: dict[str, float]
    recomputed: dict[str, float]
    sums: str | None

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(check.passed for check in self.checks)

    def to_json(self) -> dict[str, Any]:
        """The verification as a mapping of JSON's types."""
        return {"passed": self.passed} | dataclasses.asdict(self)


def verify(
    directory: str | Path,
    model: keras.Model | str | Path | None = None,
    dataset: Dataset | str | Path | None = None,
    data_dir: str | Path | None = None,
) -> Verification:
    """Verify a result of `evaluate` from the images that it kept, without attacking.

    Looked at is whether the files, the data and the model are those of the evaluation; whether the model is right on
    the same clean images; whether each image that fooled it lies in the ball and in the box, and fools it; and whether
    the accuracies follow. Images that bounds or the layers of a linear model certify are proven again, and certificates
    by votes are consistent. That no other image fools the model is not looked at: this takes attacks.

    Of a model that answers at random the votes are cast anew, and how far chance may move each accuracy is said: the
    clean one four standard deviations of such votes, the robust one, in which luck is on the attacks' side, no further
    than its recorded 95 % interval; and each image that fooled must fool a quarter of 100 passes (`revote`). Of any
    other model the outcome on each image must be the same, but for ties of two logits (`recompute.TIE`).

    Of a result of `at_least` the answer is verified too, and that the images are those that the seed draws. Of several
    threat models each is verified, and that the union follows from them.

    Args:
        directory: what `tfadv evaluate --out` wrote to, or the result.json in it.
        model: the classifier or where it is, `"model.keras"`; None is where it was when it was judged.
        dataset: the data set, its name or where it is; None is where it was.
        data_dir: where TensorFlow Datasets keeps its data.

    Returns:
        A `Verification`.

    Raises:
        TfadvError: if there is no result in the directory, or one without evidence.

    >>> verify("runs/robust").passed  # doctest: +SKIP
    True
    """
    directory = Path(directory)
    directory = directory.parent if directory.name == runs.RESULT else directory
    if not (folders := _of_several(directory)):
        return _verify(directory, model, dataset, data_dir)[0]
    found = []
    for folder in folders:
        verification, work = _verify(folder, model, dataset, data_dir)
        found.append(verification)
        model = work.model or model  # loaded once
    return _together(directory, folders, found)


def _verify(directory, model, dataset, data_dir):
    """The `Verification` of one result, and the `Work` behind it."""
    work, checks, ended = Work(directory, model, dataset, data_dir), [], False
    for name, step in STEPS.items():
        if name in WHERE and not (work.result and WHERE[name](work.result)):
            continue
        try:
            passed, message = (None, "not looked at") if ended else (True, step(work))
        except Failed as failed:
            passed, message = False, str(failed)
            ended = step in NEEDED
        checks.append(Check(name, passed, message))
    return Verification(tuple(checks), work.recorded, work.recomputed, work.sums), work


def _of_several(directory):
    """Where the results are that the result in a directory is the union of; none if it is no union."""
    with contextlib.suppress(TfadvError):  # the steps say what is wrong with it
        union = None if seal.altered(directory) else results.load(directory)
        threats = union.threat.split(" and ") if isinstance(union, EvaluationResult) else []
        return [directory / results.folder(threat) for threat in threats] if len(threats) > 1 else []
    return []


def _together(directory, folders, found):
    """The verification of a union: those of its parts, and whether it follows from them."""
    union, sums = results.load(directory), digest(directory / runs.SUMS)
    checks = [
        dataclasses.replace(check, name=f"{threat}: {check.name}")
        for threat, part in zip(union.threat.split(" and "), found, strict=True)
        for check in part.checks
    ]
    each = [results.load(folder) for folder in folders]
    again = multiple_threats.union(each, [row["name"] for row in each[0].class_accuracy])
    same = again.to_json() == union.to_json() and all(
        np.array_equal(array, union.arrays.get(name)) for name, array in again.arrays.items()
    )
    said = f"at most {union.robust_accuracy:.2%} withstood all attacks of all {len(each)} threat models"
    checks.append(Check("union", same, said if same else "it does not follow from the results of its threat models"))
    recorded = {"clean": union.clean_accuracy, "robust": union.robust_accuracy}
    recomputed = recorded if all(part.passed for part in found) and same else {}
    return Verification(tuple(checks), recorded, recomputed, sums)
