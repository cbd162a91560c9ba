"""What an evaluation or an experiment leaves behind: result.json, arrays and digests beside it. No TensorFlow here."""

import contextlib
import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike as Array

from tfadv import files, runs
from tfadv.errors import TfadvError, invalid
from tfadv.evaluation import schema, seal
from tfadv.evaluation.schema import EVALUATION, EXPERIMENT, FIRST, SCHEMA_VERSION, conform, normalize, of_first_version
from tfadv.evaluation.statistics import wilson

Json = Mapping[str, Any]
Names = Sequence[str]
Arrays = Mapping[str, np.ndarray] | None

# What is written beside result.json, and how hard it is compressed: what attacks add is noise, which takes time only.
ARRAYS, LEVEL = (runs.PER_EXAMPLE, runs.GALLERY, runs.FOOLING), 1


@dataclass(frozen=True, kw_only=True, repr=False)
class EvaluationResult:
    """How one model withstands one threat model, on n examples. `EVALUATION` lists the keys.

    Attributes:
        clean_accuracy: in [0, 1], as all accuracies.
        robust_accuracy: worst case per example over all attacks (and the clean image).
        attacks: as they ran, each on the `attacked` images that were still right; `accuracy` is what it and all before
            it left, `gradients` and `forwards` are the passes really made.
        trials: attacks that ran on a few images to see what they are worth: what they broke does not count, what they
            cost does; None where that is not known.
        judge: `batch_size`, images at a time; `draws`, forward passes that judge an image by majority; and `jitter`, by
            how much each moves the pixels.
        fingerprints: sha256 of the `weights` as arrays, and of the files of `model` and `data` where there are any.
        stochastic: whether the model was seen to answer at random.
        control: what noise of the same size leaves.
        noise: of a random model, its accuracy under an `attack` on `n` images that averages `draws` as it knows of the
            noise, `known`, that does not, `unknown`, and with the noise switched `off`.
        certificate: the share of images of which it is proven that they withstand everything, and how. If it is `exact`
            all others can be fooled (older results do not say so); else the true robust accuracy on these images lies
            between it and `robust_accuracy`; with a `confidence`, that of each image, it is of a vote of
            infinitely many noisy copies.
        gate: whether the robust accuracy on all `of` images is `at_least` a share: if that `holds`, and its `interval`.
        corruptions: `accuracy` under each common corruption, name -> one for each severity, and their `mean`.
        norms: of the perturbations that fooled, in the norm of the threat model.
        arrays: in data order boolean `clean` and `robust` (n,), `labels` (n,), `distance` (n,) of what fooled,
            `broken_by` (n,), the place in `attacks` of what did or -1; `certified` (n,) bool, where no attack succeeds,
            and `radius` (n,), within which nothing fools, where that is proven; `image` (n,), which test images were
            judged, where they are not evenly spread.
        gallery: a few examples for the report: `x`, `x_adv` (m, h, w, c) in [0, 1], `label`, `predicted`,
            `confidence`, `predicted_adv`, `confidence_adv` (m,), perhaps specs `attack` (m,), `class_names`; or empty.
        checks: which there are, and whether each passed, fired or was skipped.
        fooling: every image that fooled the model: `x_adv` (k, h, w, c) float32 as the attacks found it, and `image`
            (k,), which of the n it takes the place of; or empty. Of a result that was read it is read when asked for.
        directory: where it was read from.

    Raises:
        TfadvError: if a key is missing or has a value of another kind.
    """

    model: dict
    dataset: dict
    threat: str
    judge: dict | None = None
    fingerprints: dict | None = None
    clean_accuracy: float
    robust_accuracy: float
    clean_interval: list | None = None
    robust_interval: list | None = None
    attacks: list = field(default_factory=list)
    trials: list | None = None
    stochastic: bool | None = None
    control: dict | None = None
    noise: dict | None = None
    certificate: dict | None = None
    norms: dict | None = None
    rho2: dict | None = None
    gate: dict | None = None
    corruptions: dict | None = None
    curves: list = field(default_factory=list)
    checks: list | None = None
    findings: list = field(default_factory=list)
    class_accuracy: list = field(default_factory=list)
    provenance: dict = field(default_factory=dict)
    arrays: dict = field(default_factory=dict, repr=False, compare=False)
    gallery: dict = field(default_factory=dict, repr=False, compare=False)
    fooling: Mapping = field(default_factory=dict, repr=False, compare=False)
    directory: str | None = field(default=None, repr=False, compare=False)

    def __post_init__(self):
        normalize(self, EVALUATION)
        for curve in self.curves:
            if (eps := len(curve["eps"])) != (accuracy := len(curve["accuracy"])):
                raise invalid("curves", "as many accuracies as eps", f"{accuracy} for {eps}")
        if self.corruptions:
            schema.check_corruptions(self.corruptions["accuracy"])
        schema.check_arrays(self.arrays, self.dataset["n"], len(self.attacks))
        if self.gallery:
            schema.check_gallery(self.gallery)

    @classmethod
    def of(
        cls, clean: Array, robust: Array, labels: Array, class_names: Names, *, arrays: Arrays = None, **facts: Any
    ) -> "EvaluationResult":
        """The result of per-example outcomes: accuracies, their Wilson intervals and accuracies by class.

        Args:
            clean, robust: booleans (n,), True where the model is right; `robust` over all attacks.
            labels: class indices (n,) into `class_names`.
            arrays: more arrays for per_example.npz.
            **facts: `model`, `dataset`, `threat` and what else is known.
        """
        clean, robust, labels = np.asarray(clean, bool), np.asarray(robust, bool), np.asarray(labels)
        return cls(
            clean_accuracy=clean.mean(),
            clean_interval=wilson(clean.sum(), clean.size),
            robust_accuracy=robust.mean(),
            robust_interval=wilson(robust.sum(), robust.size),
            class_accuracy=[_of_class(name, labels == k, clean, robust) for k, name in enumerate(class_names)],
            arrays={"clean": clean, "robust": robust, "labels": labels, **(arrays or {})},
            **facts,
        )

    @property
    def ran(self) -> list:
        """The rows of all that attacked, `attacks` and `trials`: together they are what the result has cost."""
        return [*self.attacks, *(self.trials or ())]

    def cost(self, kind: str) -> float:
        """All `"seconds"`, `"gradients"` or `"forwards"`, those of trials too."""
        return sum(row[kind] or 0 for row in self.ran)

    def to_json(self) -> Json:
        """The result as a mapping of JSON's types, without the arrays."""
        return _to_json("evaluation", self, EVALUATION)

    @classmethod
    def from_json(cls, mapping: Json, **beside: Any) -> "EvaluationResult":
        """The inverse of `to_json`; beside it `arrays`, `gallery` and what else is not in the mapping.

        Raises:
            TfadvError: if a key is missing or of another kind.
        """
        return cls(**conform(mapping, EVALUATION, keys_only=True), **beside)

    def __repr__(self):
        clean, robust = f"{self.clean_accuracy:.1%}", f"{self.robust_accuracy:.1%}"
        judged = f"{self.dataset['n']:,} images of {self.dataset['name']}"
        return f"<EvaluationResult of {self.model['name']!r}: clean {clean}, robust {robust} ({self.threat}, {judged})>"

    def _repr_markdown_(self):
        """What a notebook shows."""
        from tfadv.reports import inline

        return inline.markdown_of(self)

    def save(self, directory: str | Path) -> Path:
        """Write the arrays, the images and, last, result.json under `directory`; returns the directory."""
        directory = Path(directory)
        for name, arrays in zip(ARRAYS, (self.arrays, self.gallery, self.fooling), strict=True):
            if arrays:
                files.write_npz(directory / name, level=LEVEL, **arrays)
            else:  # What an earlier run left there is not of this one.
                with contextlib.suppress(OSError):
                    (directory / name).unlink()
        files.write_json(directory / runs.RESULT, self.to_json())
        files.write_text(directory / runs.SUMS, seal.sums(directory))
        return directory


