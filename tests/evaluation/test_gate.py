"""`at_least`: how many images it judges, what it answers, and what an interruption costs."""

import dataclasses

import numpy as np
import pytest

from tfadv.data.split import Dataset, Split
from tfadv.errors import TfadvError
from tfadv.evaluation import diagnostics, gate, merge
from tfadv.evaluation.certificates import interval
from tfadv.evaluation.evaluate import evaluate
from tfadv.evaluation.judge import Judge
from tfadv.evaluation.subject import Subject
from toy_models import digits

ASKED = {"threat": "linf:0.03", "attacks": "fgsm"}


@pytest.fixture(scope="module")
def many():
    """700 digits that the classifiers were not trained on."""
    x, y = digits()
    test = Split(x[1000:1700], y[1000:1700])
    return Dataset("digits", test, test, tuple("0123456789"), "a test")


@pytest.fixture(scope="module")
def truth(classifiers, many):
    """The outcome on all of them."""
    return evaluate(classifiers("mlp"), many, diagnostics=False, **ASKED)


@pytest.mark.parametrize(("away", "holds"), [(-0.15, True), (0.1, False)])
def test_it_judges_some_images_and_answers(classifiers, many, truth, away, holds):
    share = truth.robust_accuracy + away
    result = gate.at_least(classifiers("mlp"), many, share, diagnostics=False, **ASKED)
    asked, image = result.gate, result.arrays["image"]
    assert asked["at_least"] == share and asked["holds"] is holds and asked["of"] == 700
    low, high = asked["interval"]
    assert low <= truth.robust_accuracy <= high and (low >= share if holds else high < share)
    assert result.dataset["n"] == len(image) == len(set(image)) < 500
    for name in ("clean", "robust", "labels"):
        np.testing.assert_array_equal(result.arrays[name], truth.arrays[name][image])


def test_arrays_are_judged_and_what_is_compiled_is_told_first(classifiers, many, truth):
    said = []
    asked = {"diagnostics": False, "progress": lambda *told: said.append(told[0])} | ASKED
    result = gate.at_least(classifiers("mlp"), (many.test.x, many.test.y), 0.3, **asked)
    assert said[0].startswith("compiling the network") and said.count(said[0]) == 1
    np.testing.assert_array_equal(result.arrays["robust"], truth.arrays["robust"][result.arrays["image"]])


def test_all_images_are_judged_where_it_takes_them_and_then_the_answer_is_exact(classifiers, many, truth):
    robust = int(truth.arrays["robust"].sum())
    for share, holds in ((robust / 700, True), ((robust + 1) / 700, False)):
        result = gate.at_least(classifiers("mlp"), many, share, diagnostics=False, **ASKED)
        assert result.gate["holds"] is holds and result.dataset["n"] > 600


@pytest.mark.parametrize(("name", "more", "holds"), [("mlp", 0, True), ("linear", 0, True), ("linear", 1, False)])
def test_a_proof_that_answers_ends_it(classifiers, many, name, more, holds, monkeypatch):
    """Where it takes few passes beside those of the attacks. An exact proof says no, too."""
    monkeypatch.setattr(gate, "work", lambda forward, backward: 0)
    asked, said = {"threat": "linf:0.01", "attacks": "fgsm", "diagnostics": False}, []
    certified = int(evaluate(classifiers(name), many, **asked).arrays["certified"].sum())
    asked |= {"progress": lambda *told: said.append(told[0])}
    result = gate.at_least(classifiers(name), many, (certified + more) / 700, **asked)
    assert result.gate["holds"] is holds and result.gate["proven"] == certified and "proof of all images" in said
    assert result.gate["interval"][0] == certified / 700 and result.arrays["clean"].sum() == gate.FIRST
    assert (result.gate["interval"][1] == certified / 700) is (name == "linear")


def test_a_proof_that_cannot_answer_is_not_made_of_all_images(classifiers, many, monkeypatch):
    asked = {"threat": "linf:0.01", "attacks": "fgsm", "diagnostics": False}
    result = gate.at_least(classifiers("mlp"), many, 0.85, **asked)
    assert result.gate["proven"] is None and result.certificate["accuracy"] > 0.85  # it takes longer than FGSM
    monkeypatch.setattr(gate, "work", lambda forward, backward: 0)
    result = gate.at_least(classifiers("mlp"), many, 0.99, **asked)
    assert result.gate["proven"] is None  # too few are certified


