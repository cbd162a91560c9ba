"""Small trainings that several files look at: their settings, and how one is interrupted."""

import keras
import pytest

from tfadv.training.run import train

OPTIONS = {"model": "mlp(hidden=(16,), init=glorot)", "batch_size": 128, "progress": False}
ROBUST = {"method": "adversarial", "attack": "pgd(steps=2)", "threat": "linf:0.1"}


class Stop(keras.callbacks.Callback):
    """An interruption at the worst moment: in the middle of an epoch."""

    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_begin(self, epoch, logs=None):
        self.now = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.now == self.epoch and batch >= 3:
            raise KeyboardInterrupt


def interrupted(monkeypatch, epoch, **options):
    """Run `train` with a Ctrl-C in the middle of an epoch."""
    fit = keras.Model.fit
    with monkeypatch.context() as patch:
        patch.setattr(
            keras.Model,
            "fit",
            lambda self, *a, callbacks, **k: fit(self, *a, callbacks=[*callbacks, Stop(epoch)], **k),
        )
        with pytest.raises(KeyboardInterrupt):
            train(**options)
