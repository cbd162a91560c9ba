"""How strong parametric noise is trained to be, and what is left without it. See `tfadv.study.measures`."""

import contextlib
import dataclasses

import numpy as np

from tfadv.study.measures import Measure, titled


@dataclasses.dataclass(frozen=True)
class NoiseOff:
    """Another measure on the same weights with every alpha at 0: the network without its noise."""

    measure: Measure
    title: str = titled("")

    def __call__(self, network):
        with silenced(network.model):
            return self.measure(network.changed())


@dataclasses.dataclass(frozen=True)
class NoiseStrength:
    """The mean size of alpha in each layer, first to last: `layers`, (k,); `value` is the first half of them."""

    title: str = titled("alpha, first half")

    def __call__(self, network):
        layers = np.array([float(np.abs(alpha.numpy()).mean()) for alpha in alphas(network.model)])
        return {"value": layers[: max(1, len(layers) // 2)], "layers": layers}


def alphas(model):
    """The factors of the noise of a model's layers, first to last."""
    return [weight for weight in model.weights if weight.name == "alpha"]


@contextlib.contextmanager
def silenced(model):
    """The model without noise, for a while."""
    values = [(alpha, alpha.numpy()) for alpha in alphas(model)]
    for alpha, value in values:
        alpha.assign(np.zeros_like(value))
    try:
        yield
    finally:
        for alpha, value in values:
            alpha.assign(value)
