import keras
import numpy as np
import pytest
import tensorflow as tf

from tfadv import L1, L2, LInf, random
from tfadv.attacks import square_mass
from tfadv.attacks.problem import Problem
from tfadv.attacks.square import Square, painted


def crafted(attack, logits_fn, x, y, threat, targets=None):
    """Run eagerly; returns x_adv and every batch of images that the model was asked about."""
    asked = []

    def watched(x):
        asked.append(x.numpy())
        return logits_fn(x)

    problem = Problem(watched, tf.constant(x), tf.constant(y), None if targets is None else tf.constant(targets))
    return attack.perturb_projected(problem, threat, random.key(3)).numpy(), asked


def linear(w):
    """Two classes, the second of which has the logit w . x."""
    return lambda x: tf.stack([tf.zeros(len(x)), tf.reduce_sum(x * w, axis=[1, 2, 3])], axis=1)


def gray(n, *shape, seed=0):
    return np.random.default_rng(seed).uniform(0.4, 0.6, (n, *shape)).astype("float32")


def test_sides_follow_the_schedule():
    # sqrt(0.8 * 784 / 2^k), rounded; in l_2 the next odd number.
    assert Square().sides((28, 28)) == [25, 18, 13, 9, 6, 4, 3, 2, 2, 1]
    assert Square().sides((28, 28), least=3) == [25, 19, 13, 9, 7, 5, 3, 3, 3, 3]
    assert Square(p_init=0.1).sides((28, 28))[0] == 9
    assert Square().sides((2, 40), least=3) == [2] * 10
    assert Square().sides((40, 1))[:3] == [32, 16, 8] and Square().sides((40, 1), least=3)[-1] == 3


def test_a_square_shrinks_after_10_and_50_queries():
    x = gray(3, 20, 20, 2)
    move, start, state, width = Square()._painted(tf.constant(x), LInf(0.1), random.key(0))
    changed = []
    for t in range(60):
        stage = sum(t > after for after in (10, 50))
        moved = move(stage, random.uniform([3, width], random.key(1, t)), x, start, state)
        changed.append((moved != start).numpy().any(axis=-1))
        assert np.isclose(np.abs(moved - x), 0.1, atol=1e-6).all()
    # The side that matches the stripes leaves them as they are, so the largest of many is the square.
    height = np.stack(changed).any(axis=3).sum(axis=2).max(axis=1)
    assert [height[a:b].max() for a, b in ((0, 11), (11, 51), (51, 60))] == [18, 13, 9]


def test_the_stage_is_that_of_the_query(monkeypatch):
    seen = []
    monkeypatch.setattr("tfadv.attacks.square.painted", lambda best, draws, side, *rest: seen.append(int(side)) or best)
    still = lambda x: tf.tile([[9.0, 0.0]], [len(x), 1])  # noqa: E731
    crafted(Square(queries=60), still, gray(1, 20, 20, 1), [0], LInf(0.1))
    assert {side: seen.index(side) for side in seen}.keys() == {18, 13, 9} and seen == sorted(seen, reverse=True)


def test_squares_are_of_one_side_of_the_ball_in_each_channel_and_lie_everywhere():
    rng, n, side = np.random.default_rng(0), 3000, 3
    x = rng.uniform(0, 1, (n, 6, 8, 2)).astype("float32")
    low, high = np.maximum(x - 0.2, 0), np.minimum(x + 0.2, 1)
    draws = rng.uniform(0, 1, (n, 4)).astype("float32")
    moved = painted(tf.constant(x), draws, tf.constant(side), low, high, (0, 0, *x.shape[1:3])).numpy()
    corners = set()
    for i in range(n):
        rows, columns, _ = np.nonzero(moved[i] != x[i])
        top, left = rows.min(), columns.min()
        corners.add((top, left))
        inside = np.zeros((6, 8), bool)
        inside[top : top + side, left : left + side] = True
        for c in range(2):
            end = low if draws[i, 2 + c] < 0.5 else high
            assert np.array_equal(moved[i, ..., c], np.where(inside, end[i, ..., c], x[i, ..., c]))
    assert corners == {(top, left) for top in range(4) for left in range(6)}


