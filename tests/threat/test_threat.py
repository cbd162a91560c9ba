import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tfadv import random, threat
from tfadv.errors import TfadvError
from tfadv.threat import L1, L2, LInf

RNG = np.random.default_rng(0)
ORDERS = {"linf": np.inf, "l2": 2, "l1": 1}
BALLS = [LInf(0.1), L2(0.5), L1(4.0)]


def norms(norm, delta):
    return np.linalg.norm(np.asarray(delta, "float64").reshape(len(delta), -1), ORDERS[norm], axis=1)


def l1_box_projection(u, x, eps):
    """The nearest delta to u with x + delta in the box and ||delta||_1 <= eps, by bisection in float64."""
    room = np.where(u > 0, 1 - x, x)
    shrunk = lambda lam: np.clip(np.abs(u) - lam, 0, room)  # noqa: E731
    low, high = 0.0, np.abs(u).max()
    if shrunk(0).sum() > eps:
        for _ in range(200):
            middle = (low + high) / 2
            low, high = (middle, high) if shrunk(middle).sum() > eps else (low, middle)
        return np.sign(u) * shrunk(high)
    return np.sign(u) * shrunk(0)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.floats(0, 30, width=32), st.sampled_from([0.01, 0.3, 3.0]), st.booleans())
def test_l1_projection_is_the_exact_one(seed, eps, size, corners):
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 1, (3, 4, 3, 2)).astype("float32")
    x = np.round(x) if corners else x
    u = (size * rng.normal(size=x.shape) * rng.integers(0, 2, x.shape)).astype("float32")
    found = L1(eps).project(tf.constant(x + u), x).numpy().astype("float64") - x
    for k in range(3):
        exact = l1_box_projection((x + u)[k].astype("float64") - x[k], x[k].astype("float64"), eps)
        assert np.abs(found[k] - exact).max() < 3e-6
        assert np.abs(found[k]).sum() <= eps + 1e-6 * (1 + eps)


def test_bisection_agrees_with_a_general_solver():
    """The brute force of the test before is checked itself, as a quadratic program of delta = p - q."""
    from scipy.optimize import LinearConstraint, minimize

    x, u, eps = RNG.uniform(0, 1, 6), RNG.normal(0, 0.7, 6), 0.8
    both = np.concatenate
    cost = lambda v: 0.5 * np.sum((v[:6] - v[6:] - u) ** 2)  # noqa: E731
    slope = lambda v: both([v[:6] - v[6:] - u, -(v[:6] - v[6:] - u)])  # noqa: E731
    bounds = [(0, b) for b in both([1 - x, x])]
    budget = LinearConstraint(np.ones((1, 12)), -np.inf, eps)
    best = minimize(cost, np.zeros(12), jac=slope, bounds=bounds, constraints=budget, method="SLSQP", tol=1e-12).x
    assert np.allclose(best[:6] - best[6:], l1_box_projection(u, x, eps), atol=1e-5)


@pytest.mark.parametrize("eps", [0.0, 0.05, 0.7])
def test_linf_and_l2_projections(eps):
    x = RNG.uniform(0, 1, (5, 4, 4, 3)).astype("float32")
    z = (x + RNG.normal(0, 0.5, x.shape)).astype("float32")
    clipped = np.clip(np.clip(z, x - np.float32(eps), x + np.float32(eps)), 0, 1)
    assert np.allclose(LInf(eps).project(z, x), clipped, atol=1e-7)
    delta = z.astype("float64") - x
    scale = np.minimum(1, eps / norms("l2", delta))[:, None, None, None]
    assert np.allclose(L2(eps).project(z, x), np.clip(x + delta * scale, 0, 1), atol=1e-6)


@pytest.mark.parametrize("ball", BALLS, ids=str)
def test_projection_keeps_what_is_inside_and_mends_what_is_not(ball):
    x = RNG.uniform(0, 1, (20, 5, 5, 1)).astype("float32")
    z = x + RNG.normal(0, 0.3, x.shape).astype("float32")
    once = ball.project(z, x)
    assert np.all(ball.contains(once, x)) and not np.any(ball.contains(z, x))
    assert np.allclose(ball.project(once, x), once, atol=1e-6) and np.array_equal(ball.project(x, x), x)
    assert np.allclose(ball.distance(z, x), norms(ball.norm, z - x), rtol=1e-5)


@pytest.mark.parametrize("ball", [LInf(8 / 255), L2(3.0), L1(255.0)], ids=str)
def test_precision_on_large_images(ball):
    """150,528 pixels in float32: the sum of the roundings stays far below one level of one pixel."""
    x = RNG.uniform(0, 1, (2, 224, 224, 3)).astype("float32")
    for z in (
        x + RNG.normal(0, 0.5, x.shape).astype("float32"),
        x + 1e4 * RNG.normal(0, 1, x.shape).astype("float32"),
    ):
        found = ball.project(z, x).numpy()
        assert (norms(ball.norm, found.astype("float64") - x) <= ball.eps * (1 + 2e-5)).all()
    assert (norms(ball.norm, found.astype("float64") - x) >= 0.9 * ball.eps).all()


