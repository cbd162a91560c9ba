"""What follows the attacks: its parts, how long they take, and how it is left out."""

import dataclasses
import types

import numpy as np
import pytest
from evaluated import ATTACKS, THREAT

from tfadv import attacks
from tfadv.evaluation import attack_run, checks, curves, metrics
from tfadv.evaluation.attack_run import AttackRun
from tfadv.evaluation.certificates import interval
from tfadv.evaluation.estimate import Estimate
from tfadv.evaluation.evaluate import LOOKING, Diagnostics, evaluate
from tfadv.evaluation.journal import Journal
from tfadv.evaluation.judge import Judge
from tfadv.threat import L1, L2, LInf


class Stop(BaseException):
    pass


def test_noise_does_less_than_an_attack(result):
    assert result.robust_accuracy <= result.control["accuracy"] <= result.clean_accuracy


def test_an_interruption_of_what_follows_the_attacks_loses_one_part(
    result, classifiers, dataset, tmp_path, monkeypatch
):
    settings = {"threat": THREAT, "attacks": ATTACKS, "seed": 3, "keep": tmp_path}

    def stop(evidence):
        raise Stop

    with monkeypatch.context() as patched, pytest.raises(Stop):
        patched.setattr(checks, "CHECKS", (*checks.CHECKS[:3], stop))
        evaluate(classifiers("mlp"), dataset, **settings)

    def again(*arguments, **options):
        raise AssertionError("a part was computed twice")

    monkeypatch.setattr(AttackRun, "_batch", again)
    monkeypatch.setattr(interval.Bounding, "certified", again)
    monkeypatch.setattr(curves, "accuracy_curve", again)
    monkeypatch.setattr(metrics, "rho", again)
    kept = lambda check: types.FunctionType(again.__code__, again.__globals__, check.__name__)  # noqa: E731
    monkeypatch.setattr(checks, "CHECKS", (*map(kept, checks.CHECKS[:3]), *checks.CHECKS[3:]))
    resumed = evaluate(classifiers("mlp"), dataset, **settings).to_json()
    whole = result.to_json()
    for key in ("control", "rho2", "curves", "findings", "robust_accuracy", "norms", "certificate"):
        assert resumed[key] == whole[key], key
    assert not list(tmp_path.glob("*partial*"))


def test_what_follows_the_attacks_is_part_of_the_estimate(classifiers, dataset):
    said = []
    options = {"threat": THREAT, "attacks": ["fgsm"], "n": 8, "progress": lambda *event: said.append(event)}
    evaluate(classifiers("mlp"), dataset, **options)
    left = [(what, seconds) for what, *_, seconds in said if seconds is not None]  # the speed is known by then
    names = list(dict.fromkeys(what for what, _ in left))
    curve = "accuracy against eps, "
    assert names == [
        "fgsm",
        "uniform noise",
        "DeepFool distances",
        f"{curve}fgsm",
        f"{curve}apgd(steps=50)",
        "proof",
        "checks",
    ]
    assert all(seconds > 0 for what, seconds in left)
    at_the_end = dict(left)
    assert sorted(at_the_end.values(), reverse=True) == list(at_the_end.values())


def test_a_curve_begins_with_the_clean_accuracy_and_leaves_it(classifiers, images, labels):
    judge = Judge(classifiers("mlp"), images, labels, THREAT)
    clean, broken = curves.accuracy_curve(judge, [0, 0.1], attacks.get("fgsm"))
    assert clean == judge.correct(images, attacked=False).mean() == judge.clean.mean() > broken


def test_the_verdict_alone(result, classifiers, dataset):
    settings = {"threat": THREAT, "attacks": ATTACKS, "seed": 3}
    found, said = [], []
    found = evaluate(
        classifiers("mlp"), dataset, **settings, diagnostics=False, progress=lambda what, *_: said.append(what)
    )
    np.testing.assert_array_equal(found.arrays["robust"], result.arrays["robust"])
    assert found.norms == result.norms and found.gallery.keys() == result.gallery.keys()
    assert (
        set(said) == {LOOKING[0], *ATTACKS, "proof"}
        and said[0] == LOOKING[0]
        and not found.curves
        and found.control is found.rho2 is None
    )
    assert [finding["code"] for finding in found.findings] == ["not_checked"]
    outcomes = {check["code"]: check["outcome"] for check in found.checks}
    assert outcomes.pop("certificate_contradicted") == "passed" and set(outcomes.values()) == {"skipped"}
    assert len(found.checks) == len(result.checks)