@pytest.mark.parametrize("threat", [LInf(0.1), L2(0.5), L1(2.0)])
def test_keeps_the_best_of_all_it_asked_about(threat):
    w, x = np.random.default_rng(1).normal(size=(8, 8, 1)).astype("float32"), gray(4, 8, 8, 1)
    logits_fn = lambda x: linear(w)(x) - [0.0, 100.0]  # noqa: E731
    for i in range(2):
        x_adv, asked = crafted(Square(queries=40), logits_fn, x[i : i + 1], [0], threat)
        heights = np.concatenate([logits_fn(tf.constant(images))[:, 1] for images in asked[1:]])
        assert 20 < len(heights) <= 41
        assert np.allclose(logits_fn(tf.constant(x_adv))[0, 1], heights.max(), atol=1e-4)
        assert heights.max() > heights[0]


def standing(w):
    """A Keras model of two classes, the first of which wins by so much that no attack ends early."""
    model = keras.Sequential([keras.Input(w.shape), keras.layers.Flatten(), keras.layers.Dense(2)])
    model.set_weights([np.stack([0 * w.ravel(), w.ravel()], axis=1), np.float32([0, -100])])
    return model


def test_reaches_the_corner_of_the_ball_that_is_best_for_a_linear_model():
    w, x = np.random.default_rng(1).normal(size=(4, 4, 1)).astype("float32"), gray(4, 4, 4, 1)
    x_adv = Square(queries=1000)(standing(w), x, [0] * 4, threat=LInf(0.1))
    assert np.allclose(x_adv, x + 0.1 * np.sign(w), atol=1e-6)


@pytest.mark.parametrize(("threat", "share"), [(L2(0.5), 0.6), (L1(2.0), 0.7)])
def test_comes_near_the_optimum_of_a_linear_model(threat, share):
    w, x = np.random.default_rng(1).normal(size=(8, 8, 1)).astype("float32"), gray(8, 8, 8, 1)
    x_adv = Square(queries=3000)(standing(w), x, [0] * 8, threat=threat)
    rise = ((x_adv - x) * w).sum(axis=(1, 2, 3))
    if threat.norm == "l2":
        optimum = 0.5 * np.linalg.norm(w)
    else:  # fill the room that the box leaves, best pixels first, until eps is used up
        room = np.where(w > 0, 1 - x, x).reshape(8, -1)
        order = np.argsort(-np.abs(w).ravel())
        before = np.cumsum(room[:, order], axis=1) - room[:, order]
        used = np.clip(2.0 - before, 0, room[:, order])
        optimum = (used * np.abs(w).ravel()[order]).sum(axis=1)
    assert (rise <= optimum * (1 + 1e-5)).all() and (rise > share * optimum).all()


@pytest.mark.parametrize("queries", [1, 9])
def test_a_batch_in_which_every_image_is_wrong_comes_back(queries):
    x = gray(3, 6, 6, 1)
    x_adv, _ = crafted(Square(queries=queries), lambda x: tf.tile([[0.0, 1.0]], [len(x), 1]), x, [0] * 3, LInf(0.01))
    assert np.array_equal(x_adv, x)


def test_fooled_images_leave_and_those_that_were_wrong_stay_as_they_are():
    x = gray(3, 6, 6, 1)

    # The first image is wrong from the start, the second falls to any change, the third to none.
    def logits_fn(images):
        nearest = tf.argmin([tf.reduce_max(tf.abs(images - one), axis=[1, 2, 3]) for one in x], axis=0)
        same = tf.reduce_all(images == tf.gather(x, nearest), axis=[1, 2, 3])
        wrong = (nearest == 0) | ((nearest == 1) & ~same)
        return tf.stack([tf.where(wrong, 0.0, 2.0), tf.ones(len(images))], axis=1)

    x_adv, asked = crafted(Square(queries=9), logits_fn, x, [0] * 3, LInf(0.01))
    assert [len(images) for images in asked[:3]] == [3, 3, 3] and {len(images) for images in asked[3:]} == {1}
    assert np.array_equal(x_adv[0], x[0])
    assert np.array_equal(x_adv[1], asked[1][1])


