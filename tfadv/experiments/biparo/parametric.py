"""How strong parametric noise is trained to be. See `tfadv.study.measures`."""

import dataclasses

import numpy as np

from tfadv.study.measures import titled


@dataclasses.dataclass(frozen=True)
class NoiseStrength:
    """The mean size of alpha in each layer, first to last: `layers`, (k,); `value` is the first half of them."""

    title: str = titled("alpha, first half")

    def __call__(self, network):
        from tfadv.layers.parametric_noise import noise_factors

        layers = np.array([float(np.abs(alpha.numpy()).mean()) for alpha in noise_factors(network.model)])
        return {"value": layers[: max(1, len(layers) // 2)], "layers": layers}
