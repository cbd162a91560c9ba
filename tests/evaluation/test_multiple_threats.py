"""One model under several threat models: each as by itself, and the worst case per image."""

import collections
import dataclasses

import keras
import numpy as np
import pytest
from evaluated import THREAT

from tfadv.data import datasets
from tfadv.data.corruptions import CORRUPTIONS
from tfadv.errors import TfadvError
from tfadv.evaluation import corruption, metrics, model_noise, multiple_threats, subject
from tfadv.evaluation.evaluate import evaluate
from tfadv.evaluation.judge import Judge
from tfadv.evaluation.partial_results import PartialResults
from tfadv.evaluation.statistics import wilson
from toy_models import classifier
from trap_models import Noise, behind

THREATS = ("linf:0.05", "l2:0.4")
ASKED = {"attacks": ["fgsm", "deepfool"], "diagnostics": False}


@pytest.fixture(scope="module")
def found(classifiers, dataset):
    return multiple_threats.evaluate_each(classifiers("mlp"), dataset, THREATS, **ASKED)


def test_each_is_what_it_is_by_itself(found, classifiers, dataset):
    for threat, result in zip(THREATS, found[0], strict=True):
        alone = evaluate(classifiers("mlp"), dataset, threat=threat, **ASKED)
        assert result.threat == threat and result.robust_accuracy == alone.robust_accuracy
        np.testing.assert_array_equal(result.arrays["distance"], alone.arrays["distance"])


def test_the_union_is_the_worst_case_per_image(found):
    each, worst = found
    robust = each[0].arrays["robust"] & each[1].arrays["robust"]
    np.testing.assert_array_equal(worst.arrays["robust"], robust)
    assert worst.robust_accuracy == robust.mean() <= min(result.robust_accuracy for result in each)
    assert tuple(worst.robust_interval) == wilson(robust.sum(), robust.size)
    assert worst.threat == "linf:0.05 and l2:0.4" and worst.clean_accuracy == each[0].clean_accuracy


def test_the_rows_of_the_union_are_the_threat_models(found):
    each, worst = found
    first, second = worst.attacks
    assert first["attack"] == "all attacks under linf:0.05" and first["accuracy"] == each[0].robust_accuracy
    assert second["accuracy"] == worst.robust_accuracy
    assert second["fooled"] == (each[0].arrays["robust"] & ~each[1].arrays["robust"]).sum() > 0
    assert first["gradients"] == sum(row["gradients"] for row in each[0].attacks)
    by = worst.arrays["broken_by"]
    assert [row["fooled"] for row in worst.attacks] == [(by == k).sum() for k in (0, 1)]


def test_findings_say_under_which_threat_model(found):
    each, _ = found
    odd = {"code": "odd", "severity": "error", "message": "It is odd.", "advice": None}
    each[1].findings.append(odd)
    findings = multiple_threats.union(each, tuple("0123456789")).findings
    each[1].findings.pop()
    assert findings[0] == odd | {"message": "Under l2:0.4: It is odd."}
    assert [finding["code"] for finding in findings] == ["odd", "not_checked"]


def test_a_check_counts_as_it_came_out_at_worst(found):
    outcomes = [("passed", "skipped", "fired"), ("skipped", "skipped", "passed")]
    each = [
        dataclasses.replace(result, checks=[{"code": code, "outcome": kind} for code, kind in zip("abc", kinds)])  # noqa: B905
        for result, kinds in zip(found[0], outcomes, strict=True)
    ]
    union = multiple_threats.union(each, tuple("0123456789"))
    assert [check["outcome"] for check in union.checks] == ["passed", "skipped", "fired"]