def test_where_only_a_kept_block_could_be_proven_attacks_answer(classifiers, many, truth, monkeypatch):
    """As on another machine, whose GPU rounds."""
    monkeypatch.setattr(gate, "_proof_may_answer", lambda parts, share: True)
    monkeypatch.setattr(Subject, "proof_method", lambda self, judge: "a GPU rounds")
    result = gate.at_least(classifiers("mlp"), many, truth.robust_accuracy - 0.02, diagnostics=False, **ASKED)
    assert result.gate["holds"] is True and result.gate["proven"] is None


def test_blocks_take_what_is_known_of_all_images_from_the_proof(classifiers, many, monkeypatch):
    """A proof that does not answer is not made again, and the blocks after it are certified as by it."""
    tried, prove = [], interval.Bounding.certified
    monkeypatch.setattr(
        interval.Bounding, "certified", lambda self, x, y, **k: tried.append(len(x)) or prove(self, x, y, **k) & (y < 9)
    )
    monkeypatch.setattr(gate, "_proof_may_answer", lambda parts, share: True)
    monkeypatch.setattr(gate, "work", lambda forward, backward: 0)
    asked = {"threat": "linf:0.01", "attacks": "fgsm", "diagnostics": False}
    whole = evaluate(classifiers("mlp"), many, **asked)
    share = (whole.arrays["robust"].sum() - 2) / 700
    tried.clear()
    result = gate.at_least(classifiers("mlp"), many, share, **asked)
    assert result.gate["holds"] is True and result.dataset["n"] > 300
    assert len(tried) == 2 and tried[1] == whole.arrays["clean"].sum()
    np.testing.assert_array_equal(result.arrays["certified"], whole.arrays["certified"][result.arrays["image"]])


def test_more_than_the_clean_accuracy_is_refused_after_one_block(classifiers, many, truth):
    result = gate.at_least(classifiers("mlp"), many, truth.clean_accuracy + 0.001, diagnostics=False, **ASKED)
    assert result.gate["holds"] is False and result.arrays["clean"].sum() == gate.FIRST


def test_an_error_of_a_check_is_a_no(classifiers, many, monkeypatch):
    said = [{"code": "a_check", "severity": "error", "message": "The gradients mislead.", "advice": None}]
    monkeypatch.setattr(gate, "evaluate", lambda *a, **k: dataclasses.replace(evaluate(*a, **k), findings=said))
    result = gate.at_least(classifiers("mlp"), many, 0.01, diagnostics=False, **ASKED)
    assert result.gate["holds"] is False and result.gate["interval"][0] > 0.01


def test_a_proof_that_a_later_block_contradicts_is_a_no(classifiers, many, truth, monkeypatch):
    """Bounds are traced once for all blocks."""
    prove, traced, begun = interval.Bounding.certified, [], []

    def false_in_the_third(self, x, y, **options):
        begun.append(len(x))
        return prove(self, x, y, **options) | (len(begun) == 3)

    trace = interval._prove
    monkeypatch.setattr(interval, "_prove", lambda margins, *given: traced.append(margins) or trace(margins, *given))
    share, told = truth.robust_accuracy - 0.02, {"diagnostics": False, **ASKED}
    result = gate.at_least(classifiers("mlp"), many, share, **told)
    assert result.gate["holds"] is True and 1 <= len(traced) <= 2 and result.findings[0]["code"] == "not_checked"
    assert [check["outcome"] for check in result.checks].count("passed") == 1
    monkeypatch.setattr(interval.Bounding, "certified", false_in_the_third)
    result = gate.at_least(classifiers("mlp"), many, share, **told)
    assert result.gate["holds"] is False and len(begun) == 3
    assert [finding["severity"] for finding in result.findings] == ["error", "warning"]
    assert [check["code"] for check in result.checks if check["outcome"] == "fired"] == ["certificate_contradicted"]


def test_blocks_share_what_is_known_of_the_model(classifiers, many, truth, monkeypatch):
    """Every image is asked once without an attack; the size of the first block is no finding."""
    asked = []
    plain = Judge.logits
    monkeypatch.setattr(Judge, "logits", lambda self, x: asked.append(len(x)) or plain(self, x))
    monkeypatch.setattr(
        diagnostics.Diagnostics, "facts", lambda self: self.without_checks() | {"findings": FEW, "checks": FEW}
    )
    judged = []
    monkeypatch.setattr(gate, "evaluate", lambda *a, **k: judged.append(a) or evaluate(*a, **k))
    result = gate.at_least(classifiers("mlp"), many, truth.robust_accuracy - 0.05, **ASKED)
    assert len(judged) > 2 and asked[0] == 700 and sum(asked[1:]) < 50  # the others are those of the pictures
    assert result.findings == [] and result.checks[0]["outcome"] == "skipped"


