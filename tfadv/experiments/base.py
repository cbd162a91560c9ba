"""What every experiment is: measure once per seed, keep what is measured, then present it."""

import abc
import dataclasses
import hashlib
import json
import time
import typing
from pathlib import Path

import keras

import tfadv
from tfadv import files
from tfadv.data import pipeline
from tfadv.errors import TfadvError, invalid, writable_directory
from tfadv.evaluation import results
from tfadv.evaluation.results import ExperimentResult
from tfadv.evaluation.statistics import student
from tfadv.provenance import provenance
from tfadv.reports.document import Figure
from tfadv.reports.experiments import write_experiment
from tfadv.training import METHODS


@dataclasses.dataclass(frozen=True, kw_only=True)
class Experiment(abc.ABC):
    """An experiment; subclasses write `measure` and `present`.

    Args:
        preset: `"smoke"` (seconds, embedded data), `"laptop"` (minutes on two cores) or `"paper"` (published scale).
        seeds: how many seeds to run; with more than one, intervals are over seeds.
        seed: the first seed.
        dataset: a data set's name; None is the experiment's own.
        data_dir: where TFDS' data are.
    """

    name: typing.ClassVar[str]
    title: typing.ClassVar[str]

    preset: str = "laptop"
    seeds: int = 1
    seed: int = 0
    dataset: str | None = None
    data_dir: str | None = None

    def __post_init__(self):
        if self.preset not in ("smoke", "laptop", "paper"):
            raise invalid("preset", "smoke, laptop or paper", repr(self.preset))
        if isinstance(self.seeds, bool) or not isinstance(self.seeds, int) or self.seeds < 1:
            raise invalid("seeds", "a whole number of at least 1", repr(self.seeds))

    def run(self, out, progress=lambda what, done, total: None):
        """Measure every seed that is not measured yet, then write the report.

        Args:
            out: directory of `report.html`, `report.md`, `figures/`, `result.json`, the models, and one file of
                measurements per seed, from which an interrupted run goes on.
            progress: called with what is being done, and how much of how much is done.

        Returns:
            An `ExperimentResult`.

        Raises:
            TfadvError: if the data are missing or `out` cannot be written.
        """
        out, started = writable_directory(out), time.perf_counter()
        measured = [self._measured(seed, out, progress) for seed in range(self.seed, self.seed + self.seeds)]
        result, figures = self.present(measured)
        facts = provenance(
            seeds=[m["seed"] for m in measured],
            options=dataclasses.asdict(self),
            data_source=measured[0].get("data_source"),
            seconds=round(time.perf_counter() - started, 1),
            seconds_per_seed=[m["seconds"] for m in measured],
            measured_on=[m["date"] for m in measured],
        )
        pictures = [Figure(f["title"], figures[f["id"]], f["caption"], f["id"]) for f in result.figures]
        write_experiment(dataclasses.replace(result, provenance=facts), pictures, out)
        return results.load(out)

    def _measured(self, seed, out, progress):
        """One seed's measurements, read back if the same options made them before."""
        path = out / "seeds" / f"{seed}.json"
        options = files.plain(
            {key: value for key, value in dataclasses.asdict(self).items() if key not in ("seeds", "seed")}
        )
        if path.is_file():
            stored = _read(path)
            if stored.get("options") == options and stored.get("tfadv") == tfadv.__version__:
                progress(f"seed {seed}: measured before", 1, 1)
                return stored
        started = time.perf_counter()
        measured = self.measure(seed, out / "models" / str(seed), progress)
        measured = files.plain(
            {**measured, "seed": seed, "options": options, "seconds": round(time.perf_counter() - started, 1), **when()}
        )
        files.write_json(path, measured)
        return measured

    @abc.abstractmethod
    def measure(self, seed, models, progress):
        """Train and measure everything for one seed; returns a mapping of JSON's types (arrays become lists).

        Args:
            models: directory for the trained models.
        """

    @abc.abstractmethod
    def present(self, measured):
        """Claims, tables and figures of all seeds' measurements: (ExperimentResult, {figure id: PNG bytes})."""


def when():
    """What a seed's measurements are tied to: they are made anew by another version."""
    return {key: value for key, value in provenance().items() if key in ("tfadv", "date")}


def _read(path):
    try:
        return json.loads(Path(path).read_text())
    except (OSError, ValueError) as error:
        raise TfadvError(f"cannot read {str(path)!r} ({error}); delete it to measure that seed again.") from error


class Pairs(typing.NamedTuple):
    """Images and labels for training that need not lie in [0, 1]: perturbed images of documents that do not clip."""

    images: object
    labels: object

    def __len__(self):
        return len(self.labels)


class Report(keras.callbacks.Callback):
    """Tell `progress` about each epoch."""

    def __init__(self, progress, what, epochs):
        super().__init__()
        self.progress, self.what, self.epochs = progress, what, epochs

    def on_epoch_begin(self, epoch, logs=None):
        self.progress(self.what, epoch, self.epochs)

    def on_train_end(self, logs=None):
        self.progress(self.what, self.epochs, self.epochs)


def fit(
    model,
    method,
    data,
    *,
    epochs,
    batch_size,
    optimizer,
    seed,
    progress,
    what,
    shuffle=True,
    reduction="mean",
    first_epoch=0,
    **options,
):
    """Train `model` in place by a method's spec for a fixed number of epochs, and return it.

    Args:
        method: the spec, or a trainer made around `model` already.
        data: a Split, or `Pairs`.
        reduction: of the loss over a batch, `"mean"` or `"sum"`.
        first_epoch: where the orders of the epochs begin, for a training that goes on.
        options: for the method.
    """
    trainer = METHODS.build(method, classifier=model, seed=seed, **options) if isinstance(method, str) else method
    loss = keras.losses.SparseCategoricalCrossentropy(
        from_logits=True, reduction="sum" if reduction == "sum" else "sum_over_batch_size"
    )
    steps = pipeline.steps_per_epoch(len(data), batch_size)
    trainer.compile(optimizer, loss, steps_per_execution=_divisor(steps))
    batches = pipeline.batches(data, batch_size, seed=seed, epochs=epochs, first_epoch=first_epoch, shuffle=shuffle)
    trainer.fit(
        batches,
        epochs=epochs,
        steps_per_epoch=steps,
        shuffle=False,
        verbose=0,
        callbacks=[Report(progress, what, epochs)],
    )
    return model


def _divisor(steps, most=10):
    """The largest number of steps up to `most` that divides an epoch: fewer trips between Python and the graph."""
    return next(k for k in range(most, 0, -1) if steps % k == 0)


def copy_of(model):
    """A second model with the same weights."""
    twin = keras.models.clone_model(model)
    twin.set_weights(model.get_weights())
    return twin


def fingerprint(model):
    """A digest of the weights, bit by bit: equal for identical models only."""
    digest = hashlib.sha256()
    for weight in model.get_weights():
        digest.update(weight.tobytes())
    return digest.hexdigest()


def mean(values):
    return sum(values) / len(values)


def claim(id, statement, published, values, holds, note=""):
    """A claim measured once per seed: the mean and, over several seeds, Student's interval.

    Args:
        values: one number per seed. holds: whether the claim holds, None if it cannot be told.
    """
    return {
        "id": id,
        "statement": statement,
        "published": published,
        "measured": mean(values),
        "interval": student(values),
        "holds": None if holds is None else bool(holds),
        "note": note,
    }


__all__ = ["Experiment", "ExperimentResult", "Pairs", "claim", "copy_of", "fingerprint", "fit", "mean"]
