"""On an affine model with two classes every x^(i) is known in closed form."""

import numpy as np
import pytest

from tfadv import LInf, threat
from tfadv.attacks.gradient_descent import GradientDescent


@pytest.fixture
def affine(classifiers, gray, predict):
    """The model, its labels y of `gray`, the gradient g of z_y - z_other by the image, and that gap h > 0."""
    model = classifiers("two_classes")
    y = predict(model, gray)
    kernel = model.layers[-1].kernel.numpy().astype("float64")
    g = (kernel[:, 0] - kernel[:, 1]) * np.where(y == 0, 1, -1)[:, None]
    z = model(gray).numpy()
    return model, y, g, np.abs(z[:, 0] - z[:, 1])


def moved(attack, model, x, y, targets=None):
    return (attack.minimal(model, x, y, targets=targets).astype("float64") - x).reshape(len(x), -1)


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize("targeted", [False, True])
@pytest.mark.parametrize("steps", [1, 2, 30])
def test_every_point_before_the_boundary(steps, targeted, affine, gray):
    """delta_i = -(lambda / 2) (1 - (1 - 2 eta)^i) g."""
    model, y, g, gap = affine
    far = gap > np.median(gap)
    penalty = np.median(gap) / (g[0] @ g[0])
    attack = GradientDescent(steps=steps, step_size=0.05, penalty=penalty)
    expected = -penalty / 2 * (1 - (1 - 2 * 0.05) ** steps) * g[far]
    found = moved(attack, model, gray[far], y[far], targets=1 - y[far] if targeted else None)
    assert np.allclose(found, expected, atol=1e-6) and np.abs(expected).max() > 1e-4


@pytest.mark.parametrize("kappa", [0.0, 1.0])
def test_ends_where_the_margin_is_kappa(kappa, affine, gray, predict):
    """delta = -(h + kappa) g / ||g||^2, if lambda is high enough; steps across the bend are eta lambda ||g|| long."""
    model, y, g, gap = affine
    penalty = 4 * (gap.max() + kappa) / (g[0] @ g[0])
    attack = GradientDescent(steps=2000, step_size=0.002, penalty=penalty, confidence=kappa)
    found = attack.minimal(model, gray, y)
    exact = -((gap + kappa) / (g[0] @ g[0]))[:, None] * g
    stride = 0.002 * penalty * np.linalg.norm(g[0])
    assert (np.linalg.norm((found - gray).reshape(len(gray), -1) - exact, axis=1) < 1.01 * stride).all()
    assert (predict(model, found) != y).all()
    nearest, last = (GradientDescent(steps=2000, step_size=0.002, penalty=penalty, confidence=kappa, keep_nearest=k)
                     for k in (True, False))  # fmt: skip
    assert (
        np.linalg.norm(moved(nearest, model, gray, y), axis=1) < np.linalg.norm(exact, axis=1) + 1.01 * stride
    ).all()
    ends = last.minimal(model, gray, y)
    z = model(ends).numpy()
    assert np.allclose(z.max(1) - z.min(1), kappa, atol=1.01 * stride * np.linalg.norm(g[0]))


def test_without_a_floor_the_box_alone_stops_it(affine, gray):
    """A high lambda drives all pixels into a corner, and without a box far beyond it."""
    model, y, g, _ = affine
    attack = GradientDescent(steps=400, penalty=1e3, floor=False, keep_nearest=False, clip=True)
    corner = attack.minimal(model, gray, y).reshape(len(gray), -1)
    assert np.array_equal(corner, g < 0)
    unclipped = GradientDescent(steps=400, penalty=1e3, floor=False, keep_nearest=False).minimal(model, gray, y)
    assert np.abs(unclipped).max() > 100
    floored = GradientDescent(steps=400, penalty=1e3, step_size=1e-5, clip=True).minimal(model, gray, y)
    assert ((floored > 0) & (floored < 1)).all()


def test_norm_without_square(affine, gray):
    """One step of eta lambda g, then all steps of eta (lambda ||g|| - 1) along g."""
    model, y, g, gap = affine
    length = np.linalg.norm(g[0])
    penalty, eta, steps = 3 / length, 1e-4, 20
    attack = GradientDescent(steps=steps, step_size=eta, penalty=penalty, squared=False)
    expected = -g / length * eta * (3 + (steps - 1) * (3 - 1))
    assert np.allclose(moved(attack, model, gray, y), expected, atol=2e-6)


def test_what_is_wrong_already_is_left(affine, gray):
    model, y, _, _ = affine
    for keep in (True, False):
        attack = GradientDescent(penalty=50, floor=False, keep_nearest=keep)
        assert np.array_equal(attack.minimal(model, gray, 1 - y), gray)


def test_of_the_points_that_fool_the_nearest_is_kept(classifiers, images, predict):
    model = classifiers("mlp")
    y = predict(model, images)
    options = {"penalty": 20, "step_size": 0.01, "clip": True}
    nearest = GradientDescent(**options).minimal(model, images, y)
    last = GradientDescent(keep_nearest=False, **options).minimal(model, images, y)
    sizes = [threat.L2(1).distance(x_adv, images).numpy() for x_adv in (nearest, last)]
    fooled = predict(model, last) != y
    assert (predict(model, nearest) != y).all() and (sizes[0] <= sizes[1] + 1e-6)[fooled].all()
    assert (sizes[0] < 0.99 * sizes[1]).any()


def test_norms(classifiers, images, labels):
    with pytest.raises(Exception, match="gradient_descent: norm: expected one of l2"):
        GradientDescent()(classifiers("mlp"), images, labels, threat=LInf(0.1))
