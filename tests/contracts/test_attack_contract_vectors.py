"""What holds for every registered attack on vectors, such as latent codes. Newcomers are enrolled by name."""

import dataclasses
import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from attack_cases import (
    PAIRS,
    brief,
    distance,
)
from tfadv import attacks, random, threat
from tfadv.errors import TfadvError
from toy_models import normal


@functools.cache
def of_codes():
    """A classifier of latent codes in R^12."""
    return keras.Sequential([keras.Input((12,)), keras.layers.Dense(3, kernel_initializer=normal(5))])


# Other norms get the radius of l_1, which is in no norm l_p shorter than theirs.
WIDE = {"linf": 8.0, "l2": 25.0}


@pytest.mark.parametrize(("name", "norm"), [pair for pair in PAIRS if pair[1] in threat.balls()])
def test_attacks_vectors_without_a_box(name, norm, predict):
    """Latent codes far from [0, 1]: only the ball counts, and a wide one leads to other classes."""
    codes = (5 * np.random.default_rng(0).normal(size=(6, 12))).astype("float32")
    y, within = predict(of_codes(), codes), threat.NORMS[norm](WIDE.get(norm, 60.0), box=None)
    # Its docstring: logits against squared distances, which are 25 times as long as those of standard normal codes.
    weight = {"penalty": 25.0} if name == "gradient_descent" else {}
    attack = brief(name, steps=10, queries=40, draws=10, **weight)
    if name == "transfer":
        with pytest.raises(TfadvError, match="transfer: expected images, .*, received vectors"):
            attack.craft(of_codes(), tf.constant(codes), tf.constant(y), threat=within, seed=random.key(0))
        attack = dataclasses.replace(attack, source=of_codes())
    x_adv = attack.craft(of_codes(), tf.constant(codes), tf.constant(y), threat=within, seed=random.key(0)).numpy()
    assert np.isfinite(x_adv).all() and (distance(norm, x_adv, codes) <= within.eps * (1 + 1e-5)).all()
    assert np.mean(predict(of_codes(), x_adv) != y) >= 0.5


def test_calls_take_vectors_and_boxes(predict):
    codes = (5 * np.random.default_rng(0).normal(size=(6, 12))).astype("float32")
    y, pgd = predict(of_codes(), codes), attacks.get("pgd(steps=10)")
    x_adv = pgd(of_codes(), codes, y, threat=threat.L2(25.0, box=None))
    assert x_adv.shape == codes.shape and np.mean(predict(of_codes(), x_adv) != y) >= 0.5
    boxed = pgd(of_codes(), codes.clip(-1, 1), y, threat=threat.L2(25.0, box=(-1, 1)))
    assert boxed.min() >= -1 and boxed.max() <= 1 and (np.abs(boxed) == 1).any()
    found = attacks.get("fab(steps=5)").minimal(of_codes(), codes, y, box=None)
    assert (predict(of_codes(), found) != y).all() and np.abs(found).max() > 1
    with pytest.raises(TfadvError, match=r"vectors: expected values in \[-1, 1\], received .*Clip them"):
        pgd(of_codes(), codes, y, threat=threat.L2(25.0, box=(-1, 1)))
    with pytest.raises(TfadvError, match="vectors: expected values in"):
        pgd(of_codes(), codes, y, threat=threat.L2(25.0))
