"""Callbacks of a training that must survive interruption: the best classifier, an exact backup, progress."""

import json
import sys
import zipfile

import keras
import numpy as np

from tfadv import files
from tfadv.errors import TfadvError
from tfadv.registry import Registry

SCHEDULES = Registry(
    "learning rate schedule",
    {
        "constant": "tfadv.training.callbacks:constant",
        "step": "tfadv.training.callbacks:step",
        "plateau": "tfadv.training.callbacks:plateau",
    },
)


def constant():
    """The learning rate stays as it is."""
    return keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate)


def step(*, at, factor=0.1):
    """Multiply the learning rate by `factor` after each of the epochs `at`: `step(at=(30, 40))`."""
    at = (at,) if isinstance(at, int) else tuple(at)
    if not at or not all(isinstance(epoch, int) and epoch > 0 for epoch in at):
        raise TfadvError(f"step: at must be epochs of at least 1, e.g. step(at=(30, 40)), received {at!r}.")
    return keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * factor if epoch in at else rate)


def plateau(*, patience=10, factor=0.1, monitor="val_loss"):
    """Multiply the learning rate by `factor` when `monitor` has not improved for `patience` epochs."""
    mode = "min" if "loss" in monitor else "max"
    return keras.callbacks.ReduceLROnPlateau(monitor=monitor, mode=mode, patience=patience, factor=factor)


class BestClassifier(keras.callbacks.Callback):
    """Save the classifier whenever `monitor` reaches a new maximum, atomically.

    Args:
        path: the `.keras` file.
        monitor: a metric that is better when higher, e.g. `"val_adv_accuracy"`.
    """

    def __init__(self, path, monitor):
        super().__init__()
        self.path, self.monitor, self.best = path, monitor, -np.inf

    def is_better(self, logs):
        """Whether this epoch is the best so far; remembers it if so."""
        if self.monitor not in logs:
            raise TfadvError(f"cannot watch {self.monitor!r}: this training reports {', '.join(sorted(logs))}.")
        if not logs[self.monitor] > self.best:
            return False
        self.best = logs[self.monitor]
        return True

    def on_epoch_end(self, epoch, logs=None):
        if self.is_better(logs or {}):
            with files.atomic(self.path) as temporary:
                self.model.save(temporary)


class RefuseNaN(keras.callbacks.Callback):
    """Stop with a clear sentence when the loss is no longer finite, before anything is overwritten by it."""

    def on_epoch_end(self, epoch, logs=None):
        if not np.isfinite((logs or {}).get("loss", 0.0)):
            raise TfadvError(f"the loss is not finite in epoch {epoch + 1}: train with a smaller learning rate.")


class Backup(keras.callbacks.Callback):
    """Everything a training needs to go on after an epoch, exactly as if it had never stopped.

    All variables of the trainer and its optimizer (weights, BatchNorm statistics, Dropout seeds, momenta, learning
    rate, step) and the history of the epochs. Callbacks with a state (early stopping, schedules, best classifier) see
    the past epochs again before training goes on. Put it last in the list.

    Args:
        path: the `.npz` file.
        log: a `.csv` file with one row of metrics per epoch, written along with it.
        watchers: the callbacks that see the past epochs again.
    """

    def __init__(self, path, log, watchers=()):
        super().__init__()
        self.path, self.log, self.watchers, self.history = path, log, list(watchers), []

    def read(self):
        """Load the history; returns the number of finished epochs."""
        if not self.path.is_file():
            return 0
        try:
            with open(self.path, "rb") as file, np.load(file, allow_pickle=False) as stored:
                self.history = json.loads(str(stored["history"]))
                self._stored = [stored[f"v{i}"] for i in range(int(stored["count"]))]
        except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise TfadvError(
                f"cannot read the backup {str(self.path)!r} ({error}); train again without --resume."
            ) from error
        return len(self.history)

    def on_train_begin(self, logs=None):
        if not self.history:
            return
        for epoch, past in enumerate(self.history):
            for callback in self.watchers:
                self._replay(callback, epoch, past)
        self.restore()

    def restore(self):
        """Give the model the values that `read` found."""
        variables = self._variables()
        if [v.shape for v in variables] != [value.shape for value in self._stored]:
            raise TfadvError(
                f"the backup {str(self.path)!r} is of another model or optimizer; train again without --resume."
            )
        for variable, value in zip(variables, self._stored, strict=True):
            variable.assign(value)

    def _replay(self, callback, epoch, past):
        if isinstance(callback, BestClassifier):
            callback.is_better(past)
        else:
            callback.on_epoch_end(epoch, dict(past))

    def on_epoch_end(self, epoch, logs=None):
        self.history.append({name: float(value) for name, value in (logs or {}).items()})
        self._write_log()  # first, so that it is never behind the backup
        values = [np.asarray(variable) for variable in self._variables()]
        files.write_npz(
            self.path,
            history=np.array(json.dumps(self.history)),
            count=np.array(len(values)),
            **{f"v{i}": value for i, value in enumerate(values)},
        )

    def _write_log(self):
        names = sorted(self.history[0])
        rows = [[epoch + 1, *(past[name] for name in names)] for epoch, past in enumerate(self.history)]
        files.write_text(self.log, "\n".join(",".join(map(str, row)) for row in [["epoch", *names], *rows]) + "\n")

    def _variables(self):
        return [*self.model.variables, *self.model.optimizer.variables]


class Progress(keras.callbacks.Callback):
    """A progress bar of epochs and batches on stderr, with the latest metrics.

    Args:
        epochs, steps: of the whole training.
        title: what is being trained.
    """

    def __init__(self, epochs, steps, title="training"):
        super().__init__()
        self.epochs, self.steps, self.title, self.bar = epochs, steps, title, None

    def on_train_begin(self, logs=None):
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        columns = [
            TextColumn("{task.description}"),
            BarColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[metrics]}"),
        ]
        console = Console(file=sys.stderr, stderr=True)
        self.bar = Progress(*columns, console=console, disable=not console.is_terminal)
        self.bar.start()
        self.task = self.bar.add_task(self.title, total=self.epochs * self.steps, metrics="")

    def on_epoch_begin(self, epoch, logs=None):
        self.bar.update(self.task, completed=epoch * self.steps, description=f"{self.title} {epoch + 1}/{self.epochs}")

    def on_train_batch_end(self, batch, logs=None):
        self.bar.update(self.task, advance=1)

    def on_epoch_end(self, epoch, logs=None):
        shown = ("loss", "accuracy", "val_accuracy", "val_adv_accuracy")
        text = " ".join(f"{name} {logs[name]:.3f}" for name in shown if name in (logs or {}))
        self.bar.update(self.task, completed=(epoch + 1) * self.steps, metrics=text)
        if not self.bar.console.is_terminal:
            self.bar.console.print(f"{self.title} {epoch + 1}/{self.epochs} {text}", soft_wrap=True)

    def close(self):
        if self.bar is not None:
            self.bar.stop()
