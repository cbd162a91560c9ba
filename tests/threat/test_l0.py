import itertools

import numpy as np
import pytest
import tensorflow as tf

from tfadv import random, threat
from tfadv.threat import L0
from tfadv.threat.l0 import largest

RNG = np.random.default_rng(0)


def changed(x_adv, x):
    return (np.asarray(x_adv) != x).any(axis=-1).reshape(len(x), -1).sum(axis=1)


def test_projection_is_the_nearest_point_of_all_choices_of_pixels():
    """By brute force: each choice of 2 of 6 pixels, with their values clipped to the box."""
    x = RNG.uniform(0, 1, (20, 2, 3, 2)).astype("float32")
    z = (x + RNG.normal(0, 1, x.shape)).astype("float32")
    found = L0(2).project(tf.constant(z), tf.constant(x)).numpy()
    inside = np.clip(z, 0, 1)
    nearest = np.full(len(x), np.inf)
    for chosen in itertools.combinations(range(6), 2):
        mask = np.isin(np.arange(6), chosen).reshape(2, 3, 1)
        nearest = np.minimum(nearest, np.square(np.where(mask, inside, x) - z).sum(axis=(1, 2, 3)))
    np.testing.assert_allclose(np.square(found - z).sum(axis=(1, 2, 3)), nearest, rtol=1e-5)
    assert (changed(found, x) == 2).all() and found.min() >= 0 and found.max() <= 1


@pytest.mark.parametrize("shape", [(4, 5, 3), (20,)])
@pytest.mark.parametrize(("eps", "most"), [(0, 0), (3, 3), (3.9, 3), (1e9, 20)])
def test_never_more_pixels_than_eps(shape, eps, most):
    """In images all channels of a place are one pixel, in vectors each coordinate is one."""
    x = RNG.uniform(0.1, 0.9, (50, *shape)).astype("float32")
    z = x + np.float32(1e30) * RNG.normal(size=x.shape).astype("float32")
    for found in (L0(eps).project(z, x), L0(eps).random_start(x, random.key(1)), x + L0(eps).steepest(z)):
        count = changed(found if len(shape) == 3 else found[..., None], x if len(shape) == 3 else x[..., None])
        assert count.max() == most
        np.testing.assert_array_equal(L0(eps).distance(found, x), count)
    assert np.all(L0(eps).contains(L0(eps).project(z, x), x))


def test_one_pixel_too_many_is_outside():
    x = np.full((1, 3, 3, 2), 0.5, np.float32)
    z = x.copy()
    z[0, 0, 0], z[0, 1, 1, 1] = 0, 0.500001
    assert L0(2).contains(z, x) and not L0(1).contains(z, x)


def test_random_starts_are_uniform():
    x = np.full((3000, 2, 3, 1), 2.0, np.float32)
    start = L0(2).random_start(x, random.key(0)).numpy()
    assert np.allclose((start != 2).mean(axis=0), 2 / 6, atol=0.03)
    assert np.allclose(np.quantile(start[start != 2], [0.25, 0.5, 0.75]), [0.25, 0.5, 0.75], atol=0.03)


def test_of_equal_ones_the_first_are_the_largest():
    chosen = largest(tf.constant([[1.0, 2.0, 2.0, 2.0], [0.0, 0.0, 0.0, 0.0], [4.0, 3.0, 2.0, 1.0]]), 2)
    np.testing.assert_array_equal(chosen, [[0, 1, 1, 0], [1, 1, 0, 0], [1, 1, 0, 0]])


def test_spec():
    assert str(L0(24)) == "l0:24" and threat.parse(str(L0(2, box=None))) == L0(2, box=None)
    assert threat.parse("l0:24") == L0(24) == threat.parse(str(L0(24))) == threat.parse("l0(eps=24)")
