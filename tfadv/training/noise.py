"""Training on noisy images: what randomized smoothing needs, and the control for adversarial training.

Cohen, Rosenfeld, Kolter: Certified Adversarial Robustness via Randomized Smoothing, ICML 2019, section 4.
"""

import typing

import keras
import tensorflow as tf

from tfadv import random
from tfadv.errors import TfadvError, invalid
from tfadv.options import number
from tfadv.training.trainer import Trainer, TrainerOptions


class Noise(Trainer):
    """min over weights of E L(x + u, y): u ~ N(0, sigma^2), or with `kind="uniform"` a random point of the ball.

    Gaussian images are not clipped, as in randomized smoothing; uniform ones lie in ball and box of the threat model,
    so that they are to adversarial images as chance is to intent. The epoch kept is the one with the best clean
    accuracy. A step costs what a step of standard training costs.

    Args:
        kind: `"gaussian"` or `"uniform"`.
        sigma: standard deviation of Gaussian noise, in the units of pixels, above 0.
        threat: required by uniform noise.

    Raises:
        TfadvError: for another kind or sigma, and for uniform noise without a threat model.

    >>> Noise(model, sigma=0.25)  # doctest: +SKIP
    """

    selects_robust = False

    def __init__(
        self,
        classifier: keras.Model,
        *,
        kind: str = "gaussian",
        sigma: float = 0.1,
        **options: typing.Unpack[TrainerOptions],
    ):
        super().__init__(classifier, **options)
        if kind not in ("gaussian", "uniform"):
            raise invalid("noise: kind", "gaussian or uniform", repr(kind))
        if kind == "uniform" and self.threat is None:
            raise TfadvError("uniform noise fills the ball of a threat model: add one, e.g. --threat linf:8/255.")
        self.kind = kind
        self.sigma = float(number("noise: sigma", sigma, "a number above 0", lambda sigma: sigma > 0))

    def craft(self, x, y):
        if self.kind == "uniform":
            return self.threat.random_start(x, self.noise_seed())
        return x + self.sigma * random.normal(tf.shape(x), self.noise_seed())
