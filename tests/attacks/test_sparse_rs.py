import numpy as np
import pytest
import tensorflow as tf

from tfadv import random
from tfadv.attacks.problem import Problem
from tfadv.attacks.sparse_rs import SparseRS, colors, swap
from tfadv.errors import TfadvError
from tfadv.threat import L0


def test_swaps_follow_the_schedule():
    attack = SparseRS(alpha_init=0.8)
    swaps = [int(attack._swaps(tf.constant(t), tf.constant(100.0))) for t in (0, 49, 50, 499, 1999, 2000, 9999)]
    assert swaps == [40, 40, 20, 16, 10, 8, 4]  # 80 / 2, 2, 4, 5, 8, 10 and 20
    # With a tenth of the queries the same shares come ten times as early; one pixel is moved at least.
    attack = SparseRS(queries=1000)
    assert [int(attack._swaps(tf.constant(t), tf.constant(24.0))) for t in (0, 4, 5, 999)] == [3, 3, 1, 1]
    assert int(attack._swaps(tf.constant(0), tf.constant(0.0))) == 0


@pytest.mark.parametrize(("painted", "count"), [(4, 1), (4, 3), (9, 2), (10, 3), (0, 0)])
def test_as_many_pixels_are_painted_after_a_swap(painted, count):
    before = tf.constant(np.arange(10) < painted) & tf.ones((500, 10), tf.bool)
    after, new = (part.numpy() for part in swap(before, count, random.key(1)))
    assert (after.sum(axis=1) == painted).all() and (new.sum(axis=1) == count).all() and (after | ~new).all()
    kept = after & ~new
    assert (kept.sum(axis=1) == painted - count).all() and (before.numpy() | ~kept).all()
    free = 10 - painted
    if free >= count:
        assert not (new & before.numpy()).any() and np.allclose(new[:, painted:].mean(axis=0), count / free, atol=0.1)


def test_colors_are_corners_that_the_pixel_does_not_have():
    x = np.zeros((4000, 1, 2, 2), np.float32)
    x[:, 0, 1] = 0.5
    drawn = colors(tf.constant(x), (0.0, 1.0), random.key(0)).numpy()
    assert np.isin(drawn, (0, 1)).all() and drawn[:, 0, 0].max(axis=1).min() == 1
    assert np.allclose(drawn[:, 0, 1].mean(axis=0), 0.5, atol=0.03)
    assert (colors(tf.constant([[0.0, 1.0, 0.0]]), (0.0, 1.0), random.key(0)).numpy() == [[1, 0, 1]]).all()


def test_keeps_what_is_better_and_finds_the_best_pixels_of_a_linear_model():
    rng, k = np.random.default_rng(0), 2
    x, w, asked = rng.uniform(0, 1, (5, 3, 3, 1)).astype("float32"), rng.normal(size=(3, 3, 1)).astype("float32"), []
    score = lambda z: tf.reduce_sum(z * w, axis=[1, 2, 3]) - 100  # noqa: E731

    def logits_fn(z):
        asked.append(z.numpy())
        return tf.stack([tf.zeros(len(z)), score(z)], axis=1)

    problem = Problem(logits_fn, tf.constant(x), tf.zeros(5, tf.int32))
    found = SparseRS(queries=250).perturb_projected(problem, L0(k), random.key(0)).numpy()
    heights = np.stack([score(z) for z in asked[1:]])  # the first is x itself
    np.testing.assert_allclose(score(found), heights.max(axis=0), rtol=1e-6)
    counts = np.stack([L0(k).distance(tf.constant(z), x) for z in asked[1:]])
    assert (counts == k).all() and np.isin(np.stack(asked[1:])[np.stack(asked[1:]) != x], (0, 1)).all()
    gain = np.sort((np.where(w > 0, 1 - x, x) * np.abs(w)).sum(axis=3).reshape(5, -1), axis=1)[:, -k:].sum(axis=1)
    rise = (score(found) - score(x)).numpy()
    assert (rise <= gain + 1e-4).all() and (rise > 0.9 * gain).all()


def test_a_pixel_returns_to_its_value_in_the_image_when_it_is_put_back():
    x, asked = np.full((1, 2, 2, 1), 0.5, np.float32), []

    def logits_fn(z):
        asked.append(z.numpy())
        return tf.stack([tf.zeros(1), tf.reduce_sum(z, axis=[1, 2, 3]) - 9 + len(asked)], axis=1)  # each is better

    SparseRS(queries=6).perturb_projected(
        Problem(logits_fn, tf.constant(x), tf.zeros(1, tf.int32)), L0(1), random.key(0)
    )
    assert len(asked) > 5 and all((z != 0.5).sum() == 1 for z in asked[1:])


def test_refuses_a_threat_model_without_a_box():
    problem = Problem(lambda z: z, tf.zeros((2, 3)), tf.zeros(2, tf.int32))
    with pytest.raises(TfadvError, match="sparse_rs: box: expected a box, whose corners are tried"):
        SparseRS().perturb_projected(problem, L0(1, box=None), random.key(0))


def test_refuses_a_share_above_one():
    with pytest.raises(
        TfadvError, match="sparse_rs: alpha_init: expected a number above 0 and at most 1, received 1.5"
    ):
        SparseRS(alpha_init=1.5)
