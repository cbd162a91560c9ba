"""Monte-Carlo dropout: the mean answer of several networks that dropout draws from one, at prediction too.

Gal, Ghahramani: Dropout as a Bayesian Approximation, 2016.
"""

import functools
import itertools

import keras

from tfadv.defenses import votes as voting
from tfadv.errors import invalid
from tfadv.graph.rebuild import rebuilt
from tfadv.layers.mc_dropout import MonteCarloDropout


def with_dropout(
    classifier: keras.Model, *, votes: int = 10, mean: str = "probabilities", seed: int = 0
) -> keras.Model:
    """1/m sum_j p(y | x, w_j), where dropout draws the weights w_j anew for each image, vote and call.

    Args:
        classifier: a Sequential or functional model that was trained with `keras.layers.Dropout`, images to logits.
        votes, mean: as `with_noise` takes them.
        seed: of the draws.

    Raises:
        TfadvError: for a model without such layers, a subclassed one, and for options out of range.

    >>> with_dropout(classifier, votes=20)  # doctest: +SKIP
    """
    voting.check(votes, mean)
    seeds = itertools.count(1000 * seed)

    @functools.cache  # one for a layer, though it may be called several times
    def active(layer):
        options = {"seed": next(seeds), "name": layer.name, "dtype": layer.dtype_policy}
        return MonteCarloDropout(layer.rate, layer.noise_shape, **options)

    def call(layer, *args, **kwargs):
        return active(layer)(*args) if type(layer) is keras.layers.Dropout else layer(*args, **kwargs)

    network = rebuilt(classifier, call)
    if not active.cache_info().currsize:
        raise invalid(
            "mc_dropout: the classifier", "layers of keras.layers.Dropout", f"none in {classifier.name!r}",
            'train one, e.g. with --model "basicnet(dropout=0.2)".',
        )  # fmt: skip
    inputs = keras.Input(classifier.input_shape[1:])
    answers = network(voting.repeated(inputs, votes))
    return keras.Model(inputs, voting.united(answers, votes, mean), name=f"{classifier.name}_mc_dropout")
