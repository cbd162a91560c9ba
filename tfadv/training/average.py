"""Averages of the weights along a training: they take the place of the weights in validation and in what is saved.

Exponential: Polyak, Juditsky 1992; for robust networks Gowal et al. 2020 (arXiv 2010.03593). SWA: Izmailov et al.:
Averaging Weights Leads to Wider Optima and Better Generalization, 2018.
"""

import contextlib
import math
from collections.abc import Iterator

import keras
import numpy as np

from tfadv.errors import invalid
from tfadv.options import number
from tfadv.training.epochs import check_epoch, epoch_of

# The share of an exponential average that the first weights may be without a word.
FORGOTTEN = 0.01
# A momentum below looks back on two steps: hardly an average.
SHORTEST = 0.5


def none() -> None:
    """The weights themselves."""


class EMA:
    """w_avg <- m w_avg + (1 - m) w after each update, by the option `use_ema` of Keras' optimizers.

    What is not trained, such as the running statistics of BatchNorm, stays that of the weights themselves.

    Args:
        momentum: m, from 0 and below 1; 0.999 in the literature on robust networks.
        warm_up: average with min(m, (1 + t) / (10 + t)) after t updates, as TensorFlow's ExponentialMovingAverage with
            `num_updates` does, so that a short training forgets its first weights too.

    Raises:
        TfadvError: for another momentum, and for a `warm_up` that is neither True nor False.
    """

    def __init__(self, momentum: float = 0.999, warm_up: bool = False):
        self.momentum = float(number("ema: momentum", momentum, "a number from 0 and below 1", lambda m: 0 <= m < 1))
        if not isinstance(warm_up, bool):
            raise invalid("ema: warm_up", "True or False", repr(warm_up))
        self.warm_up = warm_up

    def attach(self, trainer: keras.Model) -> None:
        """Let the trainer keep this average; its optimizer must not have run yet."""
        trainer.average = self
        # Of optimizers that scale the loss for float16, the one within.
        optimizer = getattr(trainer.optimizer, "inner_optimizer", trainer.optimizer)
        optimizer.use_ema, optimizer.ema_overwrite_frequency = True, None
        optimizer.ema_momentum = WarmingUp(self.momentum, optimizer) if self.warm_up else self.momentum

    def has_begun(self, trainer: keras.Model) -> bool:
        """Whether there is an average already."""
        return bool(np.asarray(trainer.optimizer.iterations) > 0)

    def put(self, trainer: keras.Model) -> None:
        """Give the classifier the averages."""
        trainer.optimizer.finalize_variable_values(trainer.trainable_variables)

    def forewarnings(self, steps: int, epochs: int) -> list[str]:
        """A sentence where the weights of the first step will be a part of the average at the end of the training.

        Args:
            steps: of the whole training, of so many `epochs`.
        """
        return self._about_first_weights(steps, "will be {share:.0%} of the average at the end")

    def remarks(self, trainer: keras.Model, kept: int, epochs: int) -> list[str]:
        """A sentence where the weights of the first step are still a part of the average after the epoch `kept`.

        Args:
            kept: the epoch whose average is kept, from 1.
            epochs: how many are behind the trainer.
        """
        steps = int(np.asarray(trainer.optimizer.iterations)) * kept // epochs
        return self._about_first_weights(steps, "are {share:.0%} of the average that is kept")

    def _about_first_weights(self, steps, what):
        # The average of the first step is its weights; each further one multiplies their share by its momentum.
        factors = [warming_up(self.momentum, t) if self.warm_up else self.momentum for t in range(1, steps)]
        share = math.prod(factors) if factors else 0.0
        if share <= FORGOTTEN:
            return []
        shorter = math.floor(100 * FORGOTTEN ** (1 / (steps - 1))) / 100
        instead = f'with --average "ema(momentum={shorter:g})"' if shorter >= SHORTEST else "leave --average out"
        return [
            f"The weights of the first step {what.format(share=share)}, as {steps:,} steps are few for "
            f"ema(momentum={self.momentum:g}). Train longer, or {instead}."
        ]

    def state(self) -> list[keras.Variable]:
        """What a backup must hold besides the optimizer: nothing."""
        return []


