"""One training, from a data set to a run directory that holds everything and can be resumed."""

import dataclasses
from pathlib import Path
from typing import Any

import keras

from tfadv import distribute, files, runs, validation
from tfadv.data.split import Dataset
from tfadv.errors import TfadvError, invalid, writable_directory
from tfadv.graph.precision import precision_of
from tfadv.models import classifier
from tfadv.progress import Progress, as_callable
from tfadv.provenance import provenance
from tfadv.training import collapse, recipe_files
from tfadv.training.average import EMA
from tfadv.training.callbacks import read_history
from tfadv.training.fitting import fit, make_trainer, starts_from_file
from tfadv.training.settings import Settings
from tfadv.training.start import identity, named, written


@dataclasses.dataclass(frozen=True)
class Run:
    """A finished training.

    Attributes:
        classifier: the weights of the best epoch, or with `keep="last"` of the last.
        history: one dict of metrics per epoch.
        directory: where everything lies.
        remarks: what went wrong, a sentence each with what helps: that the training collapsed, that it overfitted.
    """

    classifier: keras.Model
    history: list
    directory: Path
    remarks: tuple = ()


def train(
    dataset: Dataset,
    *,
    out: str | Path,
    resume: bool = False,
    recipe: str | None = None,
    progress: Progress | bool | None = True,
    **settings: Any,
) -> Run:
    """Train a classifier; the weights of the best epoch end in `out/model.keras`.

    `out` also gets `last.keras`, `train.json` (settings and provenance), `history.csv` and, until the training is
    finished, the backup that `resume=True` goes on from: after the last finished epoch, bit for bit as if
    never stopped.

    Args:
        dataset: a `tfadv.data.Dataset`; of arrays `Dataset("mine", Split(x, y), Split(x_test, y_test), class_names,
            source="my arrays")`.
        out: the run directory.
        resume: continue what is in `out`, with its settings where none are given.
        recipe: the name of a recipe, or a `.toml` file, with settings for those that are not given; a run that is
            resumed takes no other than its own.
        progress: True prints lines on stderr, False nothing; or a callable, see `tfadv.progress`.
        **settings: see `Settings`; `dataset` is taken from the data set. `model` may be a `keras.Model` too, images to
            logits: the training starts from its weights, in a copy, and `out` keeps it as `start.keras`.

    Returns:
        A `Run`.

    Raises:
        TfadvError: for whatever does not fit together, if `out` holds a run already and resume is False, and if
            another process is training there.

    >>> train(dataset, out="runs/plain", epochs=20)  # doctest: +SKIP
    >>> train(dataset, out="runs/mine", model=my_keras_model, method="fast", threat="linf:8/255")  # doctest: +SKIP
    """
    check_images(dataset)
    given, model = named(recipe_files.beginning(recipe, out, resume) | settings, out)
    wanted, start = _begun(dataset, given, model)
    with runs.locked(out, "training"):
        return _train(dataset, wanted, start, Path(out), resume, progress, recipe, model)


def ensure(dataset: Dataset, *, out: str | Path, progress: Progress | bool | None = None, **settings: Any) -> Run:
    """The run of these settings on these data: the finished one, the unfinished one resumed, or else a new one.

    The arguments are those of `train`. Training that goes on for longer needs no more than more epochs: the first ten
    of fifteen epochs are bit for bit those of ten, where the schedule does not depend on their number.

    Returns:
        A `Run`.

    Raises:
        TfadvError: if `out` holds a run of other settings, of other data, or from another start.

    >>> ensure(dataset, out="runs/plain", epochs=20, keep="last", validation=0)  # doctest: +SKIP
    """
    check_images(dataset)
    home, (settings, model) = Path(out), named(settings, out)
    wanted, start = _begun(dataset, settings, model)
    record = runs.training(home)
    if record.get("finished"):
        check_same(home, record, wanted, start, dataset)
        history, remarks = read_history(home / runs.HISTORY), tuple(record.get("remarks", ()))
        return Run(classifier.load(home / runs.MODEL), history, home, remarks)
    with runs.locked(home, "training"):
        return _train(dataset, wanted, start, home, bool(record), progress, model=model)


def _begun(dataset, given, model):
    """The `Settings` of a training, and the `identity` of the model that it starts from, {} if its weights are drawn.

    A file, or a model, is trained in its own precision where none is given.

    Args:
        model: what the training starts from, if it is no file yet.
    """
    wanted = Settings.from_record(given | {"dataset": dataset.name})
    if model is None and not starts_from_file(wanted):
        return wanted, {}
    model = model or classifier.load(wanted.model)
    if "precision" not in given:
        wanted = dataclasses.replace(wanted, precision=precision_of(model))
    return wanted, identity(model)


