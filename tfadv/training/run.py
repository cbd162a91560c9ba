"""One training, from a data set to a run directory that holds everything and can be resumed."""

import dataclasses
from pathlib import Path

import keras

from tfadv import attacks, distribute, files, spec, validation
from tfadv import threat as threats
from tfadv.data import AUGMENTATIONS, pipeline
from tfadv.errors import TfadvError, invalid, writable_directory
from tfadv.models import MODELS, build, classifier
from tfadv.provenance import provenance
from tfadv.registry import Registry
from tfadv.training import METHODS
from tfadv.training.callbacks import SCHEDULES, Backup, BestClassifier, Progress, RefuseNaN

OPTIMIZERS = Registry(
    "optimizer",
    {
        "adam": "keras.optimizers:Adam",
        "adamw": "keras.optimizers:AdamW",
        "sgd": "keras.optimizers:SGD",
    },
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """What determines a training; written to train.json, so that a resumed one is the same.

    Attributes:
        model: a spec of `tfadv.models`, or the path of a classifier to start from.
        method: a spec of `tfadv.training.METHODS`.
        attack: a spec; what the method trains on, and by default what validation attacks with.
        threat: a threat model, e.g. `"linf:8/255"`.
        validation_attack: a spec; the attack behind val_adv_accuracy.
        validation: share of the training images that is held out.
        patience: stop when the watched metric has not improved for so many epochs; 0 never stops early.
    """

    dataset: str
    model: str = "mlp"
    method: str = "standard"
    attack: str | None = None
    threat: str | None = None
    validation_attack: str | None = None
    epochs: int = 10
    batch_size: int = 128
    optimizer: str = "adam"
    schedule: str = "constant"
    augment: str = "none"
    validation: float = 0.1
    patience: int = 0
    devices: str = "auto"
    seed: int = 0

    def __post_init__(self):
        for name, least in (("epochs", 1), ("batch_size", 1), ("patience", 0), ("seed", 0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise invalid(name.replace("_", " "), f"a whole number of at least {least}", repr(value))
        if self.attack and not self.threat:
            raise TfadvError(f"the attack {self.attack} needs a threat model: add --threat, e.g. --threat linf:8/255.")
        if self.attack and not METHODS.get(spec.parse(self.method)[0]).trains_on_attack:
            raise TfadvError(
                f"the method {self.method} does not train on an attack: add --method adversarial, or give the attack "
                "as --validation-attack."
            )
        if self.threat and not self.attack and not self.validation_attack:
            object.__setattr__(self, "validation_attack", "pgd(steps=10)")

    @property
    def monitor(self):
        """The metric that decides which epoch is the best."""
        measured = self.attack or self.validation_attack
        method = METHODS.get(spec.parse(self.method)[0])
        return "val_adv_accuracy" if measured and method.selects_robust else "val_accuracy"


@dataclasses.dataclass(frozen=True)
class Run:
    """A finished training.

    Attributes:
        classifier: the weights of the best epoch.
        history: one dict of metrics per epoch.
        directory: where everything lies, or None.
    """

    classifier: keras.Model
    history: list
    directory: Path | None


def train(dataset, *, out, resume=False, progress=True, **settings):
    """Train a classifier; the best epoch's weights end in `out/model.keras`.

    `out` also gets `last.keras`, `train.json` (settings and provenance), `history.csv` and, until the training is
    finished, the backup that `resume=True` goes on from: after the last finished epoch, bit for bit as if
    never stopped.

    Args:
        dataset: a `tfadv.data.Dataset`.
        out: the run directory.
        resume: continue what is in `out`.
        progress: show a progress bar on stderr.
        **settings: see `Settings`; `dataset` is taken from the data set.

    Returns:
        A `Run`.

    Raises:
        TfadvError: for whatever does not fit together, and if `out` holds a run already and resume is False.
    """
    settings = Settings(dataset=dataset.name, **settings)
    out = Path(out)
    check_directory(out, settings, resume)
    strategy = distribute.strategy(settings.devices)
    training, validation = dataset.train_validation(settings.validation, settings.seed)
    with strategy.scope():
        trainer = make_trainer(settings, dataset)
    distribute.check(strategy, trainer, settings.batch_size)
    check_classes(trainer.classifier, validation, dataset)
    writable_directory(out)
    record = {
        "settings": dataclasses.asdict(settings),
        "source": dataset.source,
        "class_names": dataset.class_names,
    }
    files.write_json(out / "train.json", {**record, "finished": False, "provenance": provenance(seed=settings.seed)})
    history = fit(trainer, trainer.prepare(training), validation, settings, out, progress)
    best = max(range(len(history)), key=lambda epoch: history[epoch][settings.monitor])
    outcome = {"finished": True, "best_epoch": best + 1, "metrics": history[best]}
    with files.atomic(out / "last.keras") as temporary:
        trainer.classifier.save(temporary)
    files.write_json(out / "train.json", {**record, **outcome, "provenance": provenance(seed=settings.seed)})
    (out / "backup.npz").unlink(missing_ok=True)
    return Run(classifier.load(out), history, out)


def make_trainer(settings, dataset):
    """The compiled trainer that the settings describe; call it inside the strategy's scope."""
    keras.utils.set_random_seed(settings.seed)
    if settings.model not in MODELS and (Path(settings.model).exists() or settings.model.endswith(".keras")):
        model = classifier.load(settings.model)
    else:
        model = build(settings.model, dataset.image_shape, dataset.num_classes, settings.seed)
    as_attack = lambda text: attacks.get(text) if text else None  # noqa: E731
    threat = threats.parse(settings.threat) if settings.threat else None
    if threat:
        validation.radius(threat, dataset.image_shape)
    trainer = METHODS.build(
        settings.method,
        classifier=model,
        attack=as_attack(settings.attack),
        threat=threat,
        validation_attack=as_attack(settings.validation_attack),
        seed=settings.seed,
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    trainer.compile(make_optimizer(settings.optimizer), loss, metrics=["accuracy"])
    trainer.optimizer.build(trainer.trainable_variables)
    return trainer


def make_optimizer(text):
    """The optimizer of a spec; Keras' own complaints about its options become a TfadvError."""
    try:
        return OPTIMIZERS.build(text)
    except TfadvError:
        raise
    except (TypeError, ValueError) as error:
        raise TfadvError(f"cannot build the optimizer {text!r}: {error}") from error


def fit(trainer, training, validation, settings, out, progress):
    """Keras' `fit` from where the backup in `out` ends; returns the history of all epochs."""
    watchers = [SCHEDULES.build(settings.schedule), BestClassifier(out / "model.keras", settings.monitor)]
    if settings.patience:
        watchers.append(keras.callbacks.EarlyStopping(settings.monitor, mode="max", patience=settings.patience))
    backup = Backup(out / "backup.npz", out / "history.csv", watchers)
    done = backup.read()
    steps = pipeline.steps_per_epoch(len(training), settings.batch_size)
    bar = [Progress(settings.epochs, steps, settings.method)] if progress else []
    if is_over(backup.history, settings):  # interrupted between the last epoch and the end
        backup.set_model(trainer)
        backup.restore()
    else:
        batches = pipeline.batches(
            training,
            settings.batch_size,
            seed=settings.seed,
            first_epoch=done,
            augment=AUGMENTATIONS.build(settings.augment),
        )
        try:
            trainer.fit(
                batches,
                initial_epoch=done,
                epochs=settings.epochs,
                steps_per_epoch=steps,
                validation_data=pipeline.ordered(validation, max(settings.batch_size, 500)),
                callbacks=[RefuseNaN(), *watchers, backup, *bar],
                shuffle=False,
                verbose=0,
            )
        finally:
            for shown in bar:
                shown.close()
    return backup.history


def is_over(history, settings):
    """Whether a training with these epochs behind it has no more to do: all are done, or patience has run out."""
    values = [past[settings.monitor] for past in history]
    waited = len(values) - 1 - values.index(max(values)) if values else 0
    return len(values) >= settings.epochs or (settings.patience > 0 and waited >= settings.patience)


def check_directory(out, settings, resume):
    """Refuse to overwrite a run, and to resume with other settings.

    Raises:
        TfadvError: saying which setting differs, or that there is nothing to resume.
    """
    stored = classifier.training_of(out) if out.is_dir() else {}
    # Without a finished epoch there is nothing to lose: a command that failed at once may be mended and repeated.
    if not resume and (stored.get("finished") or (out / "backup.npz").is_file()):
        state = "a finished run" if stored.get("finished") else "an unfinished run: continue it with --resume"
        raise TfadvError(f"{str(out)!r} already holds {state}; choose another directory with --out.")
    if resume and not stored:
        raise TfadvError(f"{str(out)!r} holds no run to resume; leave --resume out.")
    if resume and stored.get("finished"):
        raise TfadvError(f"{str(out)!r} holds a finished run; there is nothing to resume.")
    for name, value in dataclasses.asdict(settings).items():
        if resume and stored["settings"].get(name) != value:
            raise TfadvError(
                f"{str(out)!r} was trained with {name}={stored['settings'].get(name)!r}, not {value!r}; "
                "resume with the same settings."
            )


def check_classes(model, split, dataset):
    """Refuse data that do not fit the classifier.

    Raises:
        TfadvError: for another image shape, probabilities, or another number of classes.
    """
    classes = validation.classifier(model, split.take(8).x)
    if classes != dataset.num_classes:
        raise invalid("the classifier", f"{dataset.num_classes} classes, as {dataset.name} has", classes)
