"""One model under several threat models: each as by itself, and the worst case per image."""

import numpy as np
import pytest
from evaluated import THREAT

from tfadv.errors import TfadvError
from tfadv.evaluation import several
from tfadv.evaluation.evaluate import evaluate
from tfadv.evaluation.statistics import wilson

THREATS = ("linf:0.05", "l2:0.4")
ASKED = {"attacks": ["fgsm", "deepfool"], "diagnostics": False}


@pytest.fixture(scope="module")
def found(classifiers, dataset):
    return several.evaluate_each(classifiers("mlp"), dataset, THREATS, **ASKED)


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
    findings = several.union(each, tuple("0123456789")).findings
    each[1].findings.pop()
    assert findings[0] == odd | {"message": "Under l2:0.4: It is odd."}
    assert [finding["code"] for finding in findings] == ["odd", "not_checked"]


def test_finished_ones_are_kept_until_all_are(classifiers, dataset, tmp_path, monkeypatch):
    judged = []

    def stops(model, dataset, *, threat, **given):
        if len(judged) == 1:
            raise KeyboardInterrupt
        judged.append(threat)
        return evaluate(model, dataset, threat=threat, **given)

    monkeypatch.setattr(several, "evaluate", stops)
    with pytest.raises(KeyboardInterrupt):
        several.evaluate_each(classifiers("mlp"), dataset, THREATS, keep=tmp_path, **ASKED)
    monkeypatch.setattr(
        several, "evaluate", lambda m, d, *, threat, **k: judged.append(threat) or evaluate(m, d, threat=threat, **k)
    )
    several.evaluate_each(classifiers("mlp"), dataset, THREATS, keep=tmp_path, **ASKED)
    assert judged == list(THREATS) and not list(tmp_path.iterdir())


@pytest.mark.parametrize("threats", [(), ("linf:0.1",), ("linf:0.1", THREAT)])
def test_one_is_not_several(classifiers, dataset, threats):
    with pytest.raises(TfadvError, match="two or more, each once"):
        several.evaluate_each(classifiers("mlp"), dataset, threats, **ASKED)