class WarmingUp:
    """The momentum of an average that warms up, as a tensor of the step in which Keras' optimizer uses it."""

    def __init__(self, momentum, optimizer):
        self.momentum, self.optimizer = momentum, optimizer

    def __tf_tensor__(self, dtype=None, name=None):
        step = keras.ops.cast(self.optimizer.iterations, "float32")
        return keras.ops.cast(warming_up(self.momentum, step, keras.ops.minimum), dtype or "float32")


def warming_up(momentum, t, smaller=min):
    """min(m, (1 + t) / (10 + t)), the momentum of the update after t others."""
    return smaller(momentum, (1 + t) / (10 + t))


class SWA(keras.callbacks.Callback):
    """The mean of the weights at the ends of the epochs from `start` on, running statistics among them.

    Until then the weights themselves count. The learning rate should stay high meanwhile, as with `constant`, `step`
    or a `cosine_decay(to=0.5)`.

    Args:
        start: the first epoch that counts, or a share of all epochs below 1.

    Raises:
        TfadvError: for another start.
    """

    def __init__(self, start: int | float = 0.75):
        super().__init__()
        check_epoch("swa: start", start)
        self.start, self.means, self.count = start, [], None

    def attach(self, trainer: keras.Model) -> None:
        """Let the trainer keep this average."""
        trainer.average, self.weights = self, [w for w in trainer.classifier.weights if "float" in str(w.dtype)]
        self.means = [keras.Variable(np.zeros(w.shape), trainable=False, dtype=w.dtype) for w in self.weights]
        self.count = keras.Variable(0, trainable=False, dtype="int32")

    def on_epoch_begin(self, epoch, logs=None):
        self.now = epoch + 1

    def on_train_batch_end(self, batch, logs=None):
        if batch + 1 < self.params["steps"] or self.now < epoch_of(self.start, self.params["epochs"]):
            return
        self.count.assign_add(1)
        for mean, weight in zip(self.means, self.weights, strict=True):
            mean.assign(np.asarray(mean) + (np.asarray(weight) - np.asarray(mean)) / np.asarray(self.count))

    def has_begun(self, trainer: keras.Model) -> bool:
        """Whether there is an average already."""
        return bool(np.asarray(self.count) > 0)

    def put(self, trainer: keras.Model) -> None:
        """Give the classifier the averages."""
        for mean, weight in zip(self.means, self.weights, strict=True):
            weight.assign(np.asarray(mean))

    def forewarnings(self, steps: int, epochs: int) -> list[str]:
        """A sentence where no epoch of the training will be averaged."""
        begins = epoch_of(self.start, epochs)
        said = f"swa(start={self.start}) begins after the last epoch, {epochs}: the weights themselves are kept."
        return [f"{said} Begin earlier, e.g. swa(start=0.75)."] if begins > epochs else []

    def remarks(self, trainer: keras.Model, kept: int, epochs: int) -> list[str]:
        """A sentence where the epoch `kept` of so many `epochs`, counted from 1, is from before the average."""
        if kept > epochs - int(np.asarray(self.count)):
            return []
        return [f"The epoch that is kept ended before swa(start={self.start}) began: it has the weights themselves."]

    def state(self) -> list[keras.Variable]:
        """What a backup must hold."""
        return [self.count, *self.means]


@contextlib.contextmanager
def in_place(trainer: keras.Model) -> Iterator[None]:
    """The trainer's classifier with the average of its weights, where there is one."""
    if trainer.average is None or not trainer.average.has_begun(trainer):
        yield
        return
    present = [np.array(variable) for variable in trainer.classifier.variables]
    trainer.average.put(trainer)
    try:
        yield
    finally:
        for variable, value in zip(trainer.classifier.variables, present, strict=True):
            variable.assign(value)