@dataclass(frozen=True, kw_only=True)
class ExperimentResult:
    """What an experiment of the literature found: claims, tables, figures. `EXPERIMENT` lists the keys.

    Attributes:
        claims: `published` and `measured` are numbers or texts; `holds` is None where the data cannot tell.
        figures: `file` is relative to the directory of the result.
        notes: paragraphs for the reader.
    """

    name: str
    title: str
    claims: list = field(default_factory=list)
    tables: list = field(default_factory=list)
    figures: list = field(default_factory=list)
    notes: list = field(default_factory=list)
    provenance: dict = field(default_factory=dict)

    def __post_init__(self):
        normalize(self, EXPERIMENT)

    def to_json(self) -> Json:
        """The result as a mapping of JSON's types."""
        return _to_json("experiment", self, EXPERIMENT)

    @classmethod
    def from_json(cls, mapping: Json) -> "ExperimentResult":
        """The inverse of `to_json`. Raises TfadvError if a key is missing or of another kind."""
        return cls(**conform(mapping, EXPERIMENT, keys_only=True))

    def save(self, directory: str | Path) -> Path:
        """Write result.json under `directory`; returns the directory."""
        return files.write_json(Path(directory) / runs.RESULT, self.to_json()).parent


def folder(threat: str) -> str:
    """The name of a threat model's folder.

    >>> folder("linf:8/255")
    'linf-8-255'
    """
    return threat.replace(":", "-").replace("/", "-")


