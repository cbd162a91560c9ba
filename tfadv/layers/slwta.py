"""Stochastic local winner-takes-all: in each small group of channels one passes, drawn at random, the others do not.

Panousis, Chatzis, Theodoridis: Stochastic Local Winner-Takes-All Networks Enable Profound Adversarial Robustness, 2021.
"""

import math
from typing import Any

import keras
from keras import ops

from tfadv.errors import invalid

TINY = 1e-7  # between it and 1 lie the uniform draws, so that their double logarithm is finite


@keras.saving.register_keras_serializable("tfadv")
class StochasticLWTA(keras.layers.Layer):
    """x * xi, with xi = softmax((x + g) / temperature) in each group of neighboring channels, g Gumbel-distributed.

    At a low temperature xi is nearly 1 for one channel and 0 for the others: channel k wins with the probability
    softmax(x)_k. It takes the place of an activation.

    Args:
        competitors: channels in a group.
        temperature: of the relaxation in training; 0.67 is the authors'.
        test_temperature: at prediction; 0.01 is the authors'.
        kl: weight of KL(xi || uniform), summed over a group and averaged over all of them, which the loss gets in
            training; 0.001 is the authors'.
        seed: of the draws; None takes one from Python's.

    Raises:
        TfadvError: for options out of range, and for channels that do not fall into such groups.

    >>> StochasticLWTA(seed=0)(np.ones((2, 8, 8, 4), "float32")).shape
    TensorShape([2, 8, 8, 4])
    """

    def __init__(
        self,
        competitors: int = 2,
        temperature: float = 0.67,
        test_temperature: float = 0.01,
        kl: float = 0.001,
        seed: int | None = None,
        **options: Any,
    ):
        super().__init__(**options)
        if type(competitors) is not int or competitors < 2:
            raise invalid("slwta: competitors", "a whole number of at least 2", repr(competitors))
        for name, value in (("temperature", temperature), ("test_temperature", test_temperature)):
            if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
                raise invalid(f"slwta: {name}", "a number above 0", repr(value))
        if isinstance(kl, bool) or not isinstance(kl, int | float) or not kl >= 0:
            raise invalid("slwta: kl", "a number of at least 0", repr(kl))
        self.competitors, self.kl, self.seed = competitors, float(kl), seed
        self.temperature, self.test_temperature = float(temperature), float(test_temperature)
        self.draws = keras.random.SeedGenerator(seed)

    def build(self, input_shape):
        if input_shape[-1] % self.competitors:
            hint = "choose other widths or competitors."
            raise invalid("slwta: channels", f"a multiple of {self.competitors}", input_shape[-1], hint)

    def call(self, x, training=False):
        shape = ops.shape(x)
        groups = (*shape[:-1], x.shape[-1] // self.competitors, self.competitors)
        scores = ops.reshape(ops.cast(x, "float32"), groups)
        uniform = keras.random.uniform(groups, TINY, 1.0, seed=self.draws)
        scores = (scores - ops.log(-ops.log(uniform))) / (self.temperature if training else self.test_temperature)
        wins = ops.softmax(scores)
        if training and self.kl:
            divergence = ops.sum(wins * (ops.log_softmax(scores) + math.log(self.competitors)), axis=-1)
            self.add_loss(self.kl * ops.mean(divergence))
        return x * ops.cast(ops.reshape(wins, shape), x.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        names = ("competitors", "temperature", "test_temperature", "kl", "seed")
        return super().get_config() | {name: getattr(self, name) for name in names}
