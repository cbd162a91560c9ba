"""`tfadv compare`: what it says, what it refuses, and that it is quick."""

import json
import subprocess
import sys

import numpy as np
import pytest

from tfadv.evaluation.results import EvaluationResult, ExperimentResult
from tfadv.evaluation.statistics import mcnemar

N = 400


@pytest.fixture
def judged(tmp_path):
    """A function that writes a run that is right about the images `first` to `last` and gives its directory."""

    def write(name, first, last, *, model=None, n=N, split="test", threat="linf:0.1", attacks=("fgsm",), **facts):
        stands = (np.arange(n) >= first) & (np.arange(n) < last)
        facts = {"attacks": [{"attack": attack, "accuracy": 0.5} for attack in attacks]} | facts
        facts.setdefault("dataset", {"name": "digits", "source": "here", "split": split, "n": n, "fingerprint": "ab"})
        about = {"model": {"name": model or name}, "threat": threat}
        return EvaluationResult.of(np.arange(n) < 390, stands, np.arange(n) % 2, "ab", **about, **facts).save(
            tmp_path / name
        )

    return write


def test_a_real_difference_is_told(tfadv, judged):
    done = tfadv("compare", judged("robust", 0, 300), judged("plain", 100, 320) / "result.json")
    assert done.exit_code == 0 and done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[0] == "robust against plain: 400 test images of digits, linf:0.1"
    robust, clean = (
        next(line for line in lines if line.startswith(f"{what} accuracy")) for what in ("robust", "clean")
    )
    cells = "75.0 % [70.5, 79.0] 55.0 % [50.1, 59.8] 100 20 +20.0 [+15.0, +25.1] < 0.0001"
    assert " ".join(robust.split()[2:]) == cells
    assert " ".join(clean.split()[-5:]) == "0 +0.0 [-1.0, +1.0] 1"
    assert lines[-3] == "Two runs on the same images: their fingerprints say so."
    assert lines[-2] == "robust is more robust: only robust is robust on 100 images, only plain on 20 (p < 0.0001)."
    assert lines[-1] == "No difference in clean accuracy can be shown with 400 images: both are right on the same ones."


def test_luck_is_called_luck(tfadv, judged):
    done = tfadv("compare", judged("a", 0, 300), judged("b", 20, 312))
    assert "No difference in robust accuracy can be shown with 400 images" in done.stdout
    assert "only a is robust on 20 images, only b on 12 (p = 0.22); about 1,600 would be needed" in done.stdout


def test_json_holds_it_all(tfadv, judged):
    facts = json.loads(tfadv("compare", judged("a", 0, 300), judged("b", 100, 320), "--json").stdout)
    test = mcnemar(np.arange(N) < 300, (np.arange(N) >= 100) & (np.arange(N) < 320))
    assert (facts["a"], facts["b"], facts["n"], facts["threat"]) == ("a", "b", N, "linf:0.1")
    assert facts["robust"]["a"]["accuracy"] == 0.75 and len(facts["robust"]["b"]["interval"]) == 2
    for key in ("only_a", "only_b", "difference", "p_value"):
        assert facts["robust"][key] == getattr(test, key)
    assert facts["robust"]["interval"] == list(test.interval)
    assert facts["robust"]["shown"] is True and facts["clean"]["shown"] is False
    assert facts["same_images"] is True and facts["same_model"] is None
    assert facts["clean"]["images_needed"] is None and facts["warnings"] == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"threat": "linf:0.2"}, "threat model (linf:0.1, linf:0.2)"),
        ({"n": 399}, "number of examples (400, 399)"),
        ({"split": "train"}, "split (test, train)"),
    ],
)
def test_unlike_runs_are_refused(tfadv, judged, is_refused, change, words):
    is_refused(
        tfadv("compare", judged("a", 0, 300), judged("b", 0, 200, **change)), "a and b are not comparable", words
    )


def test_runs_without_outcomes_are_refused(tfadv, judged, is_refused):
    a, b = judged("a", 0, 300), judged("b", 0, 200)
    (b / "per_example.npz").unlink()
    is_refused(tfadv("compare", a, b), "per_example.npz is missing", "evaluate them again")


def test_other_than_two_runs_are_refused(tfadv, judged, is_refused, tmp_path):
    a, b = judged("a", 0, 300), judged("b", 0, 200)
    is_refused(tfadv("compare", a, b, b), "expected two runs, received 3", "tfadv report")
    is_refused(tfadv("compare", a), "expected two runs, received 1")
    is_refused(tfadv("compare", a, a / "result.json"), "are the same run")
    is_refused(tfadv("compare", a, tmp_path / "nowhere"), "no result at", "nowhere")
    experiment = ExperimentResult(name="e", title="t").save(tmp_path / "e")
    is_refused(tfadv("compare", a, experiment), "is an experiment")


def test_what_the_test_cannot_see_is_warned_of(tfadv, judged):
    random = {"code": "randomized", "severity": "error", "message": "It is random.", "advice": None}
    done = tfadv("compare", judged("a", 0, 300, findings=[random]), judged("b", 0, 200, attacks=("fgsm", "pgd")))
    assert done.exit_code == 0 and "a is more robust" in done.stdout and "warning" not in done.stdout
    attacks, doubt = done.stderr.splitlines()
    assert attacks.startswith("warning: the runs were not attacked by the same attacks")
    assert doubt == "warning: the robust accuracy of a is not to be quoted (randomized)."


def test_one_model_judged_twice_is_told(tfadv, judged):
    prints = [{"fingerprints": {"weights": weights}} for weights in ("one", "one", "another")]
    a, b, c = (judged(name, 0, 300, **facts) for name, facts in zip("abc", prints, strict=True))
    assert "One model, by its weights, on the same images" in tfadv("compare", a, b).stdout
    assert "Two models on the same images" in tfadv("compare", a, c).stdout


def test_runs_of_unknown_images_are_compared_by_their_labels(tfadv, judged):
    known = {"name": "digits", "source": "here", "split": "test", "n": N}
    done = tfadv("compare", judged("a", 0, 300, dataset=known), judged("b", 0, 300))
    assert "that the images are the same is not known" in done.stdout
    other = tfadv("compare", judged("a", 0, 300), judged("b", 0, 300, dataset=known | {"fingerprint": "cd"}))
    assert other.exit_code == 2 and "images (their fingerprints differ)" in other.stderr


def test_runs_of_one_name_are_told_by_their_places(tfadv, judged, tmp_path):
    done = tfadv("compare", judged("a", 0, 300, model="mlp"), judged("b", 0, 200, model="mlp"))
    assert done.stdout.startswith(f"{tmp_path / 'a'} against {tmp_path / 'b'}: ")


def test_it_imports_no_tensorflow(judged):
    code = f"""
import contextlib, sys
from tfadv_cli.main import commands
with contextlib.suppress(SystemExit):
    commands(["compare", {str(judged("a", 0, 300))!r}, {str(judged("b", 0, 200))!r}])
print(*({{"tensorflow", "keras", "matplotlib"}} & set(sys.modules)), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.split() == [] and "a is more robust" in done.stdout
