"""Stochastic local winner-takes-all by its formula."""

import numpy as np
import pytest

from tfadv.errors import TfadvError
from tfadv.layers import StochasticLWTA


def test_a_channel_wins_with_the_probability_that_softmax_gives_it():
    scores = np.array([1.0, 0.0, -1.0], "float32")
    x = np.tile(np.concatenate([scores, scores]), (20_000, 1))
    y = StochasticLWTA(3, seed=1)(x).numpy()
    wins = np.isclose(y, x, atol=0.05) & (x != 0)
    expected = np.exp(scores) / np.exp(scores).sum()
    for group in (wins[:, :3], wins[:, 3:]):
        assert np.allclose(group.mean(axis=0)[[0, 2]], expected[[0, 2]], atol=0.02)
    assert abs(np.corrcoef(wins[:, 0], wins[:, 3])[0, 1]) < 0.03  # groups draw by themselves


def test_neighboring_channels_compete_and_share_one():
    x = np.random.default_rng(0).uniform(1, 2, (2, 3, 3, 8)).astype("float32")
    shares = StochasticLWTA(seed=1)(x, training=True).numpy() / x
    assert np.allclose(shares.reshape(2, 3, 3, 4, 2).sum(axis=-1), 1, atol=1e-5)
    assert np.mean((shares > 0.1) & (shares < 0.9)) > 0.2  # soft in training, hardly ever at prediction
    sharp = StochasticLWTA(seed=1)(x).numpy() / x
    assert np.mean((sharp > 0.1) & (sharp < 0.9)) < 0.05


def test_divergence_from_uniform_is_added_to_the_loss_in_training_only():
    x = np.random.default_rng(0).normal(size=(50, 8)).astype("float32")
    layer = StochasticLWTA(kl=2.0, seed=1)
    wins = (layer(x, training=True).numpy() / x).reshape(50, 4, 2)
    expected = 2 * np.sum(wins * np.log(2 * np.maximum(wins, 1e-12)), axis=-1).mean()
    assert len(layer.losses) == 1 and np.isclose(layer.losses[0], expected, rtol=1e-3)
    layer(x)
    assert layer.losses == []
    silent = StochasticLWTA(kl=0, seed=1)
    silent(x, training=True)
    assert silent.losses == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"competitors": 1}, "slwta: competitors: expected a whole number of at least 2"),
        ({"test_temperature": -1}, "slwta: test_temperature: expected a number above 0"),
        ({"kl": -1}, "slwta: kl: expected a number of at least 0"),
    ],
)
def test_refuses_in_one_sentence(options, message):
    with pytest.raises(TfadvError, match=message):
        StochasticLWTA(**options)
