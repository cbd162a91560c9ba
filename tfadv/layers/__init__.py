"""Keras layers of defenses, most of which answer at random, in `predict` too. Registered with Keras as `tfadv>NAME`.

A `.keras` file that holds one loads in Keras' safe mode after `tfadv.layers.register()`; tfadv's own commands and
functions call it. What is exported holds the graph and needs no tfadv.
"""

import typing

from tfadv.registry import Registry, lazy_names

LAYERS = Registry(
    "layer",
    {
        "prediction_noise": "tfadv.layers.prediction_noise:PredictionNoise",
        "mc_dropout": "tfadv.layers.mc_dropout:MonteCarloDropout",
        "parametric_noise": "tfadv.layers.parametric_noise:ParametricNoise",
        "noisy_conv2d": "tfadv.layers.noisy_weights:NoisyConv2D",
        "noisy_dense": "tfadv.layers.noisy_weights:NoisyDense",
        "slwta": "tfadv.layers.slwta:StochasticLWTA",
        "latent_sample": "tfadv.layers.latent_sample:LatentSample",
        "range_projection": "tfadv.layers.range_projection:RangeProjection",
    },
)
# It is given logits of many copies of an image, and draws nothing: what holds for the layers above does not for it.
LAYERS.add("smoothed_vote", "tfadv.layers.smoothed_vote:SmoothedVote")


def register() -> None:
    """Let Keras know of all layers here, and of those added, so that files which hold them load in its safe mode."""
    for name in (*LAYERS, *LAYERS.unlisted):
        LAYERS.get(name)


if typing.TYPE_CHECKING:
    from tfadv.layers.latent_sample import LatentSample as LatentSample
    from tfadv.layers.mc_dropout import MonteCarloDropout as MonteCarloDropout
    from tfadv.layers.noisy_weights import NoisyConv2D as NoisyConv2D
    from tfadv.layers.noisy_weights import NoisyDense as NoisyDense
    from tfadv.layers.parametric_noise import ParametricNoise as ParametricNoise
    from tfadv.layers.prediction_noise import PredictionNoise as PredictionNoise
    from tfadv.layers.range_projection import RangeProjection as RangeProjection
    from tfadv.layers.slwta import StochasticLWTA as StochasticLWTA
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, LAYERS)
