"""Schedules against the rates that their formulas give."""

import numpy as np
import pytest

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
