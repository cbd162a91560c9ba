"""The fifteen common corruptions at five severities: noise, blur, weather and digital changes of test images.

Hendrycks, Dietterich: Benchmarking Neural Network Robustness to Common Corruptions and Perturbations, 2019: by their
definitions, with the constants of CIFAR-10-C for images below 64 pixels and those of ImageNet-C for larger ones. Frost
is drawn here, as their photographs are not free to be copied. NumPy and Pillow, no TensorFlow.
"""

import typing
from collections.abc import Callable

import numpy as np

from tfadv import validation
from tfadv.data.corruptions import blur, digital, noise, weather
from tfadv.errors import invalid

SEVERITIES = (1, 2, 3, 4, 5)
# Sides from here on take the constants that were chosen for 224 pixels.
LARGE = 64
# Values at a time, 40 MB of them.
CHUNK = 10_000_000


class Corruption(typing.NamedTuple):
    """A corruption `(images, random numbers, *constants) -> images` and its constants, severity 1 to 5."""

    change: Callable[..., np.ndarray]
    small: tuple
    large: tuple


def _factors(*ends_and_steps):
    """The zoom factors from 1 up to each end, as `np.arange` counts them."""
    return tuple((tuple(np.arange(1, end, step)),) for end, step in ends_and_steps)


CORRUPTIONS = {
    "gaussian_noise": Corruption(noise.gaussian_noise, (0.04, 0.06, 0.08, 0.09, 0.10), (0.08, 0.12, 0.18, 0.26, 0.38)),
    "shot_noise": Corruption(noise.shot_noise, (500, 250, 100, 75, 50), (60, 25, 12, 5, 3)),
    "impulse_noise": Corruption(noise.impulse_noise, (0.01, 0.02, 0.03, 0.05, 0.07), (0.03, 0.06, 0.09, 0.17, 0.27)),
    "defocus_blur": Corruption(
        blur.defocus_blur,
        ((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1, 0.2), (1.5, 0.1)),
        ((3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5)),
    ),
    "glass_blur": Corruption(
        blur.glass_blur,
        ((0.05, 1, 1), (0.25, 1, 1), (0.4, 1, 1), (0.25, 1, 2), (0.4, 1, 2)),
        ((0.7, 1, 2), (0.9, 2, 1), (1, 2, 3), (1.1, 3, 2), (1.5, 4, 2)),
    ),
    "motion_blur": Corruption(
        blur.motion_blur,
        ((6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5)),
        ((10, 3), (15, 5), (15, 8), (15, 12), (20, 15)),
    ),
    "zoom_blur": Corruption(
        blur.zoom_blur,
        _factors((1.06, 0.01), (1.11, 0.01), (1.16, 0.01), (1.21, 0.01), (1.26, 0.01)),
        _factors((1.11, 0.01), (1.16, 0.01), (1.21, 0.02), (1.26, 0.02), (1.31, 0.03)),
    ),
    "snow": Corruption(
        weather.snow,
        (
            (0.1, 0.2, 1, 0.6, 8, 3, 0.95),
            (0.1, 0.2, 1, 0.5, 10, 4, 0.9),
            (0.15, 0.3, 1.75, 0.55, 10, 4, 0.9),
            (0.25, 0.3, 2.25, 0.6, 12, 6, 0.85),
            (0.3, 0.3, 1.25, 0.65, 14, 12, 0.8),
        ),
        (
            (0.1, 0.3, 3, 0.5, 10, 4, 0.8),
            (0.2, 0.3, 2, 0.5, 12, 4, 0.7),
            (0.55, 0.3, 4, 0.9, 12, 8, 0.7),
            (0.55, 0.3, 4.5, 0.85, 12, 8, 0.65),
            (0.55, 0.3, 2.5, 0.85, 12, 12, 0.55),
        ),
    ),
    "frost": Corruption(
        weather.frost,
        ((1, 0.2), (1, 0.3), (0.9, 0.4), (0.85, 0.4), (0.75, 0.45)),
        ((1, 0.4), (0.8, 0.6), (0.7, 0.7), (0.65, 0.7), (0.6, 0.75)),
    ),
    "fog": Corruption(
        weather.fog,
        ((0.2, 3), (0.5, 3), (0.75, 2.5), (1, 2), (1.5, 1.75)),
        ((1.5, 2), (2, 2), (2.5, 1.7), (2.5, 1.5), (3, 1.4)),
    ),
    "brightness": Corruption(digital.brightness, (0.05, 0.1, 0.15, 0.2, 0.3), (0.1, 0.2, 0.3, 0.4, 0.5)),
    "contrast": Corruption(digital.contrast, (0.75, 0.5, 0.4, 0.3, 0.15), (0.4, 0.3, 0.2, 0.1, 0.05)),
    "elastic_transform": Corruption(
        digital.elastic_transform,
        ((0, 0, 0.08), (0.05, 0.2, 0.07), (0.08, 0.06, 0.06), (0.1, 0.04, 0.05), (0.1, 0.03, 0.03)),
        # The authors' constants are shares of 244 pixels, for images of 224.
        tuple(
            tuple(244 / 224 * part for part in parts)
            for parts in ((2, 0.7, 0.1), (2, 0.08, 0.2), (0.05, 0.01, 0.02), (0.07, 0.01, 0.02), (0.12, 0.01, 0.02))
        ),
    ),
    "pixelate": Corruption(digital.pixelate, (0.95, 0.9, 0.85, 0.75, 0.65), (0.6, 0.5, 0.4, 0.3, 0.25)),
    "jpeg_compression": Corruption(digital.jpeg_compression, (80, 65, 58, 50, 40), (25, 18, 15, 10, 7)),
}


