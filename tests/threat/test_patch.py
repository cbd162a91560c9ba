import numpy as np
import pytest
import tensorflow as tf

from tfadv import random, threat
from tfadv.attacks.problem import Problem
from tfadv.attacks.square import Square
from tfadv.errors import TfadvError
from tfadv.threat import Patch

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("given", "shape", "window"),
    [
        # sqrt(0.05 * 784) = 6.3.
        (Patch(), (28, 28, 1), (11, 11, 6, 6)),
        (Patch(at=(0, 22)), (28, 28, 3), (0, 22, 6, 6)),
        (Patch(area=1), (4, 9, 1), (0, 2, 4, 4)),
        (Patch(area=1e-6), (5, 5, 1), (2, 2, 1, 1)),
    ],
)
def test_where_the_square_lies(given, shape, window):
    assert given.window(shape) == window
    top, left, height, width = window
    rows, columns, _ = np.nonzero(given.mask(shape))
    assert (rows.min(), columns.min()) == (top, left) and len(rows) == height * width
    assert (np.ptp(rows) + 1, np.ptp(columns) + 1) == (height, width)


@pytest.mark.parametrize("eps", [1.0, 0.2])
def test_all_is_free_within_and_nothing_moves_beside_it(eps):
    within = Patch(eps, area=0.2, at=(1, 0))
    x = RNG.uniform(0, 1, (200, 5, 4, 2)).astype("float32")
    z = x + RNG.normal(0, 2, x.shape).astype("float32")
    mask = np.broadcast_to(within.mask(x.shape[1:]), x.shape)
    expected = np.where(mask, np.clip(np.clip(z, x - np.float32(eps), x + np.float32(eps)), 0, 1), x)
    np.testing.assert_array_equal(within.project(z, x), expected)
    start = within.random_start(x, random.key(0)).numpy()
    low, high = (np.where(mask, end, x) for end in (np.maximum(x - eps, 0), np.minimum(x + eps, 1)))
    share = ((start - low) / (high - low + 1e-12))[mask]
    assert np.array_equal(start[~mask], x[~mask]) and np.allclose(
        np.quantile(share, [0.25, 0.75]), [0.25, 0.75], atol=0.05
    )
    step = within.steepest(tf.constant(z - x)).numpy()
    np.testing.assert_array_equal(step, np.where(mask, np.sign(z - x), 0))
    for inside in (expected, start):
        assert np.all(within.contains(inside, x))
    assert not np.any(within.contains(np.where(mask, x, 1 - x), x)) and not np.any(within.contains(z, x))


def test_square_asks_about_squares_within_the_patch_only():
    x, asked = np.full((4, 10, 12, 1), 0.5, np.float32), []

    def logits_fn(x):
        asked.append(x.numpy())
        return tf.stack([tf.zeros(len(x)), tf.reduce_sum(x, axis=[1, 2, 3]) - 100], axis=1)

    problem, within = Problem(logits_fn, tf.constant(x), tf.zeros(4, tf.int32)), Patch(area=0.2, at=(1, 3))
    x_adv = Square(queries=30).perturb_projected(problem, within, random.key(0)).numpy()
    mask = np.broadcast_to(within.mask(x.shape[1:]), x.shape[1:])
    # Two looks at the start.
    assert len(asked) == 32 and all((z[:, ~mask] == 0.5).all() for z in asked)
    # White is best, and squares of all sizes find most of it.
    assert (asked[1][:, mask] != 0.5).all() and x_adv[:, mask].mean() > 0.9


@pytest.mark.parametrize("text", ["patch(area=0.05)", "patch(area=0.1, at=(0, 3))", "patch(eps=8/255, area=0.1)"])
def test_specs_round_trip(text):
    within = threat.parse(text)
    assert str(within) == text and threat.parse(str(within)) == within and hash(threat.parse(text)) == hash(within)


def test_what_specs_mean():
    assert threat.parse("patch:0.1") == threat.parse("patch(area=0.1)") == Patch(area=0.1) != Patch(area=0.2)
    assert Patch(area=0.1).with_eps(0.5) == Patch(0.5, area=0.1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Patch(area=0), "patch: area: expected a number above 0 and at most 1, received 0"),
        (lambda: Patch(area="x"), "patch: area"),
        (lambda: Patch(at=3), "patch: at: expected a row and a column"),
        (lambda: Patch(at=(-1, 0)), "patch: at"),
        (lambda: Patch(at=(0.5, 0)), "patch: at"),
        (lambda: Patch(at=(25, 0)).mask((28, 28, 1)), "patch: at: expected a place for a square of side 6"),
        (lambda: Patch().project(tf.zeros((2, 9)), tf.zeros((2, 9))), "images under patch"),
        (lambda: threat.parse("patch(size=3)"), "has no option 'size'"),
    ],
)
def test_refuses(make, message):
    with pytest.raises(TfadvError, match=message):
        make()