@pytest.mark.parametrize("ball", BALLS, ids=str)
def test_random_starts(ball):
    """In the middle of the box nothing is clipped, so that the laws of direction and radius can be seen."""
    x = np.full((4000, 3, 2, 1), 0.5, "float32")
    ball = ball.with_eps(min(ball.eps, 0.45))
    start = ball.random_start(x, random.key(1)).numpy()
    delta = (start - x).reshape(4000, 6) / ball.eps
    radius = norms(ball.norm, delta)
    assert radius.max() <= 1 + 1e-5 and abs(delta.mean()) < 0.02
    # The radius of a uniform point of a ball is U^(1/d); the l1 start takes U itself.
    law = (lambda r: r**6) if ball.norm in ("linf", "l2") else (lambda r: r)
    assert stats.kstest(law(np.minimum(radius, 1)), "uniform").pvalue > 0.01
    direction = delta / radius[:, None]
    assert np.abs(np.cov(direction.T) / np.var(direction) - np.eye(6)).max() < 0.1
    edge = ball.random_start(np.round(RNG.uniform(0, 1, (50, 3, 2, 1))).astype("float32"), random.key(2)).numpy()
    assert edge.min() >= 0 and edge.max() <= 1


def test_steepest_steps():
    """A step of length 1; in linf and l2 the best there is, gradient . step = dual norm of the gradient."""
    g = RNG.normal(size=(6, 5, 5, 2)).astype("float32")
    flat = g.reshape(6, -1)
    for norm, dual in (("linf", 1), ("l2", 2), ("l1", np.inf)):
        step = threat.NORMS[norm](1.0).steepest(tf.constant(g)).numpy()
        assert np.allclose(norms(norm, step), 1, atol=1e-6)
        # 1% of 50 pixels is one pixel, which is exact.
        assert np.allclose((step.reshape(6, -1) * flat).sum(1), np.linalg.norm(flat, dual, axis=1), rtol=1e-5)
        assert not np.any(threat.NORMS[norm](1.0).steepest(tf.zeros_like(g)))
    sparse = L1(1.0).steepest(RNG.normal(size=(2, 20, 20, 1)).astype("float32")).numpy().reshape(2, -1)
    assert ((sparse != 0).sum(1) == 4).all() and np.allclose(np.abs(sparse).sum(1), 1)


@pytest.mark.parametrize("make", [LInf, L2, L1])
def test_eps_may_be_a_tensor_and_does_not_retrace(make):
    x, traces = tf.constant(RNG.uniform(0, 1, (2, 3, 3, 1)), tf.float32), []

    @tf.function
    def run(eps):
        traces.append(1)
        ball = make(eps)
        return ball.project(ball.random_start(x, random.key(0)) + ball.steepest(x), x)

    for eps in (0.0, 0.1, 2.0):
        assert np.all(make(eps).contains(run(tf.constant(eps)), x))
    assert len(traces) == 1


@pytest.mark.parametrize(
    "text",
    [
        "linf:8/255",
        "l2:0.5",
        "l1:12.0",
        "linf:0.0",
        "linf:0.3",
        "l2(eps=0.5, box=None)",
        "linf(eps=8/255, box=(-1.0, 1.0))",
    ],
)
def test_specs_round_trip(text):
    ball = threat.parse(text)
    assert str(ball) == text and threat.parse(str(ball)) == ball and hash(threat.parse(text)) == hash(ball)
    name = ball.norm
    assert ball != ball.with_eps(ball.eps + 1) and threat.parse(f" {text.replace(name, name.upper())} ") == ball


def test_the_box_is_part_of_the_value():
    assert LInf(0.1) == LInf(0.1, box=(0, 1)) != LInf(0.1, box=None) and LInf(0.1, box="none").box is None
    assert len({LInf(0.1), LInf(0.1, box=None), LInf(0.1, box=(0, 2))}) == 3 and LInf(0.1, None).with_eps(1).box is None


@pytest.mark.parametrize("box", [(1, 0), (0, 0), (0, float("inf")), (0,), 1, "0..1", (0, "x")])
def test_box_refuses(box):
    with pytest.raises(TfadvError, match="box: expected a lowest and a highest value, or None, received"):
        LInf(0.1, box=box)


