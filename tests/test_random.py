import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from tfadv import random


@pytest.mark.parametrize("draw", [random.uniform, random.normal])
def test_the_same_with_and_without_xla_in_graph_and_eager(draw):
    """Folding included: TensorFlow's own default there is another algorithm under XLA."""
    numbers = lambda seed: draw([50], random.key(seed, 3, 1))  # noqa: E731
    eager = numbers(tf.constant(5))
    for jit in (False, True):
        graph = tf.function(numbers, jit_compile=jit)(tf.constant(5))
        # The inverse of the normal distribution is rounded differently; the draws under it are the same.
        assert np.allclose(graph, eager, rtol=1e-4, atol=1e-6) and (
            draw is random.normal or np.array_equal(graph, eager)
        )


def test_every_seed_and_salt_is_another_stream():
    seeds = [0, 1, -1, 2**31, 2**32, 2**40, 2**63 - 1, -(2**63), np.int64(7)]
    keys = [tuple(random.key(s).numpy()) for s in seeds]
    keys += [tuple(random.key(0, *salts).numpy()) for salts in ((0,), (1,), (0, 0), (0, 1), (1, 0))]
    assert len(set(keys)) == len(keys)
    assert random.key(5).numpy().tolist() == [5, 0] and random.key(tf.constant([3, 4])).numpy().tolist() == [
        3,
        4,
    ]


def test_distributions():
    u, z = (draw([20_000], random.key(1)).numpy() for draw in (random.uniform, random.normal))
    assert u.dtype == z.dtype == np.float32 and u.min() >= 0 and u.max() < 1 and np.isfinite(z).all()
    assert stats.kstest(u, "uniform").pvalue > 0.01 and stats.kstest(z, "norm").pvalue > 0.01
