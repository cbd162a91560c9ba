"""Parametric noise injection (PNI): noise as strong as what it is added to, times a factor that is trained.

He, Rakin, Fan: Parametric Noise Injection, Trainable Randomness to Improve Deep Neural Network Robustness against
Adversarial Attack, 2019.
"""

from typing import Any

import keras
from keras import ops

from tfadv.errors import invalid

# The shape of alpha for tensors of this shape, without that of the batch.
SHAPES = {"layer": lambda shape: (), "channel": lambda shape: shape[-1:], "element": lambda shape: shape}
ALPHA = 0.25  # the authors' initial value


@keras.saving.register_keras_serializable("tfadv")
class ParametricNoise(keras.layers.Layer):
    """v + alpha std(v) eta, eta ~ N(0, 1), drawn anew at each call, in training and at prediction (eq. 2 and 3).

    std(v) is taken over each example by itself and counts as a constant, so that the gradient of the loss with respect
    to alpha is the sum of those with respect to v, each times std(v) eta (eq. 5). The authors take it over the batch,
    which lets the noise of an image depend on its company.

    No regularizer is on alpha: weight decay would train the noise away. That of an optimizer passes it by after
    `optimizer.exclude_from_weight_decay(var_list=noise_factors(model))`, as `tfadv.train` does.

    Args:
        by: what has an alpha of its own, `"layer"` (the whole tensor), `"channel"` or `"element"`.
        alpha: its initial value.
        seed: of the draws; None takes one from Python's.

    Raises:
        TfadvError: for another `by`, and an alpha that is no number.

    >>> ParametricNoise(by="channel", seed=0)(np.ones((2, 8, 8, 3), "float32")).shape
    TensorShape([2, 8, 8, 3])
    """

    def __init__(self, by: str = "layer", alpha: float = ALPHA, seed: int | None = None, **options: Any):
        super().__init__(**options)
        if by not in SHAPES:
            raise invalid("pni: by", " or ".join(SHAPES), repr(by))
        if isinstance(alpha, bool) or not isinstance(alpha, int | float):
            raise invalid("pni: alpha", "a number", repr(alpha))
        self.by, self.initial, self.seed = by, float(alpha), seed
        self.draws = keras.random.SeedGenerator(seed)

    def build(self, input_shape):
        shape, start = SHAPES[self.by](tuple(input_shape[1:])), keras.initializers.Constant(self.initial)
        if None in shape:
            raise invalid("pni: by=element", "images of one size", f"the shape {tuple(input_shape)}", "say by=channel.")
        self.alpha = self.add_weight(name="alpha", shape=shape, initializer=start)

    def call(self, v):
        within = tuple(range(1, len(v.shape)))
        deviation = ops.stop_gradient(ops.std(ops.cast(v, "float32"), axis=within, keepdims=True))
        noise = ops.cast(deviation, v.dtype) * keras.random.normal(ops.shape(v), dtype=v.dtype, seed=self.draws)
        return v + ops.cast(self.alpha, v.dtype) * noise

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return super().get_config() | {"by": self.by, "alpha": self.initial, "seed": self.seed}


def noise_factors(model: keras.Model) -> list[keras.Variable]:
    """The alpha of each `ParametricNoise` in a model, in order; those of layers with noisy weights too.

    >>> inputs = keras.Input((8, 8, 1))
    >>> [alpha.shape for alpha in noise_factors(keras.Model(inputs, ParametricNoise()(inputs)))]
    [()]
    """
    return [layer.alpha for layer in model._flatten_layers() if isinstance(layer, ParametricNoise)]
