"""Gaussian noise on what a layer is given, in training and at prediction alike.

Of the image: Liu, Cheng, Zhang, Hsieh: Towards Robust Neural Networks via Random Self-ensemble, 2018; the base of
randomized smoothing (Cohen, Rosenfeld, Kolter 2019).
"""

from typing import Any

import keras
from keras import ops

from tfadv.errors import invalid


@keras.saving.register_keras_serializable("tfadv")
class PredictionNoise(keras.layers.Layer):
    """x + sigma eta, eta ~ N(0, 1), drawn anew at each call; Keras' own GaussianNoise is left out by `predict`.

    Args:
        sigma: the standard deviation, at least 0; of images in units of pixels in [0, 1].
        seed: of the draws; None takes one from Python's.

    Raises:
        TfadvError: for a negative sigma.

    >>> PredictionNoise(0.1, seed=0)(np.zeros((2, 8, 8, 1), "float32")).shape
    TensorShape([2, 8, 8, 1])
    """

    def __init__(self, sigma: float, seed: int | None = None, **options: Any):
        super().__init__(**options)
        if isinstance(sigma, bool) or not isinstance(sigma, int | float) or not 0 <= sigma < float("inf"):
            raise invalid("prediction noise: sigma", "a number of at least 0", repr(sigma))
        self.sigma, self.seed = float(sigma), seed
        self.draws = keras.random.SeedGenerator(seed)

    def call(self, x):
        return x + self.sigma * keras.random.normal(ops.shape(x), dtype=x.dtype, seed=self.draws)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return super().get_config() | {"sigma": self.sigma, "seed": self.seed}
