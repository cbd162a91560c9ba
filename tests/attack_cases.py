"""What the contract of attacks tries every attack with: norms and radii, short forms, closed forms."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tfadv import attacks, random, threat
from tfadv.attacks import ATTACKS
from tfadv.attacks.wrapper import AttackWrapper

NAMES = list(ATTACKS)
# An ensemble's members are here themselves; all of them together would take minutes to compile.
# What a wrapper does is the same in every norm.
NORMS_OF = {
    name: ATTACKS.get(name).norms[: 2 if issubclass(ATTACKS.get(name), AttackWrapper) else None] for name in NAMES
}
PAIRS = [(name, norm) for name in NAMES for norm in NORMS_OF[name] if not ATTACKS.get(name).ensemble]


def tenth(norm):
    """A tenth of the way from a black image to a white one."""
    black, white = tf.zeros((1, 8, 8, 1)), tf.ones((1, 8, 8, 1))
    return float(threat.NORMS[norm](0.0).distance(white, black)[0]) / 10


# A norm that is not listed here or below is tried with what it says of itself.
EPS = {norm: tenth(norm) for norm in threat.NORMS}
EPS |= {"linf": 0.1, "l2": 0.5, "l1": 4.0, "l0": 6.0, "patch": 0.5}
# Large enough to break most examples, small enough to leave room for a better attack.
SMALL = {norm: eps / 2 for norm, eps in EPS.items()}
SMALL |= {"linf": 0.04, "l2": 0.2, "l1": 1.0, "l0": 4.0, "patch": 0.2}


def pairs(test):
    return pytest.mark.parametrize(("name", "norm"), PAIRS)(test)


def singles(test):
    """Each attack once, under the first norm that it knows: for what has nothing to do with geometry."""
    first = dict(reversed(PAIRS))
    return pytest.mark.parametrize(("name", "norm"), [(name, first[name]) for name in NAMES if name in first])(test)


# What is tried where any network would do: one for all, as each new one costs a second of compiling for every attack.
SUBJECT = "batchnorm_dropout"
# Loops of more passes than this are run compiled, shorter ones eagerly, which is quicker than to compile them.
SHORT = 180
ORDERS = {"linf": np.inf, "l2": 2, "l1": 1, "patch": np.inf}


def ball(norm, eps=None):
    return threat.NORMS[norm](EPS[norm] if eps is None else eps)


def usual(name):
    """l_2, or the first norm that the attack knows."""
    return "l2" if "l2" in NORMS_OF[name] else NORMS_OF[name][0]


def brief(name, **options):
    """The attack with few steps, where it counts them."""
    attack = attacks.get(name)
    known = {f.name for f in dataclasses.fields(attack)}
    values = {"steps": 3, "draws": 2, "queries": 20, "rounds": 1, "target_classes": 2, **options}
    if isinstance(attack, AttackWrapper):
        values["attack"] = brief(attack.inner.name, **options)
    return dataclasses.replace(attack, **{k: v for k, v in values.items() if k in known})


def is_long(attack, limit=SHORT):
    return sum(attack.cost(10)) > limit


def craft(attack, model, x, y, within, targets=None, seed=0):
    """What a call gives; without compiling where the loop is short."""
    if is_long(attack):
        return attack(model, x, y, threat=within, targets=targets, seed=seed)
    given = {"threat": within, "seed": random.key(seed, 0), "targets": targets}
    return attack.craft(model, tf.constant(x), tf.constant(y), **given).numpy()


def distance(norm, x_adv, x):
    delta = np.abs(x_adv.astype("float64") - x.astype("float64")).reshape(len(x), -1)
    if norm == "l0":
        return (x_adv != x).any(axis=3).sum(axis=(1, 2))
    if norm in ORDERS:
        return np.linalg.norm(delta, ORDERS[norm], axis=1)
    return threat.NORMS[norm](0.0).distance(tf.constant(x_adv), tf.constant(x)).numpy()


def loss(y, logits):
    return tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits).numpy()


def assert_inside(x_adv, x, norm, eps):
    assert x_adv.dtype == np.float32 and x_adv.shape == x.shape and np.isfinite(x_adv).all()
    assert x_adv.min() >= 0 and x_adv.max() <= 1
    # Pixels of [0, 1] are rounded to 2^-25 at most; the sum of all roundings grows with their number.
    slack = {"linf": 1e-7, "l2": 1e-7 * (1 + eps), "l0": 0, "patch": 1e-7}.get(norm, 1e-6 * (1 + eps))
    assert (distance(norm, x_adv, x) <= np.float32(eps) + slack).all()
    if norm == "patch":
        assert np.array_equal(*(np.where(ball(norm).mask(x.shape[1:]), 0, z) for z in (x_adv, x)))


DUAL = {"linf": 1, "l2": 2, "l1": np.inf}


def dual_length(norm, w):
    """||w||_q along the last axis."""
    if norm in DUAL:
        return np.linalg.norm(w, DUAL[norm], axis=-1)
    rows = tf.constant(w.reshape(-1, w.shape[-1]), tf.float32)
    return threat.NORMS[norm](0.0).dual_length(rows).numpy().reshape(w.shape[:-1])


def gains(w, x):
    """By how much each pixel alone can raise w . x within the box, the best first."""
    return np.sort(np.where(w > 0, 1 - x, x) * np.abs(w), axis=-1)[..., ::-1]


def highest_rise(norm, w, x, eps):
    """Of w . x within the ball, w and x (n, pixels) of an 8 x 8 image, with no pixel near the box."""
    if norm == "l0":
        return gains(w, x)[:, : int(eps)].sum(axis=1)
    if norm == "patch":
        return eps * np.abs(w[:, ball(norm).mask((8, 8, 1)).ravel()]).sum(axis=1)
    return eps * dual_length(norm, w)


def shortest(norm, w, x, gap):
    """The way to where w . x is higher by `gap`; w (n, classes, pixels), x (n, 1, pixels), gap (n, classes)."""
    if norm == "l0":
        return np.where(gap > 0, 1 + (np.cumsum(gains(w, x), axis=2) < gap[:, :, None]).sum(axis=2), np.inf)
    length = dual_length(norm, w)
    return np.divide(gap, length, out=np.full_like(gap, np.inf), where=length > 0)
