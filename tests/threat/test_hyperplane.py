"""Against programming: linear programs in l_inf and l_1, and a search on lam in float64 in l_2."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq, linprog, minimize

from tfadv import threat
from tfadv.threat.hyperplane import settle

NORMS = ("linf", "l2", "l1")
solve = tf.function(lambda x, w, gap, norm: threat.NORMS[norm](0.0).displacement(x, w, gap), autograph=False)


def length(delta, norm):
    return np.linalg.norm(delta, {"linf": np.inf, "l2": 2, "l1": 1}[norm], axis=-1)


def room(x, w, gap):
    """How far each pixel can move so that the gap closes."""
    way = -np.sign(w) * np.sign(gap)[:, None]
    return np.where(way > 0, 1 - x, np.where(way < 0, x, 0))


def program(x, w, gap, norm):
    """The least norm of delta with w . delta = -gap and 0 <= x + delta <= 1, of one point in few dimensions."""
    d = len(x)
    if norm == "l2":
        found = minimize(
            lambda v: v @ v, np.zeros(d), jac=lambda v: 2 * v, method="SLSQP", bounds=list(zip(-x, 1 - x, strict=True)),
            constraints={"type": "eq", "fun": lambda v: w @ v + gap, "jac": lambda v: w}, options={"ftol": 1e-14},
        )  # fmt: skip
        assert found.success
        return np.sqrt(found.fun)
    # delta = up - down, 0 <= up <= 1 - x and 0 <= down <= x, and for l_inf one bound t on all of them.
    equal = np.concatenate([w, -w, [0]])[None]
    cost = np.concatenate([np.ones(2 * d), [0]]) if norm == "l1" else np.eye(2 * d + 1)[-1]
    below = np.concatenate([np.eye(2 * d), -np.ones((2 * d, 1))], axis=1)
    bounds = [(0, b) for b in np.concatenate([1 - x, x])] + [(0, None)]
    most = (below, np.zeros(2 * d)) if norm == "linf" else (None, None)
    found = linprog(cost, *most, equal, [-gap], bounds)
    assert found.status == 0
    return found.fun


fractions = st.one_of(st.sampled_from([0.0, 1.0, 0.5]), st.floats(0, 1, width=32))
slopes = st.one_of(st.sampled_from([0.0, 1.0, -1.0, 2.0]), st.floats(-4, 4, width=32).filter(lambda v: abs(v) > 0.01))


@pytest.mark.parametrize("norm", NORMS)
@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    x=st.tuples(fractions, fractions, fractions),
    w=st.tuples(slopes, slopes, slopes),
    share=st.floats(0, 0.99),
    sign=st.sampled_from([-1.0, 1.0]),
)
def test_is_the_least_in_three_dimensions(norm, x, w, share, sign):
    x, w = np.float32([x]), np.float32([w])
    reach = (np.abs(w) * room(x, w, np.array([sign]))).sum()
    gap = np.float32([sign * share * reach])
    delta, found = (np.float64(v) for v in solve(x, w, gap, norm))
    assert abs(w @ delta[0] + gap)[0] <= 1e-5 * max(1, abs(gap[0]))
    assert (x + delta >= -1e-6).all() and (x + delta <= 1 + 1e-6).all()
    assert np.isclose(found[0], length(delta, norm)[0], rtol=1e-5, atol=1e-7)
    if reach > 1e-3:
        assert found[0] <= program(np.float64(x[0]), np.float64(w[0]), float(gap[0]), norm) * (1 + 1e-5) + 1e-5


def least(x, w, gap, norm):
    """The formulas of the module in float64, one point, with lam from a search and the order of l_1 from sorting."""
    size, free, wanted = np.abs(w), room(x[None], w[None], np.array([gap]))[0], abs(gap)
    if norm == "l1":
        order = np.argsort(-size)
        closes, free = (size * free)[order], free[order]
        share = np.clip((wanted - np.cumsum(closes) + closes) / np.maximum(closes, 1e-300), 0, 1)
        return (free * share).sum()
    pace = size if norm == "l2" else np.sign(size)
    moved = lambda lam: np.minimum(lam * pace, free)  # noqa: E731
    most = (free / np.maximum(pace, 1e-300)).max()
    return length(moved(brentq(lambda lam: size @ moved(lam) - wanted, 0, most, xtol=1e-15)), norm)


def points(rng, n, d, scale, corners, ties):
    """Points of which a share lies on the box, normals over many orders of magnitude, gaps that can be closed."""
    x = rng.uniform(0, 1, (n, d))
    x = np.where(rng.uniform(size=(n, d)) < corners, np.round(x), x)
    w = rng.normal(size=(n, d)) * 10 ** (scale * rng.normal(size=(n, d)))
    w = np.round(w) if ties else w
    sign = rng.choice([-1.0, 1.0], n)
    reach = (np.abs(w) * room(x, w, sign)).sum(axis=1)
    gap = sign * reach * 10 ** rng.uniform(-5, -0.01, n)
    return np.float32(x), np.float32(w), np.float32(gap)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("corners", [0, 0.8])
@pytest.mark.parametrize(("scale", "ties"), [(0, False), (0, True), (1, False)])
def test_is_the_closed_form_in_many_dimensions(norm, corners, scale, ties):
    rng = np.random.default_rng(0)
    x, w, gap = points(rng, 40, 200, scale, corners, ties)
    delta, found = (v.numpy().astype(float) for v in solve(x, w, gap, norm))
    assert (x + delta >= -1e-6).all() and (x + delta <= 1 + 1e-6).all()
    assert np.allclose((w * delta).sum(axis=1), -gap, rtol=1e-5)
    assert np.allclose(found, length(delta, norm), rtol=1e-5)
    exact = [least(*(np.float64(v) for v in row), norm) for row in zip(x, w, gap, strict=True)]
    assert np.allclose(found, exact, rtol=1e-5)


@pytest.mark.parametrize("norm", NORMS)
def test_beyond_reach_all_room_is_used(norm):
    x, w, gap = points(np.random.default_rng(1), 20, 30, 0, 0.3, False)
    delta, found = solve(x, w, 1e6 * gap, norm)
    free = room(x, w, gap)
    assert np.allclose(np.abs(delta), free, atol=1e-6) and np.allclose(found, length(free, norm), rtol=1e-5)


@pytest.mark.parametrize("norm", NORMS)
def test_pixels_without_slope_stay_and_nothing_moves_without_gap(norm):
    x, w, gap = points(np.random.default_rng(2), 20, 30, 0, 0.3, False)
    w[:, ::2] = 0
    assert not solve(x, w, gap, norm)[0].numpy()[:, ::2].any()
    assert not solve(x, w, 0 * gap, norm)[0].numpy().any()
    assert not solve(x, 0 * w, gap, norm)[0].numpy().any()


@pytest.mark.parametrize("norm", NORMS)
def test_rows_do_not_see_each_other(norm):
    x, w, gap = points(np.random.default_rng(3), 12, 48, 1, 0.5, False)
    delta, found = solve(x, w, gap, norm)
    for i in range(12):
        alone, length_alone = solve(x[i : i + 1], w[i : i + 1], gap[i : i + 1], norm)
        assert np.allclose(alone[0], delta[i], atol=1e-6) and np.isclose(length_alone[0], found[i], rtol=1e-5)


@pytest.mark.parametrize("seed", range(4))
def test_ends_where_rounding_leads_out_of_the_bracket(seed):
    """Without its clip the search of l_1 goes on for ever on some of these."""
    rng = np.random.default_rng(seed)
    w, x = np.float32(rng.normal(size=(100, 3072))), np.float32(rng.uniform(size=(100, 3072)))
    gap = np.float32((np.abs(w) * room(x, w, np.ones(100))).sum(axis=1) * 10 ** rng.uniform(-4, 0, 100))
    delta, _ = solve(x, w, gap, "l1")
    assert np.allclose((w * delta).numpy().sum(axis=1), -gap, rtol=1e-4)


@pytest.mark.parametrize("norm", NORMS)
def test_ends_on_nan_and_on_no_rows(norm):
    x, w, gap = points(np.random.default_rng(4), 3, 8, 0, 0.3, False)
    solve(x, w, gap * np.float32([1, np.nan, 1]), norm)
    assert solve(x[:0], w[:0], gap[:0], norm)[0].shape == (0, 8)


def test_rows_at_rest_drop_out():
    """Counting down: the work is the sum over rows, up to the quarter that is not worth gathering."""
    work = tf.Variable(0)

    def step(rows, left):
        work.assign_add(tf.size(left))
        return tf.maximum(left - 1, 0), left > 1

    run = tf.function(lambda left: settle(step, (left,), left), autograph=False)
    assert not run(tf.range(1, 41)).numpy().any()
    assert 820 <= work.numpy() < 1.2 * 820
