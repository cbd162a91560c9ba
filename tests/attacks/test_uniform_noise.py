import numpy as np
import pytest
import tensorflow as tf

from tfadv import L1, L2, LInf, losses, random
from tfadv.attacks.problem import Problem
from tfadv.attacks.uniform_noise import UniformNoise


@pytest.mark.parametrize("threat", [LInf(0.1), L2(0.5), L1(2.0)])
def test_returns_the_worst_of_the_draws(threat, classifiers, images, predict):
    """Of images that no draw fools: of the others the place in the batch, and with it the draw, changes."""
    model, seed = classifiers("mlp"), random.key(7)
    y = predict(model, images)
    draws = [threat.random_start(images, random.key(seed, t)).numpy() for t in range(6)]
    margins = np.stack([losses.margin(y, model(x)) for x in (images, *draws)])
    stands = (margins < 0).all(axis=0)
    assert stands.sum() > 16
    at = np.flatnonzero(stands)
    crafted = lambda n: UniformNoise(draws=n).craft(  # noqa: E731
        model, tf.constant(images[at]), tf.constant(y[at]), threat=threat, seed=seed
    )
    draws = [threat.random_start(images[at], random.key(seed, t)).numpy() for t in range(6)]
    points = np.stack([images[at], *draws])
    margins = np.stack([losses.margin(y[at], model(x)) for x in points])
    for n in (1, 6):
        worst = margins[: n + 1].argmax(axis=0)
        assert np.allclose(crafted(n), points[worst, np.arange(len(at))], atol=1e-6)
    assert len(set(worst)) > 3


def test_keeps_the_draw_that_fools():
    x = np.full((50, 1, 1, 1), 0.5, np.float32)
    # Misclassified only above 0.58, where the other logit is lower than at 0.5.
    logits_fn = lambda x: tf.stack([0 * x[:, 0, 0, 0], tf.where(x > 0.58, 0.1, -5 * x)[:, 0, 0, 0]], axis=1)  # noqa: E731
    problem = Problem(logits_fn, tf.constant(x), tf.zeros(50, tf.int32))
    x_adv = UniformNoise(draws=30).perturb_projected(problem, LInf(0.1), random.key(0))
    assert np.mean(x_adv.numpy() > 0.58) > 0.9
