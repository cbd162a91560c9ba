"""The protocol on digits: what it counts, what it resumes after an interruption, what it refuses."""

import dataclasses

import keras
import numpy as np
import pytest
from evaluated import ATTACKS, THREAT

from tfadv import attacks, runs
from tfadv.data.split import Split
from tfadv.errors import TfadvError
from tfadv.evaluation import checks, journal, metrics, results, statistics
from tfadv.evaluation.attack_run import AttackRun, spread
from tfadv.evaluation.evaluate import LOOKING, Diagnostics, evaluate
from tfadv.evaluation.multiple_threats import evaluate_each
from tfadv.provenance import fingerprint
from tfadv.threat import L1, L2, LInf, parse


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
def test_threats_that_are_no_ball_are_judged_too(threat, classifiers, dataset, monkeypatch):
    """The model is linear, but what is proven of it is proven in balls."""
    again = (checks.controls.noise_stronger, checks.controls.single_step_stronger, checks.controls.stands_large_eps)
    monkeypatch.setattr(checks, "CHECKS", (checks.chosen_attacks.not_standard, *again))
    monkeypatch.setattr(Diagnostics, "rho2", lambda self: None)
    result = evaluate(classifiers("linear"), dataset, threat=threat, attacks="pgd(steps=10)", n=16)
    assert result.threat == str(parse(threat)) and not (result.certificate or {}).get("exact")
    assert result.robust_accuracy < result.clean_accuracy and result.arrays["distance"].max() <= parse(threat).eps
    assert max(result.curves[0]["eps"]) == {"l0:3": 6, "patch(area=0.2)": 1}[threat]
    assert "not_standard" in {finding["code"] for finding in result.findings}


def test_each_attack_runs_on_what_still_stands(result):
    broken_by, rows = result.arrays["broken_by"], result.attacks
    active = result.arrays["clean"].sum()
    for number, row in enumerate(rows):
        assert row["attacked"] == active and row["fooled"] == (broken_by == number).sum()
        active -= row["fooled"]
        assert row["accuracy"] == pytest.approx(active / 32)
    np.testing.assert_array_equal(result.arrays["robust"], result.arrays["clean"] & (broken_by == -1))


def test_passes_are_counted(result):
    fgsm = result.attacks[0]
    assert fgsm["gradients"] == fgsm["forwards"] == fgsm["attacked"]


def test_distances_are_those_of_what_fooled(result):
    fooled = result.arrays["broken_by"] >= 0
    assert (result.arrays["distance"][fooled] > 0).all() and (result.arrays["distance"][~fooled] == 0).all()
    assert result.norms["max"] <= 0.1 + 1e-6


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
    np.testing.assert_array_equal(resumed.fooling["x_adv"], whole.fooling["x_adv"])
    assert len({(number, start) for number, _, start, _ in done}) == len(done), "a batch was run twice"
    assert not list(tmp_path.glob("*partial*")) and results.load(tmp_path) == resumed


def test_a_disk_that_is_full_at_the_end_costs_no_attack(classifiers, dataset, tmp_path, monkeypatch, verdict_only):
    settings = {"threat": THREAT, "attacks": ATTACKS, "seed": 3, "keep": tmp_path}

    def full(self, directory):
        raise TfadvError("cannot write")

    with monkeypatch.context() as patched, pytest.raises(TfadvError, match="cannot write"):
        patched.setattr(results.EvaluationResult, "save", full)
        evaluate(classifiers("mlp"), dataset, **settings)
    monkeypatch.setattr(AttackRun, "_batch", None)
    again = evaluate(classifiers("mlp"), dataset, **settings)
    assert [row["attack"] for row in again.attacks] == ATTACKS and (tmp_path / runs.RESULT).is_file()


def test_images_that_cannot_be_corrupted_are_refused_before_the_attacks(dataset):
    split = Split(np.zeros((4, 8, 8, 2), "float32"), np.zeros(4, int))
    with pytest.raises(TfadvError, match="1 or 3 channels"):
        evaluate(None, dataclasses.replace(dataset, train=split, test=split), threat=THREAT, corruptions=True)


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


class AlwaysNoise(keras.layers.Layer):
    def call(self, x):
        return x + keras.random.normal(keras.ops.shape(x), stddev=0.1)


