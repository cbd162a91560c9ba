"""The trainer that settings describe, and Keras' `fit` from where its backup ends."""

import inspect
from pathlib import Path

import keras
import tensorflow as tf

from tfadv import attacks, random, runs, spec, validation
from tfadv import threat as threats
from tfadv.data import AUGMENTATIONS, pipeline
from tfadv.data.augment import in_turn
from tfadv.errors import TfadvError, invalid
from tfadv.graph.precision import in_precision, precision_of
from tfadv.graph.xla import xla_pays
from tfadv.layers.parametric_noise import noise_factors
from tfadv.models import MODELS, build, classifier
from tfadv.progress import as_callable
from tfadv.training import AVERAGES, METHODS, OPTIMIZERS, SCHEDULES
from tfadv.training.callbacks import Backup, BestClassifier, RefuseNaN, Told
from tfadv.training.epochs import epoch_of
from tfadv.training.objective import Accuracy, Loss
from tfadv.training.schedules import ByStep


def make_trainer(settings, dataset, training):
    """The compiled trainer that the settings describe; call it inside the strategy's scope.

    Args:
        training: the `Split` that is trained on.
    """
    from_file = starts_from_file(settings)
    if from_file and not classifier.draws_by_keras(settings.model):  # code of others may draw from TensorFlow
        keras.utils.set_random_seed(settings.seed)
    else:
        random.seed_python(settings.seed)
    if from_file:
        model = classifier.load(settings.model)
    else:
        model = build(settings.model, dataset.image_shape, dataset.num_classes, settings.seed, training.images)
    # What is built has the policy of Keras already.
    if settings.precision != (precision_of(model) if from_file else "float32"):
        model = in_precision(model, settings.precision)
    as_attack = lambda text: attacks.get(text) if text else None  # noqa: E731
    within = tuple(map(threats.parse, settings.threats))
    for threat in within:
        validation.radius(threat, dataset.image_shape)
    takes = inspect.signature(METHODS.get(spec.parse(settings.method)[0])).parameters
    trainer = METHODS.build(
        settings.method,
        **({"classes": dataset.num_classes} if "classes" in takes else {}),
        classifier=model,
        attack=_one_or_all(tuple(map(attacks.get, settings.attacks))),
        threat=_one_or_all(within),
        validation_attack=as_attack(settings.validation_attack),
        seed=settings.seed,
    )
    steps = pipeline.steps_per_epoch(len(training), settings.batch_size)
    optimizer = make_optimizer(settings, settings.epochs * steps * trainer.updates)
    if factors := noise_factors(model):  # weight decay would train the noise away
        optimizer.exclude_from_weight_decay(var_list=factors)
    trainer.compile(
        optimizer,
        Loss(settings.loss, settings.reduction),
        metrics=[Accuracy()],
        steps_per_execution=steps_per_call(trainer, steps),
    )
    trainer.weight_decay = float(settings.weight_decay)
    average = AVERAGES.build(settings.average)
    if average is not None:
        average.attach(trainer)
    ramp = epoch_of(settings.eps_ramp, settings.epochs) * steps if settings.eps_ramp else 0
    trainer.begin(batch_size=settings.batch_size, steps=steps, ramp=ramp)
    trainer.optimizer.build(trainer.trainable_variables)
    return trainer


def _one_or_all(parts):
    return parts if len(parts) > 1 else next(iter(parts), None)


def starts_from_file(settings):
    """Whether the training starts from the weights of a classifier that is there already."""
    return settings.model not in MODELS and (Path(settings.model).exists() or settings.model.endswith(".keras"))


def steps_per_call(trainer, steps, most=10):
    """How many steps are run at a time: the largest number up to `most` that divides an epoch, where steps are short.

    Fewer trips between Python and the graph; but an interruption has to wait for them, so that it is done for dense
    networks only, and Keras cannot do it on several devices.
    """
    several = tf.distribute.get_strategy().num_replicas_in_sync > 1
    if several or not trainer.several_steps_per_call or not xla_pays(trainer.classifier):
        return 1
    return next(k for k in range(most, 0, -1) if steps % k == 0)


def make_optimizer(settings, steps):
    """The optimizer of the settings; Keras' own complaints about its options become a TfadvError.

    Args:
        steps: of the whole training.
    """
    try:
        optimizer = OPTIMIZERS.build(settings.optimizer)
    except TfadvError:
        raise
    except (TypeError, ValueError) as error:
        raise TfadvError(f"cannot build the optimizer {settings.optimizer!r}: {error}") from error
    schedule = SCHEDULES.build(settings.schedule)
    if isinstance(schedule, ByStep):
        optimizer.learning_rate = schedule.by_step(float(optimizer.learning_rate), steps)
    return optimizer


def fit(trainer, training, held_out, settings, out, progress):
    """Keras' `fit` from where the backup in `out` ends; returns the history of all epochs."""
    watchers = [*trainer.watchers(), *make_watchers(settings, out)]
    backup = Backup(out / runs.BACKUP, out / runs.HISTORY, watchers)
    done = backup.read()
    if is_over(backup.history, settings):  # interrupted between the last epoch and the end
        backup.set_model(trainer)
        backup.restore()
        return backup.history
    augment = in_turn(map(AUGMENTATIONS.build, settings.augments), trainer.classifier.output_shape[-1])
    if augment and training.images.ndim < 4:
        raise invalid("augment", "none, as this method trains on codes and not on images", settings.augment)
    batches = pipeline.batches(
        training,
        settings.batch_size,
        seed=settings.seed,
        first_epoch=done,
        shuffle=settings.shuffle,
        augment=augment,
    )
    progress, steps = as_callable(progress), pipeline.steps_per_epoch(len(training), settings.batch_size)
    if trainer.average:
        for sentence in trainer.average.forewarnings(settings.epochs * steps * trainer.updates, settings.epochs):
            progress(sentence, 0, 0)
    trainer.fit(
        batches,
        initial_epoch=done,
        epochs=settings.epochs,
        steps_per_epoch=steps,
        validation_data=pipeline.ordered(held_out, max(settings.batch_size, 500)) if held_out else None,
        callbacks=[RefuseNaN(), *watchers, backup, Told(progress, title(settings))],
        shuffle=False,
        verbose=0,
    )
    return backup.history


def title(settings):
    """What is trained, while it is: the method, and the precision where layers compute in another than usual."""
    return settings.method if settings.precision == "float32" else f"{settings.method} in {settings.precision}"


def make_watchers(settings, out):
    """The callbacks with a state of their own: the schedule, the best classifier, early stopping."""
    schedule = SCHEDULES.build(settings.schedule)
    watched = getattr(schedule, "monitor", "")
    if watched.startswith("val_") and not settings.validation:
        raise invalid(
            "schedule", f"a monitor without held-out images, as validation is 0, not {watched}", settings.schedule
        )
    watchers = [schedule]
    if settings.keep == "best":
        watchers.append(BestClassifier(out / runs.MODEL, settings.monitor))
    if settings.patience:
        watchers.append(keras.callbacks.EarlyStopping(settings.monitor, mode="max", patience=settings.patience))
    return watchers


def is_over(history, settings):
    """Whether a training with these epochs behind it has no more to do: all are done, or patience has run out."""
    if not settings.patience or not history:
        return len(history) >= settings.epochs
    values = [past[settings.monitor] for past in history]
    waited = len(values) - 1 - values.index(max(values))
    return len(values) >= settings.epochs or waited >= settings.patience
