"""What interval bounds prove: no attack goes below it, a contradiction is an error, and nothing is said of nothing."""

import json

import keras
import numpy as np
import pytest

from tfadv import L2, LInf, Patch, attacks
from tfadv.errors import TfadvError
from tfadv.evaluation import checks, diagnostics, metrics
from tfadv.evaluation.certificates import Certificate, certificate, interval, proof_method
from tfadv.evaluation.certificates.interval import interval_certified
from tfadv.evaluation.checks import chosen_attacks
from tfadv.evaluation.diagnostics import Diagnostics
from tfadv.evaluation.evaluate import evaluate
from tfadv.evaluation.judge import Judge
from tfadv.evaluation.multiple_threats import union
from tfadv.files import plain

THREAT = LInf(0.02)


@pytest.mark.parametrize(("name", "threat"), [("cnn", LInf(0.005)), ("mlp", Patch(area=0.03)), ("mlp", LInf(0.05))])
def test_no_attack_breaks_what_is_certified(classifiers, images, labels, name, threat):
    model = classifiers(name)
    certified = interval_certified(model, images, labels, threat)
    assert 0.1 < certified.mean() < 1
    x, y = images[certified], labels[certified]
    for attack in ("pgd(steps=20, restarts=3)", "noise"):
        assert metrics.correct(model, attacks.get(attack)(model, x, y, threat=threat), y).all()


def test_less_is_certified_the_further_pixels_move(classifiers, images, labels):
    shares = [interval_certified(classifiers("mlp"), images, labels, LInf(eps)).mean() for eps in (0, 0.05, 0.1, 0.5)]
    clean = metrics.correct(classifiers("mlp"), images, labels).mean()
    assert clean == shares[0] > shares[1] > shares[2] > shares[3] == 0


def test_a_proof_takes_a_model_and_a_threat_that_allow_one(classifiers, images, labels):
    proof = lambda name, threat, draws=1: certificate(Judge(classifiers(name), images, labels, threat, draws=draws))  # noqa: E731
    assert proof("cnn", THREAT).method == "interval and linear bounds" and not proof("cnn", THREAT).exact
    assert proof("linear", THREAT).method == "linear model" and proof("linear", L2(0.1)).exact
    for none, why in (
        (("cnn", L2(0.1)), "by itself"),
        (("nan_gradients", THREAT), "not for"),
        (("cnn", THREAT, 5), "random"),
    ):
        with pytest.raises(TfadvError, match=f"nothing can be proven of .*{why}"):
            proof(*none)
    with pytest.raises(TfadvError, match="a threat model that moves each pixel by itself"):
        interval_certified(classifiers("cnn"), images, labels, L2(0.1))


@pytest.fixture
def short(monkeypatch):
    """Evaluations without what a certificate does not depend on."""
    for name in ("curves", "rho2", "control"):
        monkeypatch.setattr(Diagnostics, name, lambda self: None if self else [])
    monkeypatch.setattr(Diagnostics, "curves", lambda self: [])
    monkeypatch.setattr(checks, "CHECKS", (chosen_attacks.certificate_contradicted,))


def test_an_evaluation_says_a_bracket(classifiers, dataset, short):
    result = evaluate(classifiers("mlp"), dataset, threat=THREAT, attacks="fgsm")
    certified = result.arrays["certified"]
    facts = {"method": "interval and linear bounds", "accuracy": certified.mean(), "exact": False, "confidence": None}
    assert result.certificate == facts
    assert 0 < certified.mean() <= result.robust_accuracy and not (certified & ~result.arrays["robust"]).any()
    assert result.checks[0]["outcome"] == "passed" and result.findings == []
    wide = evaluate(classifiers("mlp"), dataset, threat=LInf(0.5), attacks="fgsm")
    assert wide.certificate is None and not wide.arrays["certified"].any()
    assert wide.checks == [
        {"code": "certificate_contradicted", "outcome": "skipped", "reason": "no image is certified"}
    ]
    both = union([result, evaluate(classifiers("mlp"), dataset, threat=LInf(0.01), attacks="fgsm")], "0123456789")
    assert both.certificate == result.certificate


def test_an_image_that_is_certified_and_fooled_is_an_error(classifiers, dataset, short, monkeypatch):
    monkeypatch.setattr(interval.Bounding, "certified", lambda self, x, y, **options: y >= 0)
    result = evaluate(classifiers("mlp"), dataset, threat=LInf(0.1), attacks="fgsm")
    [finding] = result.findings
    assert finding["severity"] == "error" and finding["code"] == "certificate_contradicted"
    assert "images are proven to withstand every attack" in finding["message"]
    found = evaluate(classifiers("mlp"), dataset, threat=LInf(0.1), attacks="fgsm", diagnostics=False).findings
    assert found[1] == finding and [other["code"] for other in found[:1]] == ["not_checked"]


