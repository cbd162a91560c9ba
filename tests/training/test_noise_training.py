"""Training on noise: how much there is of it, and that it is drawn anew."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfadv import L2
from tfadv.errors import TfadvError
from tfadv.models import build
from tfadv.training.noise import Noise
from tfadv.training.objective import Loss

X, Y = np.full((200, 4, 4, 1), 0.5, "float32"), np.zeros(200, "int32")


def moves(**options):
    """By how much the pixels of two successive steps move: (2, 200, 4, 4, 1)."""
    trainer = Noise(build("linear", (4, 4, 1), 3, 1), **options)
    trainer.compile(keras.optimizers.SGD(0.5), Loss())
    found = []
    for t in range(2):
        trainer.optimizer.iterations.assign(t)
        found.append(trainer.craft(tf.constant(X), tf.constant(Y)) - X)
    return np.stack(found)


def test_gaussian_noise_has_its_deviation_and_is_not_clipped():
    found = moves(sigma=0.4)
    assert found.std() == pytest.approx(0.4, rel=0.03) and abs(found.mean()) < 0.02
    assert np.abs(found).max() > 0.5 and not np.array_equal(*found)


def test_uniform_noise_fills_the_ball_and_stays_in_it():
    length = np.linalg.norm(moves(kind="uniform", threat=L2(0.3)).reshape(400, -1), axis=1)
    assert length.max() <= 0.3 + 1e-6 and length.max() > 0.29


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"kind": "salt"}, "noise: kind: expected gaussian or uniform"),
        ({"sigma": 0}, "noise: sigma: expected a number above 0"),
        ({"kind": "uniform"}, "uniform noise fills the ball of a threat model"),
    ],
)
def test_refusals(options, said):
    with pytest.raises(TfadvError, match=said):
        moves(**options)
