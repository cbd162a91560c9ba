"""The protocol on digits: what it counts, what it takes up after an interruption, what it refuses."""

import dataclasses
import types

import keras
import numpy as np
import pytest

from tfadv import attacks
from tfadv.errors import TfadvError
from tfadv.evaluation import checks, curves, journal, metrics, results, statistics
from tfadv.evaluation.attack_run import AttackRun, spread
from tfadv.evaluation.estimate import Estimate
from tfadv.evaluation.evaluate import Diagnostics, evaluate
from tfadv.provenance import fingerprint
from tfadv.threat import L1, L2, LInf, parse

THREAT = LInf(0.1)
ATTACKS = ["fgsm", "pgd(steps=10)", "deepfool"]


@pytest.fixture(scope="module")
def result(classifiers, dataset):
    return evaluate(classifiers("mlp"), dataset, threat=THREAT, attacks=ATTACKS, seed=3)


@pytest.fixture
def verdict_only(monkeypatch):
    """What comes after the verdict takes longer than these small verdicts, and has tests of its own."""
    monkeypatch.setattr(checks, "findings", lambda *evidence: [])
    monkeypatch.setattr(Diagnostics, "curves", lambda self: [])


def test_robust_accuracy_is_the_worst_case_per_example(result, classifiers, images, labels):
    model = classifiers("mlp")
    clean = metrics.correct(model, images, labels)
    np.testing.assert_array_equal(result.arrays["clean"], clean)
    robust = result.arrays["robust"]
    assert not (robust & ~clean).any()
    assert result.robust_accuracy == pytest.approx(robust.mean())
    assert result.robust_accuracy <= min(row["accuracy"] for row in result.attacks) <= result.clean_accuracy
    fgsm = clean & metrics.correct(model, attacks.get("fgsm")(model, images, labels, threat=THREAT), labels)
    assert result.attacks[0]["accuracy"] == pytest.approx(fgsm.mean())
    assert not (robust & ~fgsm).any()


@pytest.mark.parametrize("threat", ["l0:3", "patch(area=0.2)"])
def test_threats_that_are_no_ball_are_judged_too(threat, classifiers, dataset):
    """The model is linear, but what is proven of it is proven in balls."""
    result = evaluate(classifiers("linear"), dataset, threat=threat, attacks="pgd(steps=10)", n=16)
    assert result.threat == str(parse(threat)) and result.certificate is None
    assert result.robust_accuracy < result.clean_accuracy and result.arrays["distance"].max() <= parse(threat).eps
    assert max(result.curves[0]["eps"]) == {"l0:3": 6, "patch(area=0.2)": 1}[threat]
    assert "not_standard" in {finding["code"] for finding in result.findings}


def test_each_attack_runs_on_what_still_stands(result):
    broken_by, rows = result.arrays["broken_by"], result.attacks
    standing = result.arrays["clean"].sum()
    for number, row in enumerate(rows):
        assert row["attacked"] == standing and row["fooled"] == (broken_by == number).sum()
        standing -= row["fooled"]
        assert row["accuracy"] == pytest.approx(standing / 32)
    np.testing.assert_array_equal(result.arrays["robust"], result.arrays["clean"] & (broken_by == -1))


def test_passes_are_counted(result):
    fgsm = result.attacks[0]
    assert fgsm["gradients"] == fgsm["forwards"] == fgsm["attacked"]


def test_distances_are_those_of_what_fooled(result):
    fooled = result.arrays["broken_by"] >= 0
    assert (result.arrays["distance"][fooled] > 0).all() and (result.arrays["distance"][~fooled] == 0).all()
    assert result.norms["max"] <= 0.1 + 1e-6


def test_noise_does_less_than_an_attack(result):
    assert result.robust_accuracy <= result.control["accuracy"] <= result.clean_accuracy


class Stop(BaseException):
    pass


@pytest.mark.parametrize("batches", [1, 3, 4])
def test_an_interruption_anywhere_changes_nothing(classifiers, dataset, tmp_path, monkeypatch, batches, verdict_only):
    settings = {"threat": THREAT, "attacks": ATTACKS, "seed": 3, "batch_size": 10}
    whole = evaluate(classifiers("mlp"), dataset, **settings)
    run, done = AttackRun._batch, []

    def stops(self, *arguments):
        if len(done) == batches:
            raise Stop
        done.append(arguments)
        return run(self, *arguments)

    monkeypatch.setattr(AttackRun, "_batch", stops)
    with pytest.raises(Stop):
        evaluate(classifiers("mlp"), dataset, **settings, keep=tmp_path)
    monkeypatch.setattr(AttackRun, "_batch", lambda self, *a: done.append(a) or run(self, *a))
    resumed = evaluate(classifiers("mlp"), dataset, **settings, keep=tmp_path)
    timeless = lambda result: [{k: v for k, v in row.items() if k != "seconds"} for row in result.attacks]  # noqa: E731
    assert timeless(resumed) == timeless(whole)
    for name, array in whole.arrays.items():
        np.testing.assert_array_equal(resumed.arrays[name], array)
    np.testing.assert_array_equal(resumed.gallery["x_adv"], whole.gallery["x_adv"])
    assert len({(number, start) for number, _, start, _ in done}) == len(done), "a batch was run twice"
    assert not list(tmp_path.iterdir())


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
    monkeypatch.setattr(curves, "accuracy_curve", again)
    monkeypatch.setattr(metrics, "rho", again)
    kept = lambda check: types.FunctionType(again.__code__, again.__globals__, check.__name__)  # noqa: E731
    monkeypatch.setattr(checks, "CHECKS", (*map(kept, checks.CHECKS[:3]), *checks.CHECKS[3:]))
    resumed = evaluate(classifiers("mlp"), dataset, **settings).to_json()
    whole = result.to_json()
    for key in ("control", "rho2", "curves", "findings", "robust_accuracy", "norms", "certificate"):
        assert resumed[key] == whole[key], key
    assert not list(tmp_path.iterdir())


