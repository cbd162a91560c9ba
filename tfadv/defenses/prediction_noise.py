"""Gaussian noise at prediction: the mean answer to several noisy copies of an image.

Liu, Cheng, Zhang, Hsieh: Towards Robust Neural Networks via Random Self-ensemble, 2018, for the image alone; with many
votes the prediction of randomized smoothing (Cohen, Rosenfeld, Kolter 2019).
"""

import keras

from tfadv.defenses import votes as voting
from tfadv.layers.prediction_noise import PredictionNoise


def with_noise(
    classifier: keras.Model, *, sigma: float, votes: int = 1, mean: str = "logits", seed: int = 0
) -> keras.Model:
    """1/m sum_j f(x + sigma eta_j), eta_j ~ N(0, 1), of the m = `votes` draws, new ones for each image and each call.

    Args:
        classifier: f, images (n, h, w, c) in [0, 1] to logits. Noisy pixels may leave [0, 1].
        sigma: the standard deviation, in units of pixels in [0, 1].
        votes: how many; the price of a prediction grows with it.
        mean: of `"logits"`, `"probabilities"`, or counted `"votes"`.
        seed: of the draws.

    Raises:
        TfadvError: for options out of range.

    >>> with_noise(classifier, sigma=0.03, votes=10)  # doctest: +SKIP
    """
    voting.check(votes, mean)
    inputs = keras.Input(classifier.input_shape[1:])
    noisy = PredictionNoise(sigma, seed)(voting.repeated(inputs, votes))
    return keras.Model(inputs, voting.united(classifier(noisy), votes, mean), name=f"{classifier.name}_noise")