@pytest.mark.parametrize("ball", BALLS, ids=str)
def test_another_box_is_the_same_geometry_in_other_units(ball):
    """z = 4 x - 1 takes [0, 1] to [-1, 3], distances to four times as much, and slopes to a quarter."""
    wide, to = type(ball)(4 * ball.eps, box=(-1, 3)), lambda x: 4 * x - 1
    x = np.round(RNG.uniform(0, 1, (6, 30)), 1).astype("float32")
    far = (x + RNG.normal(0, 0.7, x.shape)).astype("float32")
    assert np.allclose(wide.project(to(far), to(x)), to(ball.project(far, x)), atol=1e-5)
    assert np.allclose(wide.random_start(to(x), random.key(0)), to(ball.random_start(x, random.key(0))), atol=1e-5)
    assert np.array_equal(wide.contains(to(far), to(x)), ball.contains(far, x)) and wide.contains(to(x), to(x))[0]
    assert np.allclose(wide.clip(to(far)), to(ball.clip(far)), atol=1e-5)
    assert np.allclose(wide.farthest(to(x)), 4 * ball.farthest(x)) and wide.gray(30) == 4 * ball.gray(30)
    assert np.array_equal(wide.steepest(far, to(x)), ball.steepest(far, x))
    w, gap = far - x, np.float32([0.1, -0.2, 0.3, 5, -5, 1])
    for moved, expected in zip(wide.displacement(to(x), w, 4 * gap), ball.displacement(x, w, gap), strict=True):
        assert np.allclose(moved, 4 * expected, atol=1e-4)
    assert np.allclose(wide.random_point([2, 3], random.key(0)), to(ball.random_point([2, 3], random.key(0))))
    assert wide.unit(x) == 4.0 and ball.unit(x) == 1.0


@pytest.mark.parametrize("ball", BALLS, ids=str)
def test_without_a_box_only_the_ball_counts(ball):
    free, x = type(ball)(ball.eps, box=None), (5 * RNG.normal(size=(6, 30))).astype("float32")
    far = x + RNG.normal(0, 0.7, x.shape).astype("float32")
    order = {"linf": np.inf, "l2": 2, "l1": 1}[ball.norm]
    once = free.project(far, x)
    assert np.all(free.contains(once, x)) and not np.any(free.contains(far, x)) and np.array_equal(free.clip(far), far)
    assert np.allclose(norms(ball.norm, once - x), ball.eps, rtol=1e-4)
    assert np.all(free.contains(free.random_start(x, random.key(0)), x))
    x[0] = 0
    assert np.allclose(free.unit(x), [1, *np.sqrt(np.mean(x[1:] ** 2, axis=1))])
    # The nearest point of a hyperplane: |gap| / ||w||_q away (Moosavi-Dezfooli et al. 2016, equation 3).
    w, gap = RNG.normal(size=x.shape).astype("float32"), np.float32([1, -2, 3, -0.1, 0, 1e-3])
    delta, length = free.displacement(x, w, gap)
    dual = np.linalg.norm(w, {np.inf: 1, 2: 2, 1: np.inf}[order], axis=1)
    assert np.allclose(length, np.abs(gap) / dual, rtol=1e-4) and np.allclose(free.dual_length(w), dual, rtol=1e-5)
    assert np.allclose((w * delta).numpy().sum(axis=1), -gap, atol=1e-4)
    assert np.allclose(norms(ball.norm, delta), length, rtol=1e-4) and free.gray(30) == np.inf
    step = free.towards_hyperplane(tf.constant(w), tf.constant(gap), free.dual_length(w))
    assert np.allclose((w * step).numpy().sum(axis=1), gap * dual, rtol=1e-3, atol=1e-4)


def test_norms_differ_although_eps_does_not():
    assert len({LInf(1), L2(1), L1(1), LInf(1.0)}) == 3


@pytest.mark.parametrize(
    "text", ["", "linf", "linf:", "l3:1", "linf:x", "linf:-1", "linf:1/0", "linf:1e999", "8/255", "linf:nan"]
)
def test_parse_refuses(text):
    with pytest.raises(TfadvError) as error:
        threat.parse(text)
    assert "\n" not in str(error.value) and "linf:8/255" in str(error.value) or "0.1 or 8/255" in str(error.value)


@pytest.mark.parametrize("eps", [-1, float("nan"), float("inf"), "0.1", None, True, [0.1]])
def test_eps_refuses(eps):
    with pytest.raises(TfadvError, match="eps: expected .*received"):
        LInf(eps)


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_l2_steps_of_any_gradient_have_length_one(scale):
    gradient = np.random.default_rng(0).normal(size=(3, 4, 4, 1)).astype("float32")
    step = L2(1).steepest(tf.constant(gradient * np.float32(scale)))
    expected = gradient / np.linalg.norm(gradient.reshape(3, -1), axis=1)[:, None, None, None]
    np.testing.assert_allclose(step, expected, rtol=1e-5)


def test_l1_steps_leave_out_pixels_that_the_box_stops():
    x = np.full((1, 10, 10, 1), 0.5, "float32")
    gradient = np.full((1, 10, 10, 1), 0.1, "float32")
    gradient[0, 0, 0], gradient[0, 0, 1], gradient[0, 0, 2] = 3, -2, 1
    x[0, 0, 0], x[0, 0, 1] = 1, 0
    step = np.asarray(L1(1).steepest(gradient, tf.constant(x)))
    assert step[0, 0, 2] == 1 and np.abs(step).sum() == 1
    assert np.asarray(L1(1).steepest(tf.constant(gradient)))[0, 0, 0] == 1