def _train(dataset, settings, start, out, resume, progress, recipe=None, model=None):
    check_directory(out, settings, start, dataset, resume)
    training, held_out = divided(dataset, settings)
    with written(model, settings.model, resume):
        trainer = _trainer(dataset, settings, training)
    writable_directory(out)
    record = {
        "settings": dataclasses.asdict(settings),
        "source": dataset.source,
        "class_names": dataset.class_names,
        "images": {"training": len(training), "held_out": len(held_out or ()), "test": len(dataset.test)},
        "data": dataset.train.fingerprint,
        **({"start": None} | start),
        "recipe": runs.training(out).get("recipe") if resume else recipe,
    }
    files.write_json(out / runs.TRAIN, {**record, "finished": False, "provenance": provenance(seed=settings.seed)})
    judged = held_out and trainer.prepare_held_out(held_out)
    parts = "{training:,} images to train on, {held_out:,} held out, {test:,} to judge on"
    as_callable(progress)(f"{dataset.name}: " + parts.format_map(record["images"]), 0, 0)
    history = fit(trainer, trainer.prepare(training), judged, settings, out, progress)
    if settings.keep == "best":
        kept = max(range(len(history)), key=lambda epoch: history[epoch][settings.monitor])
    else:
        kept = len(history) - 1
    with files.atomic(out / (runs.LAST if settings.keep == "best" else runs.MODEL)) as temporary:
        trainer.save(temporary)
    remarks = _remarks(trainer, history, kept, settings, training, held_out)
    outcome = {"finished": True, "best_epoch": kept + 1, "metrics": history[kept], "remarks": remarks}
    files.write_json(out / runs.TRAIN, {**record, **outcome, "provenance": provenance(seed=settings.seed)})
    (out / runs.BACKUP).unlink(missing_ok=True)
    for remark in remarks:
        as_callable(progress is True)(remark, 0, 0)
    return Run(classifier.load(out), history, out, tuple(remarks))


def _trainer(dataset, settings, training):
    strategy = distribute.strategy(settings.devices)
    with strategy.scope():
        trainer = make_trainer(settings, dataset, training)
    distribute.check(strategy, trainer, settings.batch_size)
    if trainer.learns_labels:
        check_classes(trainer.classifier, dataset)
    return trainer


def _remarks(trainer, history, kept, settings, training, held_out):
    """What went wrong, a sentence each."""
    averaging = trainer.average.remarks(trainer, kept + 1, len(history)) if trainer.average else []
    said = trainer.remarks(history)
    if not trainer.learns_labels:
        return [*said, *averaging]
    n, blurs = len(held_out) if held_out else None, isinstance(trainer.average, EMA)
    of_chance = collapse.remarks(history, kept, settings, training.y, n, averaging if blurs else ())
    return [*said, *(() if blurs else averaging), *of_chance]


def check_images(dataset):
    """Raises TfadvError for what is no `Dataset`, and where there are no images to train on."""
    if not isinstance(dataset, Dataset):
        hint = "make one of arrays: Dataset('mine', Split(x, y), Split(x_test, y_test), class_names, 'my arrays')."
        raise invalid("data", "a tfadv.data.Dataset", f"a {type(dataset).__name__}", hint)
    if dataset.train is None:
        hint = "put x_train and y_train into the .npz; evaluation needs none."
        raise invalid(f"images of {dataset.name}", "some to train on", "test images alone", hint)


def divided(dataset, settings):
    """The images that are trained on, and those that are held out or None.

    Raises:
        TfadvError: if either part would be empty.
    """
    n, wanted = len(dataset.train), settings.validation
    if not wanted:
        return dataset.train, None
    if wanted >= n:
        raise invalid(
            "validation", f"fewer than the {n:,} training images", f"{wanted:,}", "hold out a share, e.g. 0.1."
        )
    return dataset.train_validation(wanted if wanted < 1 else wanted / n, settings.seed, settings.stratify)


def check_directory(out, settings, start, dataset, resume):
    """Refuse to overwrite a run, and to resume with other settings or data.

    Raises:
        TfadvError: saying which setting differs, or that the run is finished.
    """
    stored = runs.training(out)
    # Without a finished epoch there is nothing to lose: a command that failed at once may be mended and repeated.
    if not resume and (stored.get("finished") or (out / runs.BACKUP).is_file()):
        state = "a finished run" if stored.get("finished") else "an unfinished run: continue it with --resume"
        raise TfadvError(f"{str(out)!r} already holds {state}; choose another directory with --out.")
    if resume and stored["finished"]:
        raise TfadvError(f"{str(out)!r} holds a finished run; there is nothing to resume.")
    if resume:
        check_same(out, stored, settings, start, dataset)


def check_same(out, record, settings, start, dataset):
    """Raises TfadvError unless the record is of a training with these settings, on these data, from the same start."""
    try:
        stored = Settings.from_record(record["settings"])
    except TfadvError as error:
        raise TfadvError(
            f"cannot read {str(out / runs.TRAIN)!r} ({error}); train again in another directory."
        ) from error
    moved = record.get("start") is not None and starts_from_file(settings)  # the weights are compared below
    for name, value in dataclasses.asdict(settings).items():
        if getattr(stored, name) != value and not (name == "model" and moved):
            raise TfadvError(
                f"{str(out)!r} was trained with {name}={getattr(stored, name)!r}, not {value!r}; use the same "
                "settings, or another directory with --out."
            )
    # Records of earlier versions say neither.
    for key, what, now in (
        ("data", f"the data of {settings.dataset!r} have", dataset.train.fingerprint),
        ("start", f"the weights in {settings.model!r} have", start.get("start")),
        ("architecture", f"the architecture of {settings.model!r} has", start.get("architecture")),
    ):
        if record.get(key) not in (None, now):
            raise TfadvError(f"{what} changed since {str(out)!r} was trained; train again in another directory.")


def check_classes(model, dataset):
    """Refuse data that do not fit the classifier.

    Raises:
        TfadvError: for another image shape, probabilities, or another number of classes.
    """
    if dataset.num_classes < 2:
        raise invalid(f"the classes of {dataset.name}", "at least 2", f"only {dataset.class_names[0]!r}")
    classes = validation.classifier(model, dataset.train.take(8).x)
    if classes != dataset.num_classes:
        raise invalid("the classifier", f"{dataset.num_classes} classes, as {dataset.name} has", classes)