def test_what_follows_the_attacks_is_part_of_the_estimate(classifiers, dataset):
    said = []
    options = {"threat": THREAT, "attacks": ["fgsm"], "n": 8, "progress": lambda *event: said.append(event)}
    evaluate(classifiers("mlp"), dataset, **options)
    left = [(what, seconds) for what, *_, seconds in said if seconds is not None]  # the speed is known by then
    names = list(dict.fromkeys(what for what, _ in left))
    curve = "accuracy against eps, "
    assert names == ["fgsm", "uniform noise", "DeepFool distances", f"{curve}fgsm", f"{curve}apgd(steps=50)", "checks"]
    assert all(seconds > 0 for what, seconds in left)
    at_the_end = dict(left)
    assert sorted(at_the_end.values(), reverse=True) == list(at_the_end.values())


def test_the_verdict_alone(result, classifiers, dataset):
    settings = {"threat": THREAT, "attacks": ATTACKS, "seed": 3}
    found, said = [], []
    found = evaluate(
        classifiers("mlp"), dataset, **settings, diagnostics=False, progress=lambda what, *_: said.append(what)
    )
    np.testing.assert_array_equal(found.arrays["robust"], result.arrays["robust"])
    assert found.norms == result.norms and found.gallery.keys() == result.gallery.keys()
    assert set(said) == set(ATTACKS) and not found.curves and found.control is found.rho2 is None
    assert [finding["code"] for finding in found.findings] == ["not_checked"]


@pytest.mark.parametrize(("trained_on", "said"), [("a test", "warning"), ("elsewhere", None), (None, "info")])
def test_whether_the_images_were_seen_in_training(classifiers, dataset, trained_on, said, monkeypatch):
    undivided = dataclasses.replace(dataset, same_split=True)
    monkeypatch.setattr(Diagnostics, "curves", lambda self: [])
    monkeypatch.setattr(checks, "CHECKS", (checks.model.not_held_out,))
    found = evaluate(classifiers("mlp"), undivided, threat=THREAT, attacks="fgsm", n=8, trained_on=trained_on)
    assert [finding["severity"] for finding in found.findings] == ([said] if said else [])


def test_what_fooled_only_a_copy_in_another_precision_is_attacked_again(result, classifiers, dataset, verdict_only):
    settings = {"threat": THREAT, "attacks": ATTACKS, "seed": 3}
    found = evaluate(classifiers("mlp"), dataset, **settings, craft_in="bfloat16")
    assert np.mean(found.arrays["robust"] == result.arrays["robust"]) >= 31 / 32
    fooled = found.gallery["x_adv"]
    assert (metrics.predictions(classifiers("mlp"), fooled) != found.gallery["label"]).all()
    assert found.provenance["crafted in"] == "bfloat16"


def test_what_another_evaluation_left_is_not_taken_up(tmp_path):
    written = journal.Journal(tmp_path, {"seed": 0})
    written.write({"rows": []}, {"robust": np.ones(3, bool)})
    assert journal.Journal(tmp_path, {"seed": 0}).read()[0] == {"rows": []}
    assert journal.Journal(tmp_path, {"seed": 1}).read() is None
    written.path.write_bytes(written.path.read_bytes()[:50])
    assert journal.Journal(tmp_path, {"seed": 0}).read() is None


def test_fingerprints_are_of_bytes_whatever_their_type():
    one, bfloat16 = np.float32([[0, 1], [2, 3]]), keras.ops.ones((2, 2), "bfloat16").numpy()
    assert fingerprint(one) != fingerprint(one.T) != fingerprint(one.T.copy().reshape(4))
    assert fingerprint(bfloat16) == fingerprint(bfloat16.copy()) != fingerprint(2 * bfloat16)
    # As before there were other types: journals and results hold it.
    assert fingerprint(one)[:8] == "dd58eb40"


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


class AlwaysNoise(keras.layers.Layer):
    def call(self, x):
        return x + keras.random.normal(keras.ops.shape(x), stddev=0.1)


