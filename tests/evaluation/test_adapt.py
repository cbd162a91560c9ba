"""What the judge chooses by itself, after the standard ensemble."""

import numpy as np
import pytest

from tfadv import attacks
from tfadv.evaluation import adapt, several
from tfadv.evaluation.adapt.met import Met
from tfadv.evaluation.attack_run import AttackRun
from tfadv.evaluation.evaluate import evaluate
from tfadv.evaluation.traits import ModelTraits
from tfadv.graph import inside

CHOSEN = "pgd(steps=10)"


class Stop(BaseException):
    pass


@pytest.fixture
def one_sign(monkeypatch, verdict_only):
    """A judge whose ensemble is FGSM, and who always finds one sign; how often it was asked."""
    asked = []

    def sign(met):
        asked.append(met.run.robust.sum())
        return [(CHOSEN, "It is always chosen.")]

    monkeypatch.setattr(ModelTraits, "default_attacks", lambda self, norm: [attacks.get("fgsm")])
    monkeypatch.setattr(adapt, "SIGNS", (sign,))
    return asked


def test_a_chosen_attack_is_a_row_that_says_why_and_is_taken_again_after_an_interruption(
    classifiers, dataset, tmp_path, monkeypatch, one_sign
):
    settings = {"threat": "linf:0.1", "seed": 3, "batch_size": 10}
    whole = evaluate(classifiers("mlp"), dataset, **settings)
    assert [(row["attack"], row["why"]) for row in whole.attacks] == [("fgsm", None), (CHOSEN, "It is always chosen.")]
    assert whole.attacks[1]["attacked"] == one_sign[0] and whole.attacks[1]["fooled"] > 0

    run = AttackRun._batch
    monkeypatch.setattr(AttackRun, "_batch", lambda self, number, *rest: stop_at_the_chosen(run, self, number, *rest))
    with pytest.raises(Stop):
        evaluate(classifiers("mlp"), dataset, **settings, keep=tmp_path)
    monkeypatch.setattr(AttackRun, "_batch", run)
    resumed = evaluate(classifiers("mlp"), dataset, **settings, keep=tmp_path)
    assert len(one_sign) == 2  # the resumed run knows it from the journal
    np.testing.assert_array_equal(resumed.arrays["broken_by"], whole.arrays["broken_by"])


def test_several_evaluations_of_a_model_read_its_operations_once(classifiers, dataset, monkeypatch):
    """What a model is made of depends on no threat model, and its gradient is compiled once."""
    read, compiled = [], []
    contents, gradient = inside.contents, Met._gradient
    monkeypatch.setattr(ModelTraits, "default_attacks", lambda self, norm: [attacks.get("fgsm")])
    monkeypatch.setattr(inside, "contents", lambda *given: read.append(given) or contents(*given))
    monkeypatch.setattr(Met, "_gradient", lambda self, fn: compiled.append(fn) or gradient(self, fn))
    several.evaluate_each(classifiers("mlp"), dataset, ["linf:0.05", "l2:0.4"], diagnostics=False)
    assert len(read) == 1 and len(compiled) == 1


def stop_at_the_chosen(run, self, number, *rest):
    if number == 1 and self.batches_done == 1:
        raise Stop
    return run(self, number, *rest)


def test_attacks_that_are_given_leave_no_choice_and_that_is_told(classifiers, dataset, one_sign):
    found = evaluate(classifiers("mlp"), dataset, threat="linf:0.1", attacks="fgsm", n=8)
    assert len(found.attacks) == 1 and not one_sign


def test_an_honest_network_shows_no_sign(classifiers, dataset):
    """Linear at so small a radius that most images withstand the ensemble, which the signs are read after."""
    found = evaluate(classifiers("linear"), dataset, threat="linf:0.01", n=8)
    assert found.robust_accuracy > 0.5 and not any(row["why"] for row in found.attacks)
    assert "not_adapted" not in {item["code"] for item in found.findings}
