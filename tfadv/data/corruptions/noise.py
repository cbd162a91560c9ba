"""Noise: of the sensor, of few photons, of broken pixels. Images (n, h, w, c) in [0, 1]; the caller clips."""

import numpy as np


def gaussian_noise(x, rng, scale):
    """Normal noise of standard deviation `scale`."""
    return x + rng.normal(scale=scale, size=x.shape)


def shot_noise(x, rng, photons):
    """Poisson noise: `photons` of a white pixel are counted."""
    return rng.poisson(x * photons) / photons


def impulse_noise(x, rng, share):
    """A `share` of the values becomes 0 or 1."""
    draws = rng.uniform(size=x.shape)
    return np.where(draws < share / 2, 0, np.where(draws < share, 1, x))
