"""A code drawn at random, of its mean and its variance: what the encoder of a variational autoencoder ends with.

Kingma, Welling: Auto-Encoding Variational Bayes, 2014, section 2.4.
"""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("tfadv")
class LatentSample(keras.layers.Layer):
    """mu + sigma eta, eta ~ N(0, 1), drawn anew at each call: (..., 2 d), mu beside log sigma^2, to (..., d).

    Args:
        seed: of the draws; None takes one from Python's.

    >>> LatentSample(seed=0)(np.zeros((5, 64), "float32")).shape
    TensorShape([5, 32])
    """

    def __init__(self, seed: int | None = None, **options: Any):
        super().__init__(**options)
        self.seed = seed
        self.draws = keras.random.SeedGenerator(seed)

    def call(self, x):
        mean, log_variance = ops.split(x, 2, axis=-1)
        return mean + ops.exp(log_variance / 2) * keras.random.normal(ops.shape(mean), dtype=x.dtype, seed=self.draws)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], input_shape[-1] // 2)

    def get_config(self):
        return super().get_config() | {"seed": self.seed}