@pytest.mark.parametrize(
    ("same_split", "trained_on", "said"),
    [(True, "a test", "warning"), (True, "elsewhere", None), (True, None, "info"), (None, "elsewhere", "info")],
)
def test_whether_the_images_were_seen_in_training(classifiers, dataset, same_split, trained_on, said, monkeypatch):
    undivided = dataclasses.replace(dataset, same_split=same_split)
    monkeypatch.setattr(Diagnostics, "curves", lambda self: [])
    monkeypatch.setattr(checks, "CHECKS", (checks.model.not_held_out,))
    found = evaluate(classifiers("mlp"), undivided, threat=THREAT, attacks="fgsm", n=8, trained_on=trained_on)
    assert [finding["severity"] for finding in found.findings] == ([said] if said else [])


def test_the_estimate_counts_a_gradient_as_three_forward_passes(monkeypatch):
    now, made = [0.0], [(0, 0)]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    estimate = Estimate([(10, 10), (100, 0)], lambda: made[0])
    assert estimate.left(0, 5, 5) is None
    estimate.begin()
    now[0], made[0] = 4.0, (40, 40)  # 120 in 4 seconds
    assert estimate.share(0, 8) == 0.5
    estimate.end()
    assert estimate.left(0, 4, 6) == pytest.approx((4 * 30 + 6 * 100) / 30)


def test_the_estimate_takes_no_compilation_for_passes(monkeypatch):
    now, made = [0.0], [(0, 0)]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    estimate = Estimate([(10, 10), (100, 0), (50, 0)], lambda: made[0])
    estimate.begin()
    now[0] = 60.0  # a minute of tracing
    assert estimate.left(0, 8, 8) is None
    now[0], made[0] = 60.5, (1, 1)  # most of the half second went into compiling, too
    assert estimate.left(0, 8, 8) is None
    now[0], made[0] = 62.5, (41, 41)
    passing = (4 * 30 + 8 * 150) / 60  # 120 in 2 seconds
    assert estimate.left(0, 4, 8) == pytest.approx(passing + 2 * 60)  # two attacks are still to be compiled
    now[0], made[0] = 64.0, (80, 80)
    assert estimate.end()[0] == 64.0  # what a result says that the attack took
    assert estimate.left(1, 8, 8) == pytest.approx(8 * 150 / 60 + 30) and estimate.left_after(60) == 1.0


class Slow:
    """A thread's work that takes so many looks."""

    def __init__(self, looks):
        self.looks = looks

    def wait(self, seconds):
        self.looks -= 1
        return self.looks < 0

    def result(self):
        return self.found


@pytest.mark.parametrize(("looks", "passes", "told"), [(150, 0, True), (50, 0, False), (150, 9, False)])
def test_that_the_network_is_compiled_is_told_where_it_lasts(
    classifiers, images, labels, monkeypatch, looks, passes, told
):
    said, judge = [], Judge(classifiers("mlp"), images, labels, LInf(0.1))
    judge = judge.only(judge.clean)
    run = AttackRun(judge, [attacks.get("fgsm")], journal=Journal(None, {}), progress=lambda *event: said.append(event))
    slow = Slow(looks)
    slow.found = judge.x, judge.outcomes(judge.x)
    monkeypatch.setattr(attack_run, "Future", lambda work: slow)
    run.estimate.counts = lambda: (passes * (slow.looks < looks), 0)
    run.run()
    assert ("fgsm, compiling the network for it" in {what for what, *_ in said}) is told
    assert said[-1][0] == "fgsm"


def test_curves_fall_and_begin_at_clean_accuracy(result):
    assert len(result.curves) == 2
    for curve in result.curves:
        assert curve["accuracy"][0] == pytest.approx(result.clean_accuracy)
        assert all(a >= b for a, b in zip(curve["accuracy"], curve["accuracy"][1:], strict=False))


def test_the_large_radius_reaches_gray():
    x = np.random.default_rng(0).uniform(size=(4, 8, 8, 1)).astype("float32")
    for threat in (LInf(0.1), L2(1), L1(1)):
        ball = threat.with_eps(curves.large(threat, 64))
        assert np.asarray(ball.contains(np.full_like(x, 0.5), x)).all()