def test_a_random_model_is_recognized_and_attacked_by_expectation(classifiers, dataset, verdict_only):
    noisy = keras.Sequential([keras.Input((8, 8, 1)), AlwaysNoise(), classifiers("mlp")])
    found = evaluate(noisy, dataset, threat=LInf(0.3), n=8)
    assert found.stochastic and [row["attack"][:3] for row in found.attacks] == ["eot"] * len(found.attacks)
    assert all(row["returned"] is not None for row in found.attacks)


def test_intervals_are_wilsons(result):
    n = result.dataset["n"]
    assert result.robust_interval == list(statistics.wilson(round(result.robust_accuracy * n), n))


def test_the_same_seed_gives_the_same_result(result, classifiers, dataset, verdict_only):
    again = evaluate(classifiers("mlp"), dataset, threat="linf:0.1", attacks=ATTACKS, seed=3)
    np.testing.assert_array_equal(again.arrays["robust"], result.arrays["robust"])
    np.testing.assert_array_equal(again.gallery["x_adv"], result.gallery["x_adv"])


def test_the_gallery_shows_what_fooled_it(result, classifiers):
    gallery = result.gallery
    assert (gallery["predicted"] == gallery["label"]).all() and (gallery["predicted_adv"] != gallery["label"]).all()
    assert np.abs(gallery["x_adv"] - gallery["x"]).max() <= 0.1 + 1e-6
    place = result.fooling["image"].tolist().index(np.flatnonzero(result.arrays["broken_by"] >= 0)[0])
    np.testing.assert_array_equal(gallery["x_adv"][0], result.fooling["x_adv"][place])
    np.testing.assert_array_equal(gallery["predicted_adv"], metrics.predictions(classifiers("mlp"), gallery["x_adv"]))


def test_it_survives_being_written_and_read(result, tmp_path):
    result.save(tmp_path)
    assert results.load(tmp_path).to_json() == result.to_json()


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize("threat", [L2(0.5), L1(3.0)])
def test_other_norms(classifiers, dataset, threat):
    options = {"threat": threat, "attacks": ["pgd(steps=5)"], "n": 8, "diagnostics": False}
    found = evaluate(classifiers("linear"), dataset, **options)
    assert found.dataset["n"] == 8 and found.threat == str(threat)
    assert 0 <= found.robust_accuracy <= found.clean_accuracy


def test_progress_reaches_the_end(classifiers, dataset, verdict_only):
    said = []
    evaluate(
        classifiers("mlp"),
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


def test_arrays_are_judged_as_a_dataset_of_them(classifiers, dataset, verdict_only):
    options, x, y = {"threat": THREAT, "attacks": "fgsm"}, dataset.test.images, dataset.test.labels
    expected = evaluate(classifiers("mlp"), dataset, **options)
    for data in ((x, y), [np.uint8(255 * x), y.tolist()]):
        found = evaluate(classifiers("mlp"), data, **options)
        assert abs(found.robust_accuracy - expected.robust_accuracy) < 0.05 and found.clean_accuracy > 0.8
    assert found.dataset["source"] == "arrays given in Python" and found.dataset["n"] == len(y)
    each, _ = evaluate_each(classifiers("mlp"), (x, y), [THREAT, L1(1)], attacks="fgsm")
    assert each[0].robust_accuracy == expected.robust_accuracy


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (lambda x, y: (255 * x, y), "images: expected values in .0, 1., received 0 to 255. Divide them by 255"),
        (lambda x, y: (x, np.eye(10)[y]), "perhaps one-hot. Use y.argmax"),
        (lambda x, y: (x, y[:-1]), "one per image, 32 in all, received 31"),
        (
            lambda x, y: x,
            r"data: expected a tfadv.data.Dataset, or images and labels \(x, y\), received ndarray. Write",
        ),
    ],
)
def test_arrays_that_are_refused(classifiers, dataset, data, said):
    with pytest.raises(TfadvError, match=said):
        evaluate(classifiers("mlp"), data(dataset.test.images, dataset.test.labels), threat=THREAT)


def test_norms_are_checked_before_any_attack_runs(classifiers, dataset):
    said = []
    with pytest.raises(TfadvError, match="deepfool: norm"):
        evaluate(
            classifiers("mlp"), dataset, threat=L1(1), attacks=["fgsm", "deepfool"], progress=lambda *e: said.append(e)
        )
    assert [what for what, *_ in said] == [LOOKING[0]]


def test_spread_goes_round_the_classes():
    assert spread([0, 1, 2, 3, 4], np.array([7, 7, 7, 8, 8]), 4) == [0, 1, 3, 4]