def test_of_fooled_images_a_few_are_tried(classifiers, dataset, short, monkeypatch):
    tried, prove = [], interval.Bounding.certified
    spy = lambda self, x, y, **options: tried.append(len(x)) or prove(self, x, y, **options)  # noqa: E731
    monkeypatch.setattr(interval.Bounding, "certified", spy)
    monkeypatch.setattr(diagnostics, "FOOLED", 100)
    every = evaluate(classifiers("mlp"), dataset, threat=LInf(0.05), attacks="fgsm")
    monkeypatch.setattr(diagnostics, "FOOLED", 2)
    few = evaluate(classifiers("mlp"), dataset, threat=LInf(0.05), attacks="fgsm")
    assert tried == [len(dataset.test), few.arrays["robust"].sum() + 2] and tried[1] < tried[0]
    np.testing.assert_array_equal(few.arrays["certified"], every.arrays["certified"])
    assert few.certificate == every.certificate
    none = evaluate(classifiers("mlp"), dataset, threat=LInf(0.5), attacks="pgd(steps=3)")
    assert none.robust_accuracy == 0 and len(tried) == 2 and not none.arrays["certified"].any()


def test_batches_of_images_are_certified_as_one(classifiers, images, labels):
    whole = interval_certified(classifiers("mlp"), images, labels, LInf(0.05))
    options = {"batch_size": 7}
    np.testing.assert_array_equal(interval_certified(classifiers("mlp"), images, labels, LInf(0.05), **options), whole)
    assert 0 < whole.mean() < 1


@pytest.mark.parametrize("linear", [True, False])
def test_progress_never_goes_back_and_ends_with_all_images(classifiers, images, labels, linear, monkeypatch):
    monkeypatch.setattr(interval, "has_linear_bounds", lambda model: linear)
    said = []
    interval_certified(
        classifiers("mlp"), images, labels, LInf(0.05), batch_size=7, progress=lambda *event: said.append(event)
    )
    done = [event[1] for event in said]
    assert {(what, total) for what, _, total in said} == {("bounds", len(images))}
    assert done[0] == 0 and done[-1] == len(images) and done == sorted(done) and len(set(done)) > 3


def test_progress_ends_with_all_images_where_the_others_are_wrong(classifiers, images, labels):
    """As linear bounds are not tried on them."""
    proven = interval_certified(classifiers("mlp"), images, labels, LInf(0.0))
    at, said = np.append(np.flatnonzero(proven), 0), []
    y = np.append(labels[proven], (labels[0] + 1) % 10)
    progress = lambda *event: said.append(event)  # noqa: E731
    assert not interval_certified(classifiers("mlp"), images[at], y, LInf(0.0), progress=progress)[-1]
    assert said[-1] == ("bounds", len(y), len(y))


def test_layers_without_bounds_are_named(images, labels):
    stack = [keras.layers.Flatten(), keras.layers.Dense(10, activation="silu", name="hidden"), keras.layers.Dense(10)]
    model = keras.Sequential([keras.Input((8, 8, 1)), *stack])
    with pytest.raises(TfadvError, match="not for 'hidden'"):
        interval_certified(model, images, labels, THREAT)


def test_where_bounds_cost_too_much_or_would_be_false_an_evaluation_says_why(classifiers, images, labels, monkeypatch):
    judge = Judge(classifiers("mlp"), images, labels, THREAT)
    with monkeypatch.context() as patched:
        patched.setattr(interval, "NUMBERS", 100)
        assert "100 outputs an image at most" in proof_method(judge)
    monkeypatch.setattr(interval, "rounds_coarsely", lambda: True)
    assert "rounds to TF32" in proof_method(judge)
    with pytest.raises(TfadvError, match="rounds to TF32"):
        interval_certified(classifiers("mlp"), images, labels, THREAT)


def test_a_journal_gives_a_certificate_back():
    lengths = np.array([0.5, np.inf, 0], np.float32)
    made = Certificate("linear model", lengths > 0.1, True, lengths > 1, lengths)
    again = Certificate.of(json.loads(json.dumps(plain(made))))
    np.testing.assert_array_equal(again.radius, lengths)
    assert again.radius.dtype == np.float32 and again.stated() == made.stated()
    assert again.contradicted(np.array([True, False, False])) == 1
