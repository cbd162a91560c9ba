"""Randomized smoothing: the class that most noisy copies of an image have, which a change of a known size cannot alter.

Cohen, Rosenfeld, Kolter: Certified Adversarial Robustness via Randomized Smoothing, ICML 2019.
"""

import keras

from tfadv import validation
from tfadv.defenses import votes as voting
from tfadv.errors import invalid
from tfadv.layers.prediction_noise import PredictionNoise
from tfadv.layers.smoothed_vote import SmoothedVote
from tfadv.options import number


def smoothed(
    classifier: keras.Model,
    *,
    sigma: float = 0.25,
    votes: int = 32,
    alpha: float = 0.001,
    n0: int = 100,
    n: int = 1000,
    seed: int = 0,
) -> keras.Model:
    """argmax_c P(f(x + sigma eta) = c), eta ~ N(0, 1), by a vote of noisy copies that may abstain.

    The answers have one class more than the classifier's, the last, which is "abstain" and right of no image. Under
    `l2`, `l1` and `linf`, `tfadv evaluate` certifies images besides attacking them: n0 copies choose a class, n others
    count how often it is named, and a Clopper-Pearson bound of its probability gives the radius within which the vote
    of infinitely many copies names it (`tfadv.evaluation.certificates.smoothing`). Train with
    `--method "noise(sigma=0.25)"`: other networks do not know noisy images.

    Args:
        classifier: f, images (n, h, w, c) in [0, 1] to logits. Noisy pixels may leave [0, 1].
        sigma: the standard deviation, in units of pixels in [0, 1], above 0.
        votes: copies a prediction takes, at least 11 where alpha is 0.001; its price, and that of attacks, grows with
            them.
        alpha: how often a prediction, or a certificate, may err, above 0 and below 1/2.
        n0, n: copies a certificate takes for each image.
        seed: of the draws.

    Raises:
        TfadvError: for options out of range, and for so few votes that all predictions would abstain.

    >>> smoothed(classifier, sigma=0.25)  # doctest: +SKIP
    """
    voting.check(votes, "votes")
    number("smoothed: sigma", sigma, "a number above 0", lambda sigma: sigma > 0)
    number("smoothed: alpha", alpha, "a number above 0 and below 1/2", lambda alpha: 0 < alpha < 0.5)
    for name, count in (("n0", n0), ("n", n)):
        number(f"smoothed: {name}", count, "a whole number of at least 1", lambda count: count >= 1, (int,))
    vote = SmoothedVote(votes, float(sigma), alpha, n0, n, name=validation.ABSTAINING)
    if vote.needed[-1] > votes:
        raise invalid("smoothed: votes", f"so many that they can decide at alpha={alpha}", votes, "take more votes.")
    inputs = keras.Input(classifier.input_shape[1:])
    z = classifier(PredictionNoise(float(sigma), seed)(voting.repeated(inputs, votes)))
    return keras.Model(inputs, vote(z), name=f"{classifier.name}_smoothed")