def test_targets_are_reached_by_their_cross_entropy(classifiers, images, labels, predict):
    model, targets = classifiers("cnn"), (labels + 1) % 10
    x_adv = Square(queries=500)(model, images, labels, threat=LInf(0.3), targets=targets)
    assert np.mean(predict(model, x_adv) == targets) > 0.75
    # The target's cross-entropy, which is what is climbed, sees the third logit; the margin would not.
    logits_fn = lambda x: tf.stack([tf.ones(len(x)) * 9, tf.zeros(len(x)), 8 - x[:, 0, 0, 0]], axis=1)  # noqa: E731
    x = gray(2, 1, 1, 1)
    x_adv, _ = crafted(Square(queries=20), logits_fn, x, [0, 0], LInf(0.1), targets=[1, 1])
    assert np.allclose(x_adv, x + 0.1)


@pytest.mark.parametrize(("order", "falls"), [(2, 2), (1, 4)])
@pytest.mark.parametrize("side", [1, 2, 3, 4, 5, 9, 25])
def test_pattern_is_the_sum_of_nested_squares(order, falls, side):
    expected = np.zeros((side, side))
    for sign, first, rows in ((1, 0, side // 2), (-1, side // 2, side - side // 2)):
        half = np.zeros((rows, side))
        for k in range(side // 2 + 1):
            for i in range(rows):
                for j in range(side):
                    half[i, j] += (abs(i - rows // 2) <= k and abs(j - side // 2) <= k) / (k + 1) ** falls
        if rows:
            expected[first : first + rows] = sign * half / (np.abs(half) ** order).sum() ** (1 / order)
    expected /= (np.abs(expected) ** order).sum() ** (1 / order)
    assert np.allclose(square_mass.pattern(side, side, order), expected, atol=1e-6)


@pytest.mark.parametrize("shape", [(9, 9, 1), (8, 11, 3)])
def test_l2_proposals_are_as_long_as_eps_and_move_two_windows(shape):
    eps, side, x = 0.3, 3, gray(20, *shape)
    best = square_mass.tiles(tf.constant(x), L2(eps), random.key(1))
    draws = np.random.default_rng(0).uniform(0, 1, (20, 5 + shape[2])).astype("float32")
    tile = square_mass.pattern(side, side, 2)
    moved = square_mass.gathered(tf.constant(x), best, draws, tf.constant(side), tile, L2(eps)).numpy()
    length = lambda images: np.linalg.norm((images - x).reshape(20, -1), axis=1)  # noqa: E731
    assert np.allclose(length(best.numpy()), eps, rtol=1e-4) and np.allclose(length(moved), eps, rtol=1e-4)
    for i, (before, after) in enumerate(zip(best.numpy() - x, moved - x, strict=True)):
        corners = [int(d * (n - side + 1)) for d, n in zip(draws[i], (*shape[:2], *shape[:2]), strict=False)]
        first, second = (np.zeros(shape[:2], bool) for _ in range(2))
        for window, (top, left) in ((first, corners[:2]), (second, corners[2:])):
            window[top : top + side, left : left + side] = True
        assert np.allclose(after[~(first | second)], before[~(first | second)], atol=1e-6)
        assert np.allclose(after[second & ~first], 0, atol=1e-6)
        mass = lambda delta, window: (delta[window] ** 2).sum(axis=0)  # noqa: E731
        assert np.allclose(mass(after, first), mass(before, first | second), rtol=1e-3)


def test_l1_fits_into_ball_and_box():
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 1, (50, 8, 8, 3)).astype("float32")
    delta = (rng.normal(size=x.shape) * (rng.uniform(size=x.shape) < 0.2)).astype("float32")
    fitted = square_mass.fitted(tf.constant(x), tf.constant(delta), L1(4.0))
    assert L1(4.0).contains(fitted, x).numpy().all()
    assert np.allclose(L1(4.0).distance(fitted, x), 4.0, rtol=1e-4)


def test_l1_fits_as_the_exact_projection_away_from_the_box():
    x = gray(50, 8, 8, 3)
    delta = np.random.default_rng(0).laplace(scale=0.03, size=x.shape).astype("float32")
    fitted = square_mass.fitted(tf.constant(x), tf.constant(delta), L1(4.0))
    exact = L1(4.0).project(tf.constant(x + delta), tf.constant(x))
    assert np.allclose(fitted, exact, atol=2e-3) and not np.allclose(x + delta, exact, atol=2e-2)
