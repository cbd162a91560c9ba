"""Randomized smoothing: the bound against published radii, the radius against an exact one, abstention, proofs."""

import re
import types

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from scipy.stats import binomtest, norm

from tfadv import L2, LInf, attacks, defend, random
from tfadv.errors import TfadvError
from tfadv.evaluation.certificates import ProofMethod, certificate, proof_method, smoothing
from tfadv.evaluation.certificates.smoothing import certify, lower_bound, smoothing_of
from tfadv.evaluation.diagnostics import VERDICT_ONLY, Diagnostics
from tfadv.evaluation.evaluate import IN_BLOCKS
from tfadv.evaluation.judge import Judge
from tfadv.evaluation.traits import ModelTraits
from tfadv.layers.smoothed_vote import SmoothedVote
from tfadv.models import classifier
from tfadv.passes import Passes
from tfadv.progress import silent

SHAPE = (4, 4, 1)


def linear(w, b=0.0):
    """Two classes, the second where w . x + b is above 0."""
    model = keras.Sequential([keras.Input(SHAPE), layers.Flatten(), layers.Dense(2)])
    model.layers[-1].set_weights([np.stack([np.zeros(16), w], axis=1), np.array([0, b])])
    return model


@pytest.mark.parametrize(("n", "largest"), [(10**5, 3.811), (10**4, 3.199), (10**3, 2.463)])
def test_the_largest_radius_is_the_published_one(n, largest):
    assert norm.ppf(lower_bound(n, n, 0.001)) == pytest.approx(largest, abs=1e-3)


def test_the_bound_is_that_of_an_exact_binomial_test():
    for k in (0, 1, 60, 99):
        interval = binomtest(k, 100, alternative="greater").proportion_ci(0.99, method="exact")
        assert lower_bound(k, 100, 0.01) == pytest.approx(interval.low)


@pytest.mark.parametrize("block", [1, 10**5])
def test_a_constant_classifier_has_the_largest_radius_everywhere(block, monkeypatch):
    monkeypatch.setattr(smoothing, "BLOCK", block)
    x, done = np.zeros((2, *SHAPE), "float32"), []
    told = lambda what, *event: done.append(event)  # noqa: E731
    found = certify(linear(np.zeros(16), 1.0), x, sigma=0.5, n=1000, progress=told)
    assert done[0] == (0, 2) and done[-1] == (2, 2) and done == sorted(done)
    assert found.predicted.tolist() == [1, 1] and found.radius == pytest.approx(0.5 * 2.463, abs=1e-3)


def test_the_radius_of_a_linear_classifier_is_hardly_ever_above_its_distance():
    """Which is exactly the radius of its smoothed classifier: |w . x + b| / ||w||."""
    rng = np.random.default_rng(0)
    w, x = rng.normal(size=16), rng.uniform(size=(40, *SHAPE)).astype("float32")
    margin = (x.reshape(40, -1) @ w - w.sum() / 2) / np.linalg.norm(w)
    found = certify(linear(w, -w.sum() / 2), x, sigma=0.25, n0=100, n=2000, alpha=0.01, seed=1)
    named = found.predicted >= 0
    assert (found.predicted == (margin > 0))[named].all() and named.mean() > 0.6
    assert (found.radius <= np.abs(margin) + 1e-6)[named].mean() >= 0.95  # each with 99 %
    reached = found.radius[named] / np.minimum(np.abs(margin[named]), 0.25 * 2.6)
    assert np.median(reached) > 0.7 and (found.radius[~named] == 0).all()


def test_all_copies_are_drawn_by_keys_of_their_own(monkeypatch):
    """Of the same image at two places, of those that choose and those that count, and of the blocks that are passed."""
    keys, draws, draw, key = [], [], tf.random.stateless_normal, random.key

    def drawn(*given, **options):
        told = tf.py_function(lambda z: draws.append(float(z[0, 0, 0, 0])) or z, [draw(*given, **options)], tf.float32)
        return tf.ensure_shape(told, [None, *SHAPE])

    monkeypatch.setattr(tf.random, "stateless_normal", drawn)
    monkeypatch.setattr(random, "key", lambda seed, salt: keys.append((seed, salt)) or key(seed, salt))
    found = certify(linear(np.ones(16), -8.0), np.full((2, *SHAPE), 0.51, "float32"), sigma=0.3, n0=9, n=1200, seed=7)
    called = [pair for pair in keys if isinstance(pair[1], int)]
    assert called == [(7, 0), (7, 1), (7, 2), (7, 3)] and found.radius[0] != found.radius[1]
    assert len(draws) == len(set(draws)) == 2 * (1 + 3)


def test_close_votes_abstain_and_clear_ones_do_not():
    vote = SmoothedVote(votes=40, sigma=0.25, alpha=0.05)
    for first in range(20, 41):
        z = np.zeros((40, 3), "float32")
        z[:first, 2], z[first:, 0] = 5, 5
        abstains = binomtest(first, 40).pvalue > 0.05
        assert vote(z).numpy().argmax() == (3 if abstains else 2)
    assert [int(k) for k in vote.needed[:3]] == [1, 2, 3]  # more than there are: nobody knows


