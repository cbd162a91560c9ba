"""Schedules against the rates that their formulas give."""

import numpy as np
import pytest

from tfadv.errors import TfadvError
from tfadv.training import SCHEDULES


@pytest.mark.parametrize("spec", ["step(at=(2, 4), factor=0.5)", "step(at=(0.4, 0.8), factor=0.5)"])
def test_steps_after_epochs_or_shares_of_them(spec):
    callback = SCHEDULES.build(spec)
    callback.set_params({"epochs": 5})
    rates = [1.0]
    for epoch in range(5):
        rates.append(callback.schedule(epoch, rates[-1]))
    assert rates[1:] == [1.0, 1.0, 0.5, 0.5, 0.25]


def test_cosine_decay_falls_along_half_a_cosine():
    rate = SCHEDULES.build("cosine_decay(to=0.1)").by_step(0.2, 50)
    steps = np.arange(51)
    expected = 0.2 * (0.9 * (1 + np.cos(np.pi * steps / 50)) / 2 + 0.1)
    np.testing.assert_allclose([float(rate(step)) for step in steps], expected, rtol=1e-5)


def test_cosine_decay_with_a_warm_up_rises_first():
    rate = SCHEDULES.build("cosine_decay(to=0.1, warm_up=0.2)").by_step(0.2, 50)
    steps = np.arange(41)
    expected = [*(0.02 * np.arange(10)), *(0.2 * (0.9 * (1 + np.cos(np.pi * steps / 40)) / 2 + 0.1))]
    np.testing.assert_allclose([float(rate(step)) for step in range(51)], expected, rtol=1e-5, atol=1e-8)


def test_cyclic_is_a_triangle():
    rate = SCHEDULES.build("cyclic(peak=0.4)").by_step(0.2, 50)
    expected = np.interp(range(52), [0, 20, 50], [0, 0.2, 0])
    np.testing.assert_allclose([float(rate(step)) for step in range(52)], expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("spec", ["cyclic(peak=1)", "cosine_decay(warm_up=1)", "cosine_decay(to=-1)"])
def test_shares_out_of_range_are_refused(spec):
    with pytest.raises(TfadvError, match="expected a share"):
        SCHEDULES.build(spec)
