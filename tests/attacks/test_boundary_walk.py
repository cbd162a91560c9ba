import keras
import numpy as np
import pytest
import tensorflow as tf

from tfadv import L2, random
from tfadv.attacks.boundary_walk import STARTS, BoundaryWalk, nearest_blend, starting_points
from tfadv.attacks.problem import Problem


def length(x_adv, x):
    return np.linalg.norm((x_adv - x).reshape(len(x), -1), axis=1)


def separated(w, b):
    """Two classes, the second where w . x > b."""
    model = keras.Sequential([keras.Input(w.shape), keras.layers.Flatten(), keras.layers.Dense(2)])
    model.set_weights([np.stack([0 * w.ravel(), w.ravel()], axis=1), np.float32([0, -b])])
    return model


def test_comes_near_the_nearest_point_of_a_hyperplane():
    rng = np.random.default_rng(0)
    w, x = rng.normal(size=(5, 5, 1)).astype("float32"), rng.uniform(0.4, 0.6, (20, 5, 5, 1)).astype("float32")
    side = (x * w).sum(axis=(1, 2, 3))
    b = side.max() + 0.05
    model, exact = separated(w, b), (b - side) / np.linalg.norm(w)
    ratios = []
    for queries in (20, 2000):
        x_adv = BoundaryWalk(queries=queries).minimal(model, x, np.zeros(20, int))
        assert ((x_adv * w).sum(axis=(1, 2, 3)) > b - 1e-5).all()
        ratios.append(length(x_adv, x) / exact)
    assert (ratios[0] >= ratios[1]).all() and (ratios[1] >= 1 - 1e-4).all()
    assert np.median(ratios[0]) > 1.2 and ratios[1].max() < 1.05


def test_each_step_keeps_or_shortens_the_distance(classifiers, images, labels, predict):
    """Around the image at the same distance, or towards it: every point that is asked about."""
    model, asked = classifiers("mlp"), []

    def logits_fn(x):
        asked.append(x.numpy())
        return model(x, training=False)

    x = images[:6]
    right = predict(model, x) == labels[:6]
    problem = Problem(logits_fn, tf.constant(x), tf.constant(labels[:6]))
    x_adv = BoundaryWalk(queries=60).perturb_projected(problem, L2(0.0), random.key(0))
    assert np.array_equal(x_adv, x)
    best = None
    for proposed in asked[-60:]:
        assert len(proposed) == right.sum()
        distance = length(proposed, x[right])
        if best is not None:
            assert (distance <= best * (1 + 1e-5)).all()
        wrong = predict(model, proposed) != labels[:6][right]
        best = np.where(wrong, distance, np.inf if best is None else best)
    assert np.isfinite(best).all()


def test_stops_within_the_ball(classifiers, images, labels, predict):
    model, near = classifiers("cnn"), BoundaryWalk(queries=400)
    x_adv = near(model, images, labels, threat=L2(1.5))
    wrong = predict(model, x_adv) != labels
    minimal = near.minimal(model, images, labels)
    assert np.array_equal(wrong, length(minimal, images) <= 1.5)
    stopped = wrong & (predict(model, images) == labels)
    # It did not go on inside, as `minimal` does.
    assert (length(x_adv, images)[stopped] > length(minimal, images)[stopped] - 1e-6).all()
    assert length(x_adv, images)[stopped].mean() > 1.2 * length(minimal, images)[stopped].mean()


def test_targets_start_from_images_of_the_target(classifiers, images, labels, predict):
    model, targets = classifiers("cnn"), (labels + 1) % 10
    x_adv = BoundaryWalk(queries=300).minimal(model, images, labels, targets=targets)
    assert (predict(model, x_adv) == targets).all()
    given = (tf.constant(part) for part in (images, labels, targets))
    few = BoundaryWalk(queries=1).search(
        Problem(lambda x: model(x, training=False), *given), L2(0.0).with_eps(tf.constant(np.inf)), random.key(0)
    )
    assert length(x_adv, images).mean() < 0.8 * length(few.numpy(), images).mean()


@pytest.mark.usefixtures("eagerly")
def test_without_a_start_the_image_comes_back(classifiers, images, predict):
    model = classifiers("constant")
    y = predict(model, images)
    assert np.array_equal(BoundaryWalk(queries=3).minimal(model, images, y), images)
    assert np.array_equal(BoundaryWalk(queries=3).minimal(model, images, y, targets=(y + 1) % 10), images)


def test_starts_are_misclassified_and_as_near_as_their_tries(classifiers, images, labels, predict):
    model = classifiers("cnn")
    problem = Problem(lambda x: model(x, training=False), tf.constant(images), tf.constant(labels))
    start, found = starting_points(problem, L2(1.0), random.key(0))
    stands = predict(model, images) == labels
    assert np.array_equal(found, stands)
    assert (predict(model, start)[stands] != labels[stands]).all()
    here = problem.only(tf.where(found)[:, 0])
    blend = nearest_blend(here, tf.boolean_mask(start, found)).numpy()
    assert (predict(model, blend) != labels[stands]).all()
    way = length(start.numpy()[stands], images[stands])
    share = length(blend, images[stands]) / way
    assert (share <= 1 + 1e-5).all() and share.min() < 0.95
    # A thousandth of the way nearer, the label is the right one.
    nearer = images[stands] + ((share - 2e-3) / share)[:, None, None, None] * (blend - images[stands])
    assert np.mean(predict(model, nearer) == labels[stands]) > 0.9


@pytest.mark.parametrize("bright", [0.2, 0.6])
def test_noise_is_blended_in_no_more_than_needed(bright):
    """A class of images whose mean exceeds a threshold: the share of noise grows until it does."""
    model = separated(np.full((6, 6, 1), 1 / 36, np.float32), 0.1 + 0.4 * bright)
    x = np.full((9, 6, 6, 1), 0.05, np.float32)
    problem = Problem(lambda x: model(x, training=False), tf.constant(x), tf.zeros(9, tf.int32))
    start, found = starting_points(problem, L2(1.0), random.key(0))
    needed = (0.1 + 0.4 * bright - 0.05) / 0.45
    share = (start.numpy().mean(axis=(1, 2, 3)) - 0.05) / 0.45
    assert found.numpy().all() and (share > needed).all() and (share < needed + 3 / STARTS + 0.1).all()
