"""Gaussian noise on what a layer is given, in training and at prediction alike; and the vote on noisy answers.

Of the image: Liu, Cheng, Zhang, Hsieh: Towards Robust Neural Networks via Random Self-ensemble, 2018; the base of
randomized smoothing (Cohen, Rosenfeld, Kolter 2019).
"""

from typing import Any

import keras
import numpy as np
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


@keras.saving.register_keras_serializable("tfadv")
class SmoothedVote(keras.layers.Layer):
    """What most noisy copies of an image are classified as, or "abstain": (votes n, classes) to (n, classes + 1).

    PREDICT of Cohen, Rosenfeld, Kolter 2019: the last logit is the highest where the two classes with the most votes
    could be alike, by a two-sided binomial test. The others are logarithms of shares of the votes; their gradient is
    that of the logarithm of the mean probability (Salman et al. 2019), as votes have none.

    Args:
        votes: copies of each image, one after the other in what the layer is given.
        sigma: the noise of the copies, for those who certify what the vote withstands.
        alpha: how often a vote may name another class than the one that most of all copies have.
        n0, n: how many copies a certificate takes to choose a class, and to count its votes.
    """

    def __init__(self, votes: int, sigma: float, alpha: float = 0.001, n0: int = 100, n: int = 1000, **options: Any):
        super().__init__(**options)
        self.votes, self.sigma, self.alpha, self.n0, self.n = votes, sigma, alpha, n0, n
        self.needed = _needed(votes, alpha)

    def call(self, z):
        z = ops.reshape(ops.cast(z, "float32"), (-1, self.votes, z.shape[-1]))
        soft = ops.logsumexp(ops.log_softmax(z, axis=-1) - ops.log(float(self.votes)), axis=1)
        counts = ops.sum(ops.one_hot(ops.argmax(z, axis=-1), z.shape[-1], dtype="float32"), axis=1)
        # Half a vote more for each class, so that no logarithm is infinite.
        shares = ops.log((counts + 0.5) / (self.votes + 0.5 * z.shape[-1]))
        first, second = ops.unstack(ops.top_k(counts, 2)[0], axis=-1)
        needed = ops.take(ops.convert_to_tensor(self.needed), ops.cast(first + second, "int32"))
        abstains = ops.where(first < needed, ops.max(shares, axis=-1) + 1, ops.min(shares, axis=-1) - 1)
        named = soft + ops.stop_gradient(shares - soft)
        return ops.concatenate([named, ops.stop_gradient(abstains)[:, None]], axis=-1)

    def compute_output_shape(self, input_shape):
        return (None, input_shape[-1] + 1)

    def get_config(self):
        known = {name: getattr(self, name) for name in ("votes", "sigma", "alpha", "n0", "n")}
        return super().get_config() | known


def _needed(votes, alpha):
    """How many of m votes for two classes the first one needs, for m = 0, ..., votes; more than m where all are few."""
    from scipy.stats import binom  # here, for exported and loaded models only compute

    # Of two classes that are alike the larger count is at least k with probability 2 P(X >= k), X ~ Binomial(m, 1/2).
    needed = [binom.isf(alpha / 2, m, 0.5) + 1 for m in range(votes + 1)]
    return np.array([max(k, m // 2 + 1) for m, k in enumerate(needed)], "float32")
