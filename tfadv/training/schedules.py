"""How the learning rate changes while a network is trained: callbacks, made by a spec word."""

import abc

import keras
import tensorflow as tf

from tfadv.errors import TfadvError
from tfadv.options import number
from tfadv.training.epochs import epoch_of, is_epoch


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
        if not at or not all(map(is_epoch, at)):
            raise TfadvError(
                f"step: at must be epochs of at least 1, or shares of them below 1, e.g. step(at=(30, 40)) or "
                f"step(at=(0.6, 0.8)), received {at!r}."
            )
        super().__init__(lambda epoch, rate: rate * factor if epoch in self.epochs() else rate)
        self.at = at

    def epochs(self):
        """The epochs after which the rate changes, of a training that Keras has told its length."""
        return {epoch_of(epoch, self.params["epochs"]) for epoch in self.at}


def plateau(*, patience=10, factor=0.1, monitor="val_loss"):
    """Multiply the learning rate by `factor` when `monitor` has not improved for `patience` epochs."""
    mode = "min" if "loss" in monitor else "max"
    return keras.callbacks.ReduceLROnPlateau(monitor=monitor, mode=mode, patience=patience, factor=factor)


class ByStep(keras.callbacks.Callback, abc.ABC):
    """A schedule whose rate changes with every step: `by_step` makes it, the optimizer follows it."""

    @abc.abstractmethod
    def by_step(self, rate, steps):
        """The rate as a function of the step, for the optimizer.

        Args:
            rate: the learning rate of the optimizer.
            steps: of the whole training.
        """

    def on_epoch_end(self, epoch, logs=None):
        if logs is not None:
            logs["learning_rate"] = float(self.model.optimizer.learning_rate)


class CosineDecay(ByStep):
    """The learning rate falls with every step to the share `to` of itself, along half a cosine over the whole training.

    rate(t) = rate ((1 - to) (1 + cos(pi t / T)) / 2 + to), t of T steps (Loshchilov, Hutter: SGDR, 2017, eq. 5, without
    restarts). With a warm-up it first rises from 0 in a straight line, and T are the steps after that.

    Args:
        to: in [0, 1).
        warm_up: share of all steps, in [0, 1) (Goyal et al. 2017, section 2.2).
    """

    def __init__(self, *, to=0.05, warm_up=0.0):
        for name, value in (("to", to), ("warm_up", warm_up)):
            whole = "the learning rate" if name == "to" else "the training"
            expected = f"a share of {whole} from 0 and below 1"
            number(f"cosine_decay: {name}", value, expected, lambda share: 0 <= share < 1)
        super().__init__()
        self.to, self.warm_up = to, warm_up

    def by_step(self, rate, steps):
        rising = round(self.warm_up * steps)
        if not rising:
            return keras.optimizers.schedules.CosineDecay(rate, steps, alpha=self.to)
        warm_up = {"warmup_target": rate, "warmup_steps": rising}
        return keras.optimizers.schedules.CosineDecay(0.0, steps - rising, alpha=self.to, **warm_up)


class Cyclic(ByStep):
    """The learning rate rises in a straight line from 0 to itself, and falls back to 0: one triangle.

    rate(t) = rate min(t / (peak T), (T - t) / ((1 - peak) T)), t of T steps (Smith 2017; Wong, Rice, Kolter: Fast is
    better than free, 2020: peak 0.4 on MNIST, 0.5 on CIFAR-10).

    Args:
        peak: where it is highest, a share of the training above 0 and below 1.
    """

    def __init__(self, *, peak=0.5):
        super().__init__()
        expected = "a share of the training above 0 and below 1"
        self.peak = number("cyclic: peak", peak, expected, lambda peak: 0 < peak < 1)

    def by_step(self, rate, steps):
        return Triangle(rate, steps, self.peak)


class Triangle(keras.optimizers.schedules.LearningRateSchedule):
    """The rate of `Cyclic` as a function of the step."""

    def __init__(self, rate, steps, peak):
        self.rate, self.steps, self.peak = rate, steps, peak

    def __call__(self, step):
        done = tf.cast(step, tf.float32) / self.steps
        return self.rate * tf.maximum(tf.minimum(done / self.peak, (1 - done) / (1 - self.peak)), 0.0)

    def get_config(self):
        return {"rate": self.rate, "steps": self.steps, "peak": self.peak}
