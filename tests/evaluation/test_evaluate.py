"""The protocol on digits: what it counts, what it suspects, what it refuses."""

import re
from pathlib import Path

import keras
import numpy as np
import pytest

from tfadv import attacks
from tfadv.data.datasets import Dataset
from tfadv.data.split import Split
from tfadv.errors import TfadvError
from tfadv.evaluation import checks, curves, metrics, results
from tfadv.evaluation.evaluate import evaluate, spread
from tfadv.threat import L1, L2, LInf

THREAT = LInf(0.1)


@pytest.fixture(scope="module")
def dataset(images, labels):
    split = Split(images, labels)
    return Dataset("some digits", split, split, tuple("0123456789"), "a test", same_split=False)


@pytest.fixture(scope="module")
def result(classifiers, dataset):
    return evaluate(classifiers("mlp"), dataset, threat=THREAT, attacks=["fgsm", "pgd(steps=10)", "deepfool"], seed=3)


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


def test_intervals_are_wilsons(result):
    n = result.dataset["n"]
    assert result.robust_interval == list(results.wilson(round(result.robust_accuracy * n), n))


def test_the_same_seed_gives_the_same_result(result, classifiers, dataset):
    again = evaluate(
        classifiers("mlp"), dataset, threat="linf:0.1", attacks=["fgsm", "pgd(steps=10)", "deepfool"], seed=3
    )
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
def test_other_norms(classifiers, dataset, threat):
    found = evaluate(classifiers("linear"), dataset, threat=threat, attacks=["pgd(steps=5)"], n=8)
    assert found.dataset["n"] == 8 and found.threat == str(threat)
    assert 0 <= found.robust_accuracy <= found.clean_accuracy


def test_progress_reaches_the_end(classifiers, dataset):
    said = []
    evaluate(
        classifiers("linear"),
        dataset,
        threat=THREAT,
        attacks=["fgsm"],
        progress=lambda *event: said.append(event),
    )
    ends = {what: done == total for what, done, total in said}
    assert set(ends) == {"fgsm", "accuracy against eps", "checks"} and all(ends.values())


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


def codes(found):
    return [finding["code"] for finding in found]


def test_saturated_logits_raise_their_finding(classifiers, images, labels):
    assert codes(checks.zero_gradients(classifiers("saturated"), images, labels)) == ["zero_gradients"]
    assert checks.zero_gradients(classifiers("mlp"), images, labels) == []


class AlwaysNoise(keras.layers.Layer):
    def call(self, x):
        return x + keras.random.normal(keras.ops.shape(x), stddev=0.1)


def test_random_models_raise_their_finding(classifiers, images):
    mlp = classifiers("mlp")
    noisy = keras.Sequential([keras.Input((8, 8, 1)), AlwaysNoise(), mlp])
    assert codes(checks.randomized(noisy, images)) == ["randomized"]
    assert checks.randomized(mlp, images) == []


class Quantize(keras.layers.Layer):
    def call(self, x):
        return keras.ops.round(x * 4) / 4


def test_a_broken_gradient_stands_any_eps_and_raises_its_finding(classifiers, images, labels):
    mlp = classifiers("mlp")
    quantized = keras.Sequential([keras.Input((8, 8, 1)), Quantize(), mlp])
    found = codes(checks.stands_large_eps(quantized, images, labels, THREAT, seed=0))
    assert found == ["stands_large_eps"]
    assert checks.stands_large_eps(mlp, images, labels, THREAT, seed=0) == []
    assert codes(checks.zero_gradients(quantized, images, labels)) == ["zero_gradients"]


def test_a_single_step_that_beats_many_raises_its_finding():
    strong, weak = np.array([True] * 3 + [False] * 7), np.array([True] * 9 + [False])
    assert codes(checks.single_step_stronger({"fgsm": strong, "pgd": weak})) == ["single_step_stronger"]
    assert checks.single_step_stronger({"fgsm": weak, "pgd": strong}) == []
    assert codes(checks.single_step_only({"fgsm": weak})) == ["single_step_only"]
    assert checks.single_step_only({"fgsm": weak, "pgd": strong}) == []


def test_classifiers_that_know_little_raise_their_finding(classifiers, images, labels):
    z = metrics.logits(classifiers("mlp"), images)
    assert checks.knows_little(z, labels) == []
    assert codes(checks.knows_little(z[:, ::-1], labels)) == ["knows_little"]
    constant = classifiers("constant")
    assert codes(checks.knows_little(metrics.logits(constant, images), labels)) == ["knows_little"]
    assert checks.stands_large_eps(constant, images, labels, THREAT, seed=0) == []


def test_a_part_is_spread_over_the_data_order(classifiers, dataset):
    found = evaluate(classifiers("mlp"), dataset, threat=THREAT, attacks=["fgsm"], n=8)
    np.testing.assert_array_equal(found.arrays["labels"], dataset.test.y[::4])


def test_norms_are_checked_before_any_attack_runs(classifiers, dataset):
    said = []
    with pytest.raises(TfadvError, match="deepfool: norm"):
        evaluate(
            classifiers("mlp"), dataset, threat=L1(1), attacks=["fgsm", "deepfool"], progress=lambda *e: said.append(e)
        )
    assert not said


def test_data_that_were_seen_raise_their_finding():
    assert codes(checks.data_seen(True, 5000)) == ["not_held_out"]
    assert codes(checks.data_seen(False, 999)) == ["few_images"]
    assert checks.data_seen(False, 1000) == []


def test_every_finding_is_documented():
    root = Path(__file__).parents[2]
    used = set(re.findall(r'finding\(\s*"(\w+)"', (root / "tfadv/evaluation/checks.py").read_text()))
    documented = set(re.findall(r"^## (\w+)$", (root / "docs/findings.md").read_text(), re.M))
    assert used == documented and len(used) >= 7


def test_the_large_radius_reaches_gray():
    x = np.random.default_rng(0).uniform(size=(4, 8, 8, 1)).astype("float32")
    for threat in (LInf(0.1), L2(1), L1(1)):
        ball = threat.with_eps(curves.large(threat, 64))
        assert np.asarray(ball.contains(np.full_like(x, 0.5), x)).all()


def test_spread_goes_round_the_classes():
    assert spread([0, 1, 2, 3, 4], np.array([7, 7, 7, 8, 8]), 4) == [0, 1, 3, 4]