def test_a_random_model_is_recognized_and_attacked_by_expectation(classifiers, dataset, verdict_only):
    noisy = keras.Sequential([keras.Input((8, 8, 1)), AlwaysNoise(), classifiers("mlp")])
    found = evaluate(noisy, dataset, threat=THREAT, n=8)
    assert found.stochastic and [row["attack"][:3] for row in found.attacks] == ["eot"] * len(found.attacks)


def test_without_further_words_it_is_the_standard_ensemble(classifiers, dataset, verdict_only):
    found = evaluate(classifiers("linear"), dataset, threat=LInf(0.01), n=8)
    assert [row["attack"].split("(")[0] for row in found.attacks] == ["apgd", "apgd_t", "fab_t", "square"]


def test_intervals_are_wilsons(result):
    n = result.dataset["n"]
    assert result.robust_interval == list(statistics.wilson(round(result.robust_accuracy * n), n))


def test_the_same_seed_gives_the_same_result(result, classifiers, dataset, verdict_only):
    again = evaluate(classifiers("mlp"), dataset, threat="linf:0.1", attacks=ATTACKS, seed=3)
    np.testing.assert_array_equal(again.arrays["robust"], result.arrays["robust"])
    np.testing.assert_array_equal(again.gallery["x_adv"], result.gallery["x_adv"])


def test_curves_fall_and_begin_at_clean_accuracy(result):
    assert len(result.curves) == 2
    for curve in result.curves:
        assert curve["accuracy"][0] == pytest.approx(result.clean_accuracy)
        assert all(a >= b for a, b in zip(curve["accuracy"], curve["accuracy"][1:], strict=False))


def test_the_gallery_shows_what_fooled_it(result, classifiers):
    gallery = result.gallery
    assert (gallery["predicted"] == gallery["label"]).all() and (gallery["predicted_adv"] != gallery["label"]).all()
    assert np.abs(gallery["x_adv"] - gallery["x"]).max() <= 0.1 + 1e-6
    np.testing.assert_array_equal(gallery["predicted_adv"], metrics.predictions(classifiers("mlp"), gallery["x_adv"]))


def test_it_survives_being_written_and_read(result, tmp_path):
    result.save(tmp_path)
    assert results.load(tmp_path).to_json() == result.to_json()


@pytest.mark.parametrize("threat", [L2(0.5), L1(3.0)])
def test_other_norms(classifiers, dataset, threat, verdict_only):
    found = evaluate(classifiers("linear"), dataset, threat=threat, attacks=["pgd(steps=5)"], n=8)
    assert found.dataset["n"] == 8 and found.threat == str(threat)
    assert 0 <= found.robust_accuracy <= found.clean_accuracy


def test_progress_reaches_the_end(classifiers, dataset, verdict_only):
    said = []
    evaluate(
        classifiers("linear"),
        dataset,
        threat=THREAT,
        attacks=["fgsm"],
        progress=lambda *event: said.append(event),
    )
    ends = {what: done == total for what, done, total, *_ in said}
    assert ends["fgsm"] and ends["uniform noise"]


@pytest.mark.parametrize(
    ("model", "options", "said"),
    [
        ("softmax", {}, "expected logits, received probabilities"),
        ("two_classes", {}, "class indices from 0 to 1"),
        ("mlp", {"attacks": []}, "no attack to run"),
        ("mlp", {"attacks": ["pgdd"]}, "did you mean 'pgd'"),
        ("mlp", {"threat": "linf:0"}, "an eps above 0"),
        ("mlp", {"threat": "linf"}, "cannot read the threat model"),
    ],
)
def test_refusals(classifiers, dataset, model, options, said):
    with pytest.raises(TfadvError, match=said):
        evaluate(classifiers(model), dataset, **{"threat": THREAT, "attacks": ["fgsm"], **options})


def test_a_part_is_spread_over_the_data_order(classifiers, dataset, verdict_only):
    found = evaluate(classifiers("mlp"), dataset, threat=THREAT, attacks=["fgsm"], n=8)
    np.testing.assert_array_equal(found.arrays["labels"], dataset.test.y[::4])


def test_norms_are_checked_before_any_attack_runs(classifiers, dataset):
    said = []
    with pytest.raises(TfadvError, match="deepfool: norm"):
        evaluate(
            classifiers("mlp"), dataset, threat=L1(1), attacks=["fgsm", "deepfool"], progress=lambda *e: said.append(e)
        )
    assert not said


def test_the_large_radius_reaches_gray():
    x = np.random.default_rng(0).uniform(size=(4, 8, 8, 1)).astype("float32")
    for threat in (LInf(0.1), L2(1), L1(1)):
        ball = threat.with_eps(curves.large(threat, 64))
        assert np.asarray(ball.contains(np.full_like(x, 0.5), x)).all()


def test_spread_goes_round_the_classes():
    assert spread([0, 1, 2, 3, 4], np.array([7, 7, 7, 8, 8]), 4) == [0, 1, 3, 4]