def test_what_no_threat_model_changes_is_found_once(classifiers, dataset, monkeypatch):
    """The clean images, the traits of the model, and how it does on corrupted images."""
    calls = collections.Counter()

    def counted(where, name):
        plain = getattr(where, name)
        monkeypatch.setattr(where, name, lambda *a, **k: calls.update([name]) or plain(*a, **k))

    counted(subject, "check_scale")
    counted(corruption, "corrupt")
    counted(model_noise, "answers_vary")
    clean = []
    plain = Judge.logits
    monkeypatch.setattr(Judge, "logits", lambda self, x: clean.append(len(x)) or plain(self, x))
    monkeypatch.setattr(corruption, "CORRUPTIONS", {"contrast": CORRUPTIONS["contrast"]})
    each, union = multiple_threats.evaluate_each(classifiers("mlp"), dataset, THREATS, corruptions=True, **ASKED)
    assert calls == {"check_scale": 1, "corrupt": 5, "answers_vary": 1} and clean.count(len(dataset.test)) == 1
    assert each[0].corruptions == each[1].corruptions == union.corruptions


def test_distances_of_the_same_images_are_measured_once(classifiers, dataset, monkeypatch, verdict_only):
    measured = []
    monkeypatch.setattr(metrics, "rho", lambda model, x, **_: measured.append(len(x)) or np.full(len(x), 0.1))
    each, _ = multiple_threats.evaluate_each(classifiers("mlp"), dataset, THREATS, attacks="fgsm")
    assert measured == [len(dataset.test)] and each[0].rho2 == each[1].rho2


@pytest.mark.parametrize(
    ("last", "attacks", "said"),
    [
        ("linf:8", "fgsm", "at most 1"),
        ("l3:1", "fgsm", "l3"),
        ("l0:5", "fab_t", "l0"),
        ("linf:1/20", "fgsm", "each once"),
    ],
)
def test_the_last_threat_model_is_refused_before_the_first_is_judged(
    classifiers, dataset, monkeypatch, last, attacks, said
):
    monkeypatch.setattr(multiple_threats, "evaluate", None)
    with pytest.raises(TfadvError, match=said):
        multiple_threats.evaluate_each(classifiers("mlp"), dataset, ["linf:0.05", last], attacks=attacks)


def test_finished_ones_are_kept_until_all_are(classifiers, dataset, tmp_path, monkeypatch):
    judged = []

    def stops(model, dataset, *, threat, **given):
        if len(judged) == 1:
            raise KeyboardInterrupt
        judged.append(threat)
        return evaluate(model, dataset, threat=threat, **given)

    monkeypatch.setattr(multiple_threats, "evaluate", stops)
    with pytest.raises(KeyboardInterrupt):
        multiple_threats.evaluate_each(classifiers("mlp"), dataset, THREATS, keep=tmp_path, **ASKED)
    monkeypatch.setattr(
        multiple_threats,
        "evaluate",
        lambda m, d, *, threat, **k: judged.append(threat) or evaluate(m, d, threat=threat, **k),
    )
    multiple_threats.evaluate_each(classifiers("mlp"), dataset, THREATS, keep=tmp_path, **ASKED)
    assert judged == list(THREATS) and not list(tmp_path.glob("parts-*"))


@pytest.mark.parametrize("threats", [(), ("linf:0.1",), ("linf:0.1", THREAT)])
def test_one_is_not_several(classifiers, dataset, threats):
    with pytest.raises(TfadvError, match="two or more, each once"):
        multiple_threats.evaluate_each(classifiers("mlp"), dataset, threats, **ASKED)


def test_what_was_kept_of_another_model_with_the_same_weights_is_not_taken_up(tmp_path):
    """Code of a custom layer may change between an interruption and the next try."""

    def model(scale):
        layers = [keras.layers.Flatten(), keras.layers.Dense(10, "tanh", kernel_initializer=keras.initializers.Ones())]
        return keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Rescaling(scale), *layers])

    split = datasets.load("digits").test.take(5)
    of = lambda scale: PartialResults(tmp_path, subject.Subject(model(scale), split, any_scale=True), {})  # noqa: E731
    first, second = of(0.01), of(0.02)
    assert first.folder != second.folder
    first.folder.mkdir()
    of(0.02)
    assert not first.folder.exists()  # nothing of other questions is left


def test_models_of_other_noise_are_told_apart():
    split = datasets.load("digits").test.take(40)

    def computes(stddev):
        model = behind(Noise(stddev), classifier("cnn"))
        return subject.Subject(model, split, any_scale=True).computes

    assert computes(0.05) == computes(0.05) != computes(0.06)