FEW = [{"code": "few_images", "severity": "info", "message": "Only a few.", "advice": None, "outcome": "fired"}]


def test_an_interruption_loses_one_block(classifiers, many, truth, tmp_path, monkeypatch):
    """Also where the attack draws random numbers: those of a block depend on no other block."""

    def ask(keep=None):
        share, asked = truth.robust_accuracy - 0.02, ASKED | {"attacks": "pgd(steps=3)", "seed": 5}
        return gate.at_least(classifiers("mlp"), many, share, diagnostics=False, keep=keep, **asked)

    whole, judged = ask(), []

    def stops(model, part, **given):
        if len(judged) == 2:
            raise KeyboardInterrupt
        judged.append(part)
        return evaluate(model, part, **given)

    monkeypatch.setattr(gate, "evaluate", stops)
    with pytest.raises(KeyboardInterrupt):
        ask(tmp_path)
    assert len(judged) == 2 and len(list(tmp_path.iterdir())) == 1
    monkeypatch.setattr(
        gate, "evaluate", lambda model, part, **given: judged.append(part) or evaluate(model, part, **given)
    )
    result = ask(tmp_path)
    assert sum(len(part.test) for part in judged) == result.dataset["n"] and not list(tmp_path.glob("parts-*"))
    assert len(judged) > 2 and result.gate == whole.gate
    np.testing.assert_array_equal(result.arrays["broken_by"], whole.arrays["broken_by"])
    np.testing.assert_array_equal(result.fooling["x_adv"], whole.fooling["x_adv"])


def test_blocks_merge_to_what_one_evaluation_of_their_images_says(classifiers, many):
    """FGSM draws nothing at random, so it is the same in blocks."""
    settings = {"threat": "linf:0.05", "attacks": ["fgsm", "deepfool"], "diagnostics": False}
    model = classifiers("mlp")
    cut = [dataclasses.replace(many, test=many.test.select(slice(*ends))) for ends in ((0, 40), (40, 100))]
    whole = evaluate(model, dataclasses.replace(many, test=many.test.take(100)), **settings)
    parts = [evaluate(model, part, **settings) for part in cut]
    tried = {"attack": "rays", "why": "It was tried.", "seconds": 1, "gradients": 0, "returned": 0, "abstained": 0}
    trials = [[tried | {"attacked": k, "fooled": 0, "forwards": 10 * k}] for k in (3, 4)]
    parts = [dataclasses.replace(part, trials=trial) for part, trial in zip(parts, trials, strict=True)]
    merged = merge.merged(parts, many.class_names, dataset=whole.dataset)
    timeless = lambda result: [row | {"seconds": None} for row in result.attacks]  # noqa: E731
    assert timeless(merged) == timeless(whole)
    assert merged.trials == [tried | {"attacked": 7, "fooled": 0, "forwards": 70, "seconds": 2}]
    for name, array in whole.arrays.items():
        np.testing.assert_array_equal(merged.arrays[name], array)
    assert merged.norms == pytest.approx(whole.norms) and merged.class_accuracy == whole.class_accuracy
    np.testing.assert_array_equal(merged.fooling["image"], whole.fooling["image"])
    np.testing.assert_allclose(merged.fooling["x_adv"], whole.fooling["x_adv"], atol=1e-5)
    assert merged.certificate == whole.certificate and "certified" in merged.arrays
    first = dataclasses.replace(parts[0], arrays=parts[0].arrays | {"radius": np.zeros(40, np.float32)})
    assert "radius" not in merge.merged([first, parts[1]], many.class_names, dataset=whole.dataset).arrays
    del parts[1].arrays["certified"]  # as where it was begun anew on a GPU, which rounds
    assert merge.merged(parts, many.class_names, dataset=whole.dataset).certificate is None


@pytest.mark.parametrize("share", [0, -0.1, 1.5, True, float("nan")])
def test_shares_that_mean_nothing(classifiers, many, share):
    with pytest.raises(TfadvError, match=r"at_least: expected .* above 0 and at most 1"):
        gate.at_least(classifiers("mlp"), many, share, **ASKED)
