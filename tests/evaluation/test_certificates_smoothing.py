"""Randomized smoothing: the bound against published radii, the radius against an exact one, abstention, proofs."""

import types

import keras
import numpy as np
import pytest
from keras import layers
from scipy.stats import binomtest, norm

from tfadv import L2, LInf, defend
from tfadv.errors import TfadvError
from tfadv.evaluation.certificates import certificate, way
from tfadv.evaluation.certificates.smoothing import certify, lower_bound, smoothing_of
from tfadv.evaluation.diagnostics import Diagnostics
from tfadv.evaluation.judge import Judge
from tfadv.layers.prediction_noise import SmoothedVote
from tfadv.models import classifier
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


def test_a_constant_classifier_has_the_largest_radius_everywhere():
    x = np.zeros((2, *SHAPE), "float32")
    found = certify(linear(np.zeros(16), 1.0), x, sigma=0.5, n=1000)
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
    near, far, every = proof(L2(0.05)), proof(L2(0.5)), proof(LInf(0.05 / 8))
    assert 0 < near.certified.mean() <= 1 and not far.certified.any() and far.stated() is None
    assert near.radius == pytest.approx(8 * every.radius) and (near.certified == every.certified).all()
    assert near.stated() | {"accuracy": None} == {
        "method": "randomized smoothing", "accuracy": None, "exact": False, "confidence": 0.999,
    }  # fmt: skip
    inside = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Rescaling(0.5), model])
    assert smoothing_of(inside) is None  # the noise is not on the images
    # A vote of few copies may abstain where it is certified.
    assert near.contradicted(np.zeros(8, bool)) is None and "infinitely many" in near.unattacked
    judge = Judge(model, images[:8], labels[:8], L2(0.05), draws=5)
    assert way(judge).passes == (6, 0)  # of 20 copies each
    aside = Diagnostics(types.SimpleNamespace(judge=judge), None, seen=None, progress=silent, whole=False)
    assert aside.proof is None and aside.todo == {}  # it takes too long where only a verdict is asked for
