"""How the learning rate changes while a network is trained: callbacks, made by a spec word."""

import keras

from tfadv.errors import TfadvError, invalid


def constant():
    """The learning rate stays as it is."""
    return keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate)


class Step(keras.callbacks.LearningRateScheduler):
    """Multiply the learning rate by `factor` after each of the epochs `at`.

    Args:
        at: epochs, or shares of all epochs below 1: `step(at=(30, 40))`, `step(at=(0.6, 0.8))`.
        factor: above 0.

    Raises:
        TfadvError: for epochs that are neither.
    """

    def __init__(self, *, at, factor=0.1):
        at = at if isinstance(at, tuple | list) else (at,)
        if not at or not all(map(_is_epoch, at)):
            raise TfadvError(
                f"step: at must be epochs of at least 1, or shares of them below 1, e.g. step(at=(30, 40)) or "
                f"step(at=(0.6, 0.8)), received {at!r}."
            )
        super().__init__(lambda epoch, rate: rate * factor if epoch in self.epochs() else rate)
        self.at = at

    def epochs(self):
        """The epochs after which the rate changes, of a training that Keras has told its length."""
        return {epoch if isinstance(epoch, int) else max(1, round(epoch * self.params["epochs"])) for epoch in self.at}


def _is_epoch(value):
    if isinstance(value, bool):
        return False
    return (isinstance(value, int) and value >= 1) or (isinstance(value, float) and 0 < value < 1)


def plateau(*, patience=10, factor=0.1, monitor="val_loss"):
    """Multiply the learning rate by `factor` when `monitor` has not improved for `patience` epochs."""
    mode = "min" if "loss" in monitor else "max"
    return keras.callbacks.ReduceLROnPlateau(monitor=monitor, mode=mode, patience=patience, factor=factor)


class CosineDecay(keras.callbacks.Callback):
    """The learning rate falls with every step to the share `to` of itself, along half a cosine over the whole training.

    rate(t) = rate ((1 - to) (1 + cos(pi t / T)) / 2 + to), t of T steps (Loshchilov, Hutter: SGDR, 2017, eq. 5, without
    restarts).

    Args:
        to: in [0, 1).
    """

    def __init__(self, *, to=0.05):
        if isinstance(to, bool) or not isinstance(to, int | float) or not 0 <= to < 1:
            raise invalid("cosine_decay: to", "a share of the learning rate from 0 and below 1", repr(to))
        super().__init__()
        self.to = to

    def by_step(self, rate, steps):
        """The rate as a function of the step, for the optimizer."""
        return keras.optimizers.schedules.CosineDecay(rate, steps, alpha=self.to)

    def on_epoch_end(self, epoch, logs=None):
        if logs is not None:
            logs["learning_rate"] = float(self.model.optimizer.learning_rate)
