import numpy as np
import pytest
import tensorflow as tf

from tfadv import L1, L2, PGD, LInf, random
from tfadv.attacks.hill_climb import PROPOSALS, HillClimb
from tfadv.attacks.problem import Problem

BALLS = [LInf(0.1), L2(0.5), L1(2.0)]


def gray(n, *shape):
    return np.random.default_rng(0).uniform(0.4, 0.6, (n, *shape)).astype("float32")


@pytest.mark.parametrize("threat", BALLS)
@pytest.mark.parametrize("proposal", PROPOSALS)
def test_proposals_are_sigma_eps_long_and_the_best_is_kept(threat, proposal):
    w, x, asked = np.random.default_rng(1).normal(size=(6, 6, 2)).astype("float32"), gray(5, 6, 6, 2), []
    score = lambda x: tf.reduce_sum(x * w, axis=[1, 2, 3]) - 100  # noqa: E731

    def logits_fn(x):
        asked.append(x.numpy())
        return tf.stack([tf.zeros(len(x)), score(x)], axis=1)

    attack = HillClimb(queries=15, proposal=proposal, sigma=0.05)
    problem = Problem(logits_fn, tf.constant(x), tf.zeros(5, tf.int32))
    x_adv = attack.perturb_projected(problem, threat, random.key(1)).numpy()
    best, height = asked[0], score(asked[0]).numpy()
    assert np.array_equal(best, x) and len(asked) == 16
    for proposed in asked[1:]:
        # Fifteen of them end before the ball does.
        assert np.allclose(threat.distance(tf.constant(proposed), best), 0.05 * threat.eps, rtol=2e-3)
        higher = score(proposed).numpy() > height
        best = np.where(higher[:, None, None, None], proposed, best)
        height = np.maximum(height, score(proposed).numpy())
    assert np.allclose(x_adv, best, atol=1e-6)


def test_what_is_proposed():
    shape = [200, 10, 12, 3]
    square = PROPOSALS["square"](shape, random.key(1)).numpy()
    sparse = PROPOSALS["sparse"](shape, random.key(1)).numpy()
    sides = set()
    for one in square:
        rows, columns, _ = np.nonzero(one)
        sides.add(np.ptp(rows))
        assert np.ptp(rows) == np.ptp(columns) < 5 and len(rows) == 3 * (np.ptp(rows) + 1) ** 2
    assert sides == set(range(5))
    # 1% of 360 values; draws of 16 bits may tie.
    assert (np.abs(sparse).sum(axis=(1, 2, 3)) >= 3).all() and np.abs(sparse).sum(axis=(1, 2, 3)).mean() < 3.1
    assert {-1, 0, 1} == set(np.unique(sparse)) and abs(sparse.sum()) < 100
    gaussian = PROPOSALS["gaussian"](shape, random.key(1)).numpy()
    assert abs(gaussian.mean()) < 0.02 and abs(gaussian.std() - 1) < 0.02
    assert (np.abs(PROPOSALS["sparse"]([9, 1, 1, 1], random.key(1))) == 1).all()


@pytest.mark.parametrize("proposal", PROPOSALS)
def test_more_queries_fool_more_and_gradients_still_more(proposal, classifiers, images, labels, predict):
    model, threat = classifiers("cnn"), LInf(0.15)
    right = predict(model, images) == labels
    fooled = []
    for queries in (1, 20, 400):
        x_adv = HillClimb(queries=queries, proposal=proposal)(model, images, labels, threat=threat)
        fooled.append(predict(model, x_adv) != labels)
    for fewer, more in zip(fooled, fooled[1:], strict=False):
        assert (more >= fewer).all()
    assert fooled[-1][right].mean() > fooled[0][right].mean() + 0.1
    white_box = predict(model, PGD(steps=40)(model, images, labels, threat=threat)) != labels
    assert white_box.mean() >= fooled[-1].mean()
