"""The projection on what a decoder can make: the code whose image is nearest to the given one, by optimization.

Ilyas et al.: The Robust Manifold Defense, 2017; Samangouei, Kabkab, Chellappa: Defense-GAN, 2018.
"""

import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfadv.errors import invalid
from tfadv.options import number

# Of Adam (Kingma, Ba 2015).
MOMENTUM, SQUARES, TINY = 0.9, 0.999, 1e-8
# What is added to the diagonal of the last step's matrix, as a share of the mean of that: the step is not too long.
DAMPING = 1e-2
# Below so large a residual the absolute value counts as smooth.
SMOOTH = 1e-2


@keras.saving.register_keras_serializable("tfadv")
class RangeProjection(keras.layers.Layer):
    """argmin_z sum |D(z) - x|^p of a decoder D: images (n, h, w, c) to codes (n, d).

    Adam goes `steps` steps from one start, drawn from N(0, 1) by the seed, the same for all images, at a rate that
    falls to 0. One damped step of Gauss and Newton follows, z + (J W J^T)^-1 J W (x - D(z)) with the derivative J of D
    and, for p = 1, W = 1 / |x - D(z)|. Through that step alone the gradient flows: it is the one of the minimum, by the
    implicit function theorem, where D is as good as linear. Athalye et al. 2018 ask for such a surrogate.

    Args:
        decoder: a `keras.Model`, codes (n, d) to images.
        p: 1 or 2.
        steps: at least 1.
        step_size: the rate at which Adam begins.
        seed: of the start.

    Raises:
        TfadvError: for options out of range.

    >>> RangeProjection(decoder, steps=200)(images).shape  # doctest: +SKIP
    TensorShape([5, 32])
    """

    def __init__(
        self, decoder: keras.Model, p: int = 2, steps: int = 500, step_size: float = 0.1, seed: int = 0, **options: Any
    ):
        super().__init__(autocast=False, **options)
        if p not in (1, 2):
            raise invalid("projection: p", "1 or 2", repr(p))
        number("projection: steps", steps, "a whole number of at least 1", lambda value: value >= 1, (int,))
        number("projection: step_size", step_size, "a number above 0", lambda value: value > 0)
        self.decoder, self.p, self.steps, self.step_size, self.seed = decoder, p, steps, float(step_size), seed

    def call(self, x):
        x = tf.cast(x, tf.float32)
        z = tf.stop_gradient(self._descended(tf.stop_gradient(x)))
        return tf.cast(self._refined(x, z), self.compute_dtype)

    def _descended(self, x):
        """`steps` steps of Adam: codes (n, d)."""
        # A constant: a random number would be noise to those who read the graph. NumPy keeps these numbers for good.
        start = np.random.RandomState(self.seed).normal(size=(1, self.decoder.input_shape[-1])).astype(np.float32)
        z = tf.tile(start, [tf.shape(x)[0], 1])

        def step(t, z, mean, square):
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(z)
                loss = tf.reduce_sum(tf.abs(self.decoder(z, training=False) - x) ** self.p)
            gradient = tape.gradient(loss, z)
            mean = MOMENTUM * mean + (1 - MOMENTUM) * gradient
            square = SQUARES * square + (1 - SQUARES) * tf.square(gradient)
            done = tf.cast(t, tf.float32) + 1
            rate = self.step_size * (1 + tf.cos(math.pi * (done - 1) / self.steps)) / 2
            way = mean / (1 - MOMENTUM**done) / (tf.sqrt(square / (1 - SQUARES**done)) + TINY)
            return t + 1, z - rate * way, mean, square

        state = (0, z, tf.zeros_like(z), tf.zeros_like(z))
        return tf.while_loop(lambda t, *_: t < self.steps, step, state, maximum_iterations=self.steps)[1]

    def _refined(self, x, z):
        """One damped Gauss-Newton step from codes z (n, d), through which the gradient flows."""
        n, d = tf.shape(z)[0], z.shape[-1]
        ways = tf.tile(tf.eye(d), [n, 1])
        with tf.autodiff.ForwardAccumulator(repeated := tf.repeat(z, d, axis=0), ways) as forward:
            images = self.decoder(repeated, training=False)
        slope = tf.stop_gradient(tf.reshape(forward.jvp(images), [n, d, -1]))
        residual = tf.reshape(x - self.decoder(z, training=False), [n, 1, -1])
        weighted = slope / tf.stop_gradient(tf.maximum(tf.abs(residual), SMOOTH)) if self.p == 1 else slope
        square = tf.matmul(weighted, slope, transpose_b=True)
        damping = DAMPING * tf.reduce_mean(tf.linalg.diag_part(square), axis=-1)[:, None, None] + TINY
        towards = tf.matmul(weighted, residual, transpose_b=True)
        return z + tf.linalg.solve(square + damping * tf.eye(d), towards)[..., 0]

    @property
    def remark(self) -> str:
        """What a user is told before a model with this layer is judged."""
        return (
            f"Each prediction searches for codes in {self.steps} steps, and an attack predicts hundreds of times: "
            "judge few images, or let it search in fewer."
        )

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.decoder.input_shape[-1])

    def get_config(self):
        own = {name: getattr(self, name) for name in ("p", "steps", "step_size", "seed")}
        return super().get_config() | own | {"decoder": keras.saving.serialize_keras_object(self.decoder)}

    @classmethod
    def from_config(cls, config):
        decoder = keras.saving.deserialize_keras_object(config["decoder"])
        return super().from_config({**config, "decoder": decoder})
