"""What the judge chooses by itself, after the standard ensemble."""

import numpy as np
import pytest

from tfadv import attacks
from tfadv.errors import UnreadableModel
from tfadv.evaluation import adapt, multiple_threats
from tfadv.evaluation.adapt import observed
from tfadv.evaluation.adapt.observed import Observed
from tfadv.evaluation.attack_run import AttackRun
from tfadv.evaluation.diagnostics import Diagnostics
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

    def sign(seen):
        asked.append(seen.run.robust.sum())
        return [(CHOSEN, "It is always chosen.")]

    monkeypatch.setattr(ModelTraits, "default_attacks", lambda self, norm: [attacks.get("fgsm")])
    monkeypatch.setattr(adapt, "SIGNS", (sign,))
    monkeypatch.setattr(adapt, "KINDS", ())
    return asked


@pytest.fixture
def tried(monkeypatch, one_sign):
    """The same, where what is chosen is tried on all but two images first; call it with the specs of attacks."""

    def choose(*specs, hint=False):
        monkeypatch.setattr(adapt, "SIGNS", ())
        monkeypatch.setattr(adapt, "KINDS", (lambda seen: [(spec, "It is tried.") for spec in specs],))
        monkeypatch.setattr(adapt, "few", lambda run, *about: int(run.robust.sum()) - 2)
        monkeypatch.setattr(adapt.masked, "only_hinted", lambda seen, sign: hint)

    return choose


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
    contents, gradient = inside.contents, Observed._gradient
    monkeypatch.setattr(ModelTraits, "default_attacks", lambda self, norm: [attacks.get("fgsm")])
    monkeypatch.setattr(adapt, "KINDS", ())
    monkeypatch.setattr(inside, "contents", lambda *given: read.append(given) or contents(*given))
    monkeypatch.setattr(Observed, "_gradient", lambda self, fn: compiled.append(fn) or gradient(self, fn))
    multiple_threats.evaluate_each(classifiers("mlp"), dataset, ["linf:0.05", "l2:0.4"], diagnostics=False)
    assert len(read) == 1 and len(compiled) == 1


def test_what_is_tried_in_vain_is_left_out(classifiers, dataset, tried, monkeypatch):
    """Without a look at the others; with success it goes on to them."""
    settings = {"threat": "linf:0.1", "seed": 3, "batch_size": 4}
    batches, run = [], AttackRun._batch
    monkeypatch.setattr(AttackRun, "_batch", lambda self, *given: batches.append(given[1]) or run(self, *given))
    tried("noise(draws=1)")
    found = evaluate(classifiers("mlp"), dataset, **settings)
    robust, clean = found.arrays["robust"].sum(), sum(row["attacked"] for row in found.attacks)
    assert [row["attack"] for row in found.attacks] == ["fgsm"] and robust > 6
    assert len(np.concatenate(batches)) == clean + robust - 2 and set(found.arrays["broken_by"]) == {-1, 0}
    batches.clear()
    tried(CHOSEN)
    found = evaluate(classifiers("mlp"), dataset, **settings)
    assert [(row["attack"], row["why"]) for row in found.attacks] == [("fgsm", None), (CHOSEN, "It is tried.")]
    attacked = np.concatenate(batches)[clean:]
    assert found.attacks[1]["attacked"] == robust == len(set(attacked)) and (np.diff(attacked[:-2]) > 0).all()


def test_after_a_hint_that_came_to_nothing_what_is_dearer_is_not_tried(classifiers, dataset, tried):
    """After other signs each attack has its own trial."""
    made = []
    for hint in (True, False):
        tried("noise(draws=1)", "noise(draws=2)", hint=hint)
        found = evaluate(classifiers("mlp"), dataset, threat="linf:0.1", seed=3)
        assert [row["attack"] for row in found.attacks] == ["fgsm"]
        made.append([trial["attack"] for trial in found.trials])
    assert made == [["noise(draws=1)"], ["noise(draws=1)", "noise(draws=2)"]]


def test_what_is_tried_in_vain_counts_in_the_cost(classifiers, dataset, tried):
    tried("noise(draws=3)")
    found = evaluate(classifiers("mlp"), dataset, threat="linf:0.1", seed=3)
    (row,), (trial,) = found.attacks, found.trials
    robust = int(found.arrays["robust"].sum())
    told = {key: trial[key] for key in ("attack", "why", "attacked", "fooled")}
    assert told == {"attack": "noise(draws=3)", "why": "It is tried.", "attacked": robust - 2, "fooled": 0}
    assert trial["forwards"] >= 3 * (robust - 2) and trial["gradients"] == 0
    for kind in ("seconds", "gradients", "forwards"):
        assert found.cost(kind) == row[kind] + trial[kind]


