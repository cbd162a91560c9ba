"""Against programming: linear programs in l_inf and l_1, and a search on lam in float64 in l_2."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq, linprog, minimize

from tfadv.attacks.hyperplane import displacement, settle

NORMS = ("linf", "l2", "l1")
solve = tf.function(displacement, autograph=False)


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
    found = linprog(cost, below if norm == "linf" else None, np.zeros(2 * d) if norm == "linf" else None, equal, [-gap], bounds)
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
    """The formulas of the module with lam from a search in float64, one point."""
    size, free, wanted = np.abs(w), room(x[None], w[None], np.array([gap]))[0], abs(gap)
    if norm == "l1":
        order = np.argsort(-size)
        before = np.cumsum((size * free)[order]) - (size * free)[order]
        share = np.clip((wanted - before) / np.maximum((size * free)[order], 1e-300), 0, 1)
        return (free[order] * share).sum()
    pace = size if norm == "l2" else np.ones_like(size)
    total = lambda lam: (size * np.minimum(lam * pace, free)).sum() - wanted  # noqa: E731
    if total(1e9) <= 0:
        return length(free, norm)
    return length(np.minimum(brentq(total, 0, 1e9, xtol=1e-15, rtol=1e-14), 1e9) * pace if False else np.minimum(brentq(total, 0, 1e9, xtol=1e-15, rtol=1e-14) * pace, free), norm)
