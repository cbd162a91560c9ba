"""Callbacks of a training that must survive interruption: the best classifier, an exact backup, progress."""

import json
import time

import keras
import numpy as np

from tfadv import files
from tfadv.errors import TfadvError


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
        again = "delete it and train again without --resume"
        stored = files.read_npz(self.path, again)
        try:
            self.history = json.loads(str(stored["history"]))
            self._stored = [stored[f"v{i}"] for i in range(int(stored["count"]))]
        except (KeyError, ValueError) as error:
            raise TfadvError(f"{str(self.path)!r} is no backup of a training ({error}); {again}.") from error
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
        return [*self.model.variables, *self.model.optimizer.variables, *self.model.state()]


class Told(keras.callbacks.Callback):
    """Tell a `tfadv.progress` callable of the steps of the whole training, with the metrics of the epoch before.

    Args:
        progress: the callable.
        title: what is being trained.
    """

    METRICS = (
        "loss", "accuracy", "psnr", "val_accuracy", "val_adv_accuracy", "val_certified_accuracy", "val_psnr",
    )  # fmt: skip

    def __init__(self, progress, title):
        super().__init__()
        self.progress, self.title, self.metrics = progress, title, ""

    def on_train_begin(self, logs=None):
        self.began, self.first = time.monotonic(), None

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch
        self.first = epoch if self.first is None else self.first
        self._tell(0)

    def on_train_batch_end(self, batch, logs=None):
        self._tell(batch + 1)

    def on_epoch_end(self, epoch, logs=None):
        shown = [f"{name} {logs[name]:.3f}" for name in self.METRICS if name in (logs or {})]
        self.metrics = f" ({', '.join(shown)})"

    def on_train_end(self, logs=None):
        total = (self.epoch + 1) * self.params["steps"]
        self.progress(f"{self.title}, {self.epoch + 1} epochs{self.metrics}", total, total)

    def _tell(self, batch):
        steps, epochs = self.params["steps"], self.params["epochs"]
        done, total, behind = self.epoch * steps + batch, epochs * steps, (self.epoch - self.first) * steps + batch
        left = (time.monotonic() - self.began) / behind * (total - done) if behind else None
        self.progress(f"{self.title}, epoch {self.epoch + 1} of {epochs}{self.metrics}", done, total, left)


def read_history(path):
    """The metrics of every epoch that `Backup` has written to history.csv, a list of dicts.

    Raises:
        TfadvError: if it cannot be read.
    """
    try:
        names, *rows = [line.split(",") for line in path.read_text("utf-8").splitlines()]
        return [dict(zip(names[1:], map(float, row[1:]), strict=True)) for row in rows]
    except (OSError, ValueError) as error:
        raise TfadvError(f"cannot read {str(path)!r} ({error}); train again in another directory.") from error
