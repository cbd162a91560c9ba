"""The vote of randomized smoothing: the class that most noisy copies of an image have, or "abstain".

Cohen, Rosenfeld, Kolter: Certified Adversarial Robustness via Randomized Smoothing, ICML 2019, section 3.2 (PREDICT).
"""

from typing import Any

import keras
import numpy as np
from keras import ops


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