def test_a_trial_is_taken_up_after_an_interruption(classifiers, dataset, tmp_path, tried, monkeypatch):
    settings = {"threat": "linf:0.1", "seed": 3, "batch_size": 2}
    for spec in ("noise(draws=1)", CHOSEN):
        tried(spec)
        whole, run = evaluate(classifiers("mlp"), dataset, **settings), AttackRun._batch
        monkeypatch.setattr(AttackRun, "_batch", lambda self, *given: stop_at_the_chosen(run, self, *given))  # noqa: B023
        with pytest.raises(Stop):
            evaluate(classifiers("mlp"), dataset, **settings, keep=tmp_path)
        monkeypatch.setattr(AttackRun, "_batch", run)
        resumed = evaluate(classifiers("mlp"), dataset, **settings, keep=tmp_path)
        np.testing.assert_array_equal(resumed.arrays["broken_by"], whole.arrays["broken_by"])
        assert [row["attacked"] for row in resumed.attacks] == [row["attacked"] for row in whole.attacks]


def test_directions_differ_where_some_are_missing_or_lead_elsewhere():
    there = np.random.default_rng(0).normal(size=(100, 6))
    without = lambda count: np.where(np.arange(100)[:, None] < count, 0, there)  # noqa: E731
    assert not observed._differ(there, there) and not observed._differ(there, without(100))
    assert not observed._differ(without(4), there) and observed._differ(without(10), there)
    assert observed._differ(there, -there) and observed._differ(there, there + there[:, ::-1])


def test_what_was_tried_in_vain_before_an_interruption_is_not_tried_again():
    run = object.__new__(AttackRun)  # nothing that an attack would need
    run.trials, run.members = [{"attack": "fgsm", "why": "It was tried."}], []
    assert AttackRun.add(run, attacks.get("fgsm"), "It was tried.", most=5) is False
    assert run.members == []


def test_a_model_that_cannot_be_read_is_told_and_a_fault_of_our_own_is_none(
    classifiers, dataset, one_sign, monkeypatch
):
    def unreadable(seen):
        raise UnreadableModel("it is a riddle")

    monkeypatch.setattr(adapt, "SIGNS", (unreadable,))
    told, diagnosed = [], Diagnostics.facts
    monkeypatch.setattr(Diagnostics, "facts", lambda self: told.append(self.unadapted) or diagnosed(self))
    evaluate(classifiers("mlp"), dataset, threat="linf:0.1", n=8)
    assert told == ["The model could not be taken apart: it is a riddle"]

    for fault in (ValueError, TypeError, KeyError, NotImplementedError, AttributeError):

        def faulty(seen, fault=fault):
            raise fault("our own")

        monkeypatch.setattr(adapt, "SIGNS", (faulty,))
        with pytest.raises(fault, match="our own"):
            evaluate(classifiers("mlp"), dataset, threat="linf:0.1", n=8)


def stop_at_the_chosen(run, self, number, *rest):
    if number == 1 and self.batches_done == 1:
        raise Stop
    return run(self, number, *rest)


def test_attacks_that_are_given_leave_no_choice_and_that_is_told(classifiers, dataset, one_sign):
    found = evaluate(classifiers("mlp"), dataset, threat="linf:0.1", attacks="fgsm", n=8)
    assert len(found.attacks) == 1 and not one_sign


def test_an_honest_network_shows_no_sign(classifiers, dataset, monkeypatch, verdict_only):
    """Linear at so small a radius that most images withstand FGSM; tests/test_specimens.py asks after the ensemble."""
    monkeypatch.setattr(ModelTraits, "default_attacks", lambda self, norm: [attacks.get("fgsm")])
    monkeypatch.setattr(adapt, "KINDS", ())  # what needs no sign
    read, said = adapt._read, []
    monkeypatch.setattr(adapt, "_read", lambda *given: said.append(read(*given)) or said[-1])
    found = evaluate(classifiers("linear"), dataset, threat="linf:0.01", n=8)
    assert found.robust_accuracy > 0.5 and [row["attack"] for row in found.attacks] == ["fgsm"]
    assert said == [{"chosen": [], "hint": False, "failed": None}] * len(adapt.SIGNS)