def corrupt(x: np.ndarray, name: str, severity: int, seed: int = 0) -> np.ndarray:
    """Corrupted images, in steps of 1/255 as in the published sets.

    Args:
        x: images (n, height, width, 1 or 3), floats in [0, 1].
        name: one of `CORRUPTIONS`.
        severity: 1 to 5.
        seed: the same gives the same bits.

    Returns:
        float32 array like x, in [0, 1].

    Raises:
        TfadvError: for an unknown name or severity, and for images that are not gray or RGB.

    >>> corrupt(np.full((1, 32, 32, 3), 0.5), "contrast", 5).mean().round(2)
    np.float32(0.5)
    """
    x = validation.images(x)
    if name not in CORRUPTIONS:
        raise invalid("corruption", f"one of {', '.join(CORRUPTIONS)}", repr(name))
    if severity not in SEVERITIES:
        raise invalid("severity", "1, 2, 3, 4 or 5", repr(severity))
    check_channels(x.shape[3])
    # RandomState: NumPy promises that its numbers never change between versions.
    rng = np.random.RandomState([seed % 2**32, list(CORRUPTIONS).index(name), severity])
    size = max(1, CHUNK // x[0].size)
    parts = [_corrupt(x[i : i + size], CORRUPTIONS[name], severity, rng) for i in range(0, len(x), size)]
    return np.concatenate(parts)


def check_channels(channels: int) -> None:
    """Refuse images that are neither gray nor RGB."""
    if channels not in (1, 3):
        raise invalid("images to corrupt", "1 or 3 channels", f"{channels}")


def _corrupt(x, corruption, severity, rng):
    constants = (corruption.small if min(x.shape[1:3]) < LARGE else corruption.large)[severity - 1]
    constants = constants if isinstance(constants, tuple) else (constants,)
    bytes_ = 255 * np.clip(corruption.change(x, rng, *constants), 0, 1)
    # Cut off as the authors do; what falls short of a whole number by rounding alone is that number.
    return np.floor(bytes_ + 1e-3).astype(np.float32) / 255