def load(path: str | Path) -> EvaluationResult | ExperimentResult:
    """Read back what `save` wrote: an EvaluationResult or an ExperimentResult.

    Args:
        path: a run directory or its result.json.

    Raises:
        TfadvError: if there is none, it is damaged, or it was written in another schema version.
    """
    file = Path(path) / runs.RESULT if Path(path).is_dir() else Path(path)
    mapping = _read_json(file)
    version = mapping.get("schema_version")
    if version not in (FIRST, SCHEMA_VERSION):
        raise TfadvError(
            f"{str(file)!r} has schema version {version!r} and this tfadv reads {FIRST} to {SCHEMA_VERSION}: "
            "update tfadv or evaluate again."
        )
    try:
        if mapping.get("kind") == "experiment":
            return ExperimentResult.from_json(mapping)
        arrays, gallery, fooling = (files.LaterNpz(file.with_name(name), "evaluate again") for name in ARRAYS)
        beside = {"arrays": dict(arrays), "gallery": dict(gallery), "fooling": fooling, "directory": str(file.parent)}
        read = _of_one_run(EvaluationResult.from_json(mapping, **beside))
        return replace(read, attacks=list(map(of_first_version, read.attacks))) if version == FIRST else read
    except TfadvError as error:
        raise TfadvError(f"{str(file)!r} is damaged: {error}") from error


def _read_json(file):
    if file.exists() and not file.is_file():  # opening a named pipe would hang
        raise TfadvError(f"{str(file)!r} is no regular file: expected the result.json of a run directory.")
    try:
        mapping = json.loads(file.read_text("utf-8"), parse_constant=lambda _: None)
    except FileNotFoundError:
        raise TfadvError(f"no result at {str(file)!r}: {_instead(file)}.") from None
    except OSError as error:
        raise TfadvError(f"cannot read {str(file)!r} ({error.strerror or error}).") from error
    except (ValueError, RecursionError) as error:
        raise TfadvError(f"{str(file)!r} is damaged, not JSON ({error}): give a run, or evaluate again.") from error
    if not isinstance(mapping, dict) or mapping.get("kind") not in ("evaluation", "experiment"):
        raise TfadvError(f"{str(file)!r} is not a result of tfadv: expected the result.json of a run directory.")
    return mapping


def _instead(file):
    """What to give, or to do first, where there is no such file: its directory may hold other results, or a model."""
    directory = file.parent
    if file.name == runs.RESULT:
        # What takes the place of no full result is in folders: `quick`, `linf-8-255/at-least`.
        within = sorted(found for depth in ("*", "*/*") for found in directory.glob(f"{depth}/{runs.RESULT}"))
        if within:
            return f"give the directory within, e.g. {shlex.quote(str(within[0].parent))}"
        if (directory / runs.TRAIN).is_file():
            return f"run `tfadv evaluate {shlex.quote(str(directory))}` first"
    return "expected a run directory or a result.json, as `tfadv evaluate MODEL --out DIR` writes it"


def _of_one_run(result):
    """An interrupted second run leaves its arrays beside the first run's JSON: say so, do not mix them."""
    for key, accuracy in (("clean", result.clean_accuracy), ("robust", result.robust_accuracy)):
        if key in result.arrays and abs(result.arrays[key].mean() - accuracy) > 1e-6:
            raise TfadvError(f"per_example.npz and result.json disagree on the {key} accuracy; evaluate again.")
    return result


def _of_class(name, members, clean, robust):
    n = int(members.sum())
    accuracy = {"clean": clean[members].mean(), "robust": robust[members].mean()} if n else {}
    return {"name": str(name), "n": n, "clean": None, "robust": None} | accuracy


def _to_json(kind, result, shape):
    return {"schema_version": SCHEMA_VERSION, "kind": kind} | {key: getattr(result, key) for key in shape}
