"""Blur: out of focus, behind frosted glass, of motion, of a zoom. Images (n, h, w, c) in [0, 1]."""

import numpy as np

from tfadv.data.corruptions.resampling import motion_blurred, zoomed


def defocus_blur(x, rng, radius, softness):
    """The mean over a disk of this radius, whose edge is softened by a normal filter."""
    from scipy.ndimage import correlate

    kernel = disk(radius, softness)
    return correlate(x, kernel[None, :, :, None].astype(np.float32), mode="mirror")


def disk(radius, softness):
    """Weights of the pixels around one, (k, k)."""
    from scipy.ndimage import correlate1d

    reach = max(8, int(radius))
    at = np.arange(-reach, reach + 1)
    kernel = (at[:, None] ** 2 + at**2 <= radius**2).astype(float)
    half = 1 if radius <= 8 else 2
    smooth = np.exp(-(np.arange(-half, half + 1) ** 2) / (2 * softness**2))
    kernel /= kernel.sum()
    for axis in (0, 1):
        kernel = correlate1d(kernel, smooth / smooth.sum(), axis, mode="mirror")
    used = np.flatnonzero(kernel.any(axis=0))
    return kernel[used[0] : used[-1] + 1, used[0] : used[-1] + 1]


def glass_blur(x, rng, sigma, reach, times):
    """Each pixel takes the value of one nearby, between two normal filters.

    The authors' code means to swap the two; that of the published images copies one, which NumPy makes of it.
    """
    from scipy.ndimage import gaussian_filter

    smooth = lambda x: gaussian_filter(x, (0, sigma, sigma, 0), mode="nearest")  # noqa: E731
    x, image = np.floor(255 * smooth(x) + 1e-3) / 255, np.arange(len(x))
    rows, columns = (range(length - reach, reach, -1) for length in x.shape[1:3])
    for _ in range(times):
        for row in rows:
            for column in columns:
                right, down = rng.randint(-reach, reach, size=(2, len(x)))
                x[:, row, column] = x[image, row + down, column + right]
    return smooth(x)


def motion_blur(x, rng, radius, sigma):
    """Blurred in a random direction, up to 45 degrees from the horizontal."""
    return motion_blurred(x, radius, sigma, rng.uniform(-45, 45, len(x)))


def zoom_blur(x, rng, factors):
    """The mean of the image and its middle enlarged by each of the factors."""
    return (x + sum(zoomed(x, factor) for factor in factors)) / (len(factors) + 1)
