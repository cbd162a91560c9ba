"""Whether a result is true, from what it kept: no attack is run, the model looks at each image again."""

import dataclasses
from pathlib import Path
from typing import Any

import keras

from tfadv.data.split import Dataset
from tfadv.evaluation.recompute import NEEDED, STEPS, Failed, Work


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
    the accuracies follow. That no other image fools the model is not looked at: this takes attacks.

    Of a model that answers at random both accuracies must lie in the 95 % intervals of the recorded ones. Of any other
    model the outcome on each image must be the same, but for ties of two logits (`recompute.TIE`).

    Args:
        directory: what `tfadv evaluate --out` wrote to.
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
    work, checks, ended = Work(Path(directory), model, dataset, data_dir), [], False
    for name, step in STEPS.items():
        try:
            passed, message = (None, "not looked at") if ended else (True, step(work))
        except Failed as failed:
            passed, message = False, str(failed)
            ended = step in NEEDED
        checks.append(Check(name, passed, message))
    return Verification(tuple(checks), work.recorded, work.recomputed, work.sums)
