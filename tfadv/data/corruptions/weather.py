"""Weather: snow, frost, fog. Images (n, h, w, c) in [0, 1]."""

import numpy as np

from tfadv.data.corruptions.resampling import motion_blurred, zoomed

# Red, green and blue of the authors' five photographs of frost on average, and how much their pixels differ from it.
FROST = np.array([[0.30, 0.58, 0.65], [0.79, 0.81, 0.84], [0.79, 0.81, 0.84], [0.54, 0.60, 0.65], [0.44, 0.48, 0.53]])
FROST_CONTRAST = 0.09
# The share of each color in gray (ITU-R BT.601).
GRAY = np.array([0.299, 0.587, 0.114])


def snow(x, rng, mean, spread, factor, threshold, radius, sigma, kept):
    """Blurred flakes from two sides, over an image that is bleached a little (`kept` of it is not)."""
    flakes = zoomed(rng.normal(mean, spread, (*x.shape[:3], 1)), factor)
    flakes = np.clip(np.where(flakes < threshold, 0, flakes), 0, 1).astype(np.float32)
    flakes = motion_blurred(flakes, radius, sigma, rng.uniform(-135, -45, len(x)))
    bleached = np.maximum(x, 1.5 * gray(x) + 0.5)
    return kept * x + (1 - kept) * bleached + flakes + flakes[:, ::-1, ::-1]


def frost(x, rng, kept, added):
    """`kept` of the image and `added` of a frost, a fractal of the color and the contrast of one of the photographs."""
    texture = fractal(rng, len(x), max(x.shape[1:3]), 2)[:, : x.shape[1], : x.shape[2]]
    texture -= texture.mean(axis=(1, 2), keepdims=True)
    texture *= FROST_CONTRAST / np.maximum(texture.std(axis=(1, 2), keepdims=True), 1e-9)
    color = FROST[rng.randint(len(FROST), size=len(x))][:, None, None]
    ice = np.clip(color + texture[..., None], 0, 1)
    return kept * x + added * (ice if x.shape[3] == 3 else gray(ice))


def fog(x, rng, density, roughness):
    """A fractal fog; what is brightest stays as bright as it was."""
    brightest = x.max(axis=(1, 2, 3), keepdims=True)
    cloud = fractal(rng, len(x), max(x.shape[1:3]), roughness)[:, : x.shape[1], : x.shape[2], None]
    return (x + density * cloud) * brightest / (brightest + density)


def gray(x):
    """How bright each pixel is, (n, h, w, 1)."""
    return x if x.shape[3] == 1 else (x @ GRAY)[..., None]


def fractal(rng, n, side, roughness):
    """Height maps between 0 and 1 by the diamond-square algorithm, (n, m, m), m the power of two from `side` up.

    Args:
        roughness: by how much the random part shrinks from one scale to the next.
    """
    size = 1 << max(1, (side - 1).bit_length())
    heights, step, random = np.zeros((n, size, size)), size, 100.0
    while step >= 2:
        half = step // 2
        moved = lambda sums: sums / 4 + random * rng.uniform(-random, random, sums.shape)  # noqa: B023, E731
        corners = heights[:, ::step, ::step]
        sums = corners + np.roll(corners, -1, 1)
        heights[:, half::step, half::step] = moved(sums + np.roll(sums, -1, 2))
        middles = heights[:, half::step, half::step]
        heights[:, ::step, half::step] = moved(middles + np.roll(middles, 1, 1) + corners + np.roll(corners, -1, 2))
        heights[:, half::step, ::step] = moved(middles + np.roll(middles, 1, 2) + corners + np.roll(corners, -1, 1))
        step, random = half, random / roughness
    heights -= heights.min(axis=(1, 2), keepdims=True)
    return heights / heights.max(axis=(1, 2), keepdims=True)
