"""What the larger architectures are made of: convolutions and dense layers with seeded weights, activations, noise."""

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from tfadv.errors import invalid
from tfadv.layers.noisy_weights import NoisyConv2D, NoisyDense
from tfadv.layers.parametric_noise import ALPHA, SHAPES, ParametricNoise
from tfadv.registry import Registry

Tensor = keras.KerasTensor
NOISES = Registry("noise", {"pni": "tfadv.models.parts:PNI"})
ACTIVATIONS = Registry("activation", {"relu": "tfadv.models.parts:relu", "slwta": "tfadv.layers.slwta:StochasticLWTA"})
NOISY = {layers.Conv2D: NoisyConv2D, layers.Dense: NoisyDense}
# (mean, standard deviation) of pixels, roughly those of CIFAR-10; fixed, so that eps means pixels.
PIXELS = (0.5, 0.25)
# Of the seeds 1000 s + k, those of weights begin at k = 0 and those of noise here: no draw is like initial weights.
NOISE_SEEDS = 500


@dataclasses.dataclass(frozen=True)
class PNI:
    """Where a network has parametric noise: `pni(where=weights, by=channel)`.

    Args:
        where: `"weights"` of each convolution and dense layer (PNI-W), their `"inputs"` or `"outputs"` (PNI-A), or the
            `"image"` (PNI-I); or several of them.
        by, alpha: as `ParametricNoise` takes them.

    Raises:
        TfadvError: for another place.
    """

    where: str | tuple[str, ...] = "weights"
    by: str = "layer"
    alpha: float = ALPHA

    def __post_init__(self):
        places = (self.where,) if isinstance(self.where, str) else self.where
        if not places or set(places) - {"weights", "inputs", "outputs", "image"}:
            raise invalid("pni: where", "weights, inputs, outputs, image, or several of them", repr(self.where))
        if self.by not in SHAPES:
            raise invalid("pni: by", " or ".join(SHAPES), repr(self.by))
        object.__setattr__(self, "where", places)


def relu(seed: int) -> keras.layers.Layer:
    """max(0, x), which draws nothing."""
    return layers.ReLU()


def scaled(name: str, channels: Sequence[int], width: float) -> list[int]:
    """Numbers of channels times a factor, each at least 1, of the architecture with this name.

    >>> scaled("resnet18", (64, 128), 1.25)
    [80, 160]
    """
    if isinstance(width, bool) or not isinstance(width, int | float) or not 0 < width < float("inf"):
        raise invalid(f"{name}: width", "a factor of the channels above 0", repr(width))
    return [max(1, round(count * width)) for count in channels]


class Parts:
    """Layers with the weights of a seed: called with a tensor (n, ..., c), each gives another one.

    Args:
        seed: of the initial weights. They do not depend on the noise.
        noise: None, or the spec of a `PNI`, `"pni(by=channel)"`.
        activation: `"relu"`, or the spec of a `StochasticLWTA`, `"slwta(competitors=2)"`.

    Raises:
        TfadvError: for a noise or an activation that is not known.
    """

    def __init__(self, seed: int, noise: str | None = None, activation: str = "relu"):
        self.seeds, self.noise_seeds = itertools.count(1000 * seed), itertools.count(1000 * seed + NOISE_SEEDS)
        self.noise = NOISES.build(noise) if noise else None
        self.activation = activation

    def pixels(self, x: Tensor, mean: float = PIXELS[0], deviation: float = PIXELS[1]) -> Tensor:
        """Pixels in [0, 1] with about this mean and deviation, as others of mean 0 and deviation 1."""
        return self._noise_at("image", layers.Rescaling(1 / deviation, -mean / deviation)(x))

    def conv(
        self,
        x: Tensor,
        filters: int,
        size: int,
        strides: int = 1,
        *,
        padding: str = "same",
        use_bias: bool = False,
        init: type[keras.Initializer] = keras.initializers.HeNormal,
    ) -> Tensor:
        """A convolution with `filters` channels."""
        options = {"strides": strides, "padding": padding, "use_bias": use_bias}
        return self._weighted(x, layers.Conv2D, filters, size, kernel_initializer=init(next(self.seeds)), **options)

    def dense(self, x: Tensor, units: int, **options: Any) -> Tensor:
        """A dense layer, (n, c) to (n, units)."""
        init = keras.initializers.GlorotUniform(next(self.seeds))
        return self._weighted(x, layers.Dense, units, kernel_initializer=init, **options)

    def logits(self, x: Tensor, classes: int) -> Tensor:
        """The last layer, in float32 whatever the precision of the others."""
        return self.dense(x, classes, dtype="float32", name="logits")

    def active(self, x: Tensor) -> Tensor:
        """The activation."""
        return ACTIVATIONS.build(self.activation, seed=next(self.noise_seeds))(x)

    def normal(self, x: Tensor) -> Tensor:
        """Batch normalization with the constants of the published networks."""
        return layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x)

    def _weighted(self, x, kind, *sizes, dtype=None, **options):
        x = self._noise_at("inputs", x, dtype)
        if self.noise and "weights" in self.noise.where:
            by, alpha = self.noise.by, self.noise.alpha
            kind, options = NOISY[kind], {"by": by, "alpha": alpha, "noise_seed": next(self.noise_seeds), **options}
        return self._noise_at("outputs", kind(*sizes, dtype=dtype, **options)(x), dtype)

    def _noise_at(self, place, x, dtype=None):
        if not self.noise or place not in self.noise.where:
            return x
        return ParametricNoise(self.noise.by, self.noise.alpha, next(self.noise_seeds), dtype=dtype)(x)
