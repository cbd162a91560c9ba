"""Convolutions and dense layers whose weights are noisy: parametric noise injection in its first form, PNI-W.

He, Rakin, Fan: Parametric Noise Injection, Trainable Randomness to Improve Deep Neural Network Robustness against
Adversarial Attack, 2019.
"""

from typing import Any

import keras
from keras import layers, ops

from tfadv.layers.parametric_noise import ALPHA, ParametricNoise


class NoisyWeights(layers.Layer):
    """A layer with a `kernel` that is used with `ParametricNoise`, drawn anew at each call and shared by the batch.

    Args:
        by, alpha, noise_seed: as `ParametricNoise` takes them; `"channel"` are the filters or units.
        sizes, options: of Keras' layer.
    """

    def __init__(
        self, *sizes: Any, by: str = "layer", alpha: float = ALPHA, noise_seed: int | None = None, **options: Any
    ):
        super().__init__(*sizes, **options)
        self.noise = ParametricNoise(by, alpha, noise_seed, dtype=self.dtype_policy, name="noise")

    def build(self, input_shape):
        super().build(input_shape)
        self.noise.build((1, *self.kernel.shape))

    def _noisy(self, kernel):
        """The kernel with noise, which sees it as a batch of one."""
        return self.noise(ops.cast(kernel, self.compute_dtype)[None])[0]

    def get_config(self):
        noise = self.noise.get_config()
        return super().get_config() | {"by": noise["by"], "alpha": noise["alpha"], "noise_seed": noise["seed"]}


@keras.saving.register_keras_serializable("tfadv")
class NoisyConv2D(NoisyWeights, layers.Conv2D):
    """Keras' Conv2D with noisy weights.

    >>> NoisyConv2D(4, 3, by="channel", noise_seed=0)(np.ones((2, 8, 8, 1), "float32")).shape
    TensorShape([2, 6, 6, 4])
    """

    def convolution_op(self, inputs, kernel):
        return super().convolution_op(inputs, self._noisy(kernel))


@keras.saving.register_keras_serializable("tfadv")
class NoisyDense(NoisyWeights, layers.Dense):
    """Keras' Dense with noisy weights.

    >>> NoisyDense(4, noise_seed=0)(np.ones((2, 8), "float32")).shape
    TensorShape([2, 4])
    """

    def call(self, inputs, training=None):
        z = ops.matmul(inputs, self._noisy(self.kernel))
        z = z if self.bias is None else ops.add(z, self.bias)
        return z if self.activation is None else self.activation(z)