def test_options_are_checked():
    model = linear(np.ones(16))
    for options in ("sigma=0", "alpha=0.5", "n=0", "votes=10"):
        with pytest.raises(TfadvError, match=f"smoothed: {options.partition('=')[0]}"):
            defend(model, f"smoothed({options})")
    with pytest.raises(TfadvError, match="certify: expected sigma above 0"):
        certify(model, np.zeros((1, *SHAPE), "float32"), sigma=0)


def test_a_smoothed_model_is_certified_in_three_norms(classifiers, images, labels, tmp_path):
    spec = "smoothed(sigma=0.2, votes=20, n0=20, n=100)"
    defend(classifiers("mlp"), spec).save(tmp_path / "model.keras")
    model = classifier.load(tmp_path)
    assert smoothing_of(model)[1:] == (0.2, 20, 100, 0.001, 20) and smoothing_of(classifiers("mlp")) is None
    proof = lambda threat: certificate(Judge(model, images[:8], labels[:8], threat, draws=5))  # noqa: E731
    near, every = proof(L2(0.05)), proof(LInf(0.05 / 8))
    assert 0 < near.certified.mean() <= 1
    assert near.radius == pytest.approx(8 * every.radius) and (near.certified == every.certified).all()
    assert near.stated() | {"accuracy": None} == {
        "method": "randomized smoothing", "accuracy": None, "exact": False, "confidence": 0.999,
    }  # fmt: skip
    inside = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Rescaling(0.5), model])
    assert smoothing_of(inside) is None  # the noise is not on the images
    # A vote of few copies may abstain where it is certified.
    assert near.contradicted(np.zeros(8, bool)) is None and "infinitely many" in near.unattacked
    judge = Judge(model, images[:8], labels[:8], L2(0.05), draws=5)
    assert proof_method(judge).passes == (6, 0)  # of 20 copies each


def test_what_no_vote_can_certify_is_not_tried(images, labels):
    """Of a classifier that names the same class everywhere all images within reach are certified, and none beyond."""
    model = keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(2)])
    model.layers[-1].set_weights([np.zeros((64, 2)), np.array([1.0, 0.0])])
    model, x, y = defend(model, "smoothed(sigma=0.25, n0=1)"), images[:2], np.zeros(2, int)
    assert smoothing_of(model).reach == pytest.approx(0.6158, abs=1e-4)
    for unit, threat in ((1, L2), (8, LInf)):
        judge = lambda eps, threat=threat: Judge(model, x, y, threat(eps), draws=5)  # noqa: E731
        assert certificate(judge(0.615 / unit)).certified.all()
        why = f"certify no image beyond {threat.norm}:(.*), and eps is {0.616 / unit:.6g}; .* larger sigma"
        with pytest.raises(TfadvError, match=why) as raised:
            certificate(judge(0.616 / unit))
        assert float(re.search(why, str(raised.value))[1]) == pytest.approx(smoothing_of(model).reach / unit, rel=1e-5)
    few = defend(linear(np.ones(16)), "smoothed(sigma=0.25, n=9)")
    assert smoothing_of(few).reach == 0  # 0.001^(1/9) is below a half
    said = []
    run = types.SimpleNamespace(judge=judge(0.617 / 8), members=())
    for whole, slow in ((True, None), (False, VERDICT_ONLY), (False, IN_BLOCKS)):
        options = {"seen": None, "whole": whole, "slow_proof": slow}
        beside = Diagnostics(run, ModelTraits(True, False), progress=lambda *told: said.append(told), **options)
        assert beside.proof is None and "proof" not in beside.todo
    (sentence, *event), again = said
    assert again[0] == sentence
    assert "No certificate: 1,000 noisy copies of sigma 0.25 certify no image beyond" in sentence and event == [0, 0]


def test_a_proof_is_slow_if_it_takes_long_beside_the_attacks(classifiers, images, labels):
    quick = ProofMethod(Passes(20, 40), None)
    assert quick.is_quick(0) and ProofMethod(Passes(2000, 0), None).is_quick(20_000)
    slow = ProofMethod(Passes(21, 40), None)
    judge = Judge(classifiers("mlp"), images, labels, L2(0.05))

    def todo(method, attack, **options):
        run = types.SimpleNamespace(judge=judge, members=[attacks.get(attack)])
        options = {"seen": None, "progress": silent, "whole": False, "proof_method": lambda judge: method, **options}
        return Diagnostics(run, None, **options).todo

    assert todo(slow, "fgsm", slow_proof="it is slow") == {}
    for method, attack, slow_proof in (
        (slow, "fgsm", None),
        (slow, "apgd(steps=500)", "slow"),
        (quick, "fgsm", "slow"),
    ):
        assert todo(method, attack, slow_proof=slow_proof).keys() == {"proof"}
