"""What `tfadv evaluate` and `tfadv attack` refuse before the work, and what they leave out when told."""

import json

import keras
import numpy as np
import pytest

from tfadv import runs
from tfadv.evaluation import results, seal
from toy_models import classifier, digits

SHORT = ("--dataset", "digits", "--threat", "linf:0.05", "--n", 20)


@pytest.fixture(scope="module")
def for_bytes(tmp_path_factory):
    """A file of a model that wants pixels in 0 to 255."""
    path = tmp_path_factory.mktemp("models") / "bytes.keras"
    keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Rescaling(1 / 255), classifier("mlp")]).save(path)
    return path


def test_two_evaluations_do_not_write_to_one_directory(tfadv, is_refused, for_bytes, tmp_path):
    with runs.locked(tmp_path, "evaluating"):
        result = tfadv("evaluate", for_bytes, *SHORT, "--attack", "fgsm", "--out", tmp_path)
    is_refused(result, "is in use", "evaluating")
    assert not (tmp_path / runs.RESULT).exists()


@pytest.mark.parametrize("command", ["evaluate", "attack"])
def test_a_model_for_bytes_is_refused_with_the_line_that_wraps_it(tfadv, is_refused, for_bytes, tmp_path, command):
    out = tmp_path / "out"
    result = tfadv(command, for_bytes, *SHORT, "--attack", "fgsm", "--out", out)
    is_refused(result, "0 to 255", "keras.layers.Rescaling(255), model])")
    assert not out.exists()


def test_the_verdict_alone_of_whatever_scale(tfadv, for_bytes, tmp_path):
    options = ("--attack", "fgsm", "--verdict-only", "--any-scale", "--json", "--out", tmp_path)
    result = tfadv("evaluate", for_bytes, *SHORT, *options)
    assert result.exit_code == 0, result.output
    assert [finding["code"] for finding in json.loads(result.stdout)["findings"]] == ["not_checked"]
    assert "DeepFool" not in result.stderr and not results.load(tmp_path).curves
    assert {path.name for path in tmp_path.iterdir()} == {*seal.SEALED, runs.SUMS, runs.REPORT} - {runs.GALLERY}


def test_test_images_alone_are_judged_on_and_not_trained_on(tfadv, is_refused, tmp_path):
    x, y = digits()
    np.savez(tmp_path / "test.npz", x_test=x[:20], y_test=y[:20])
    classifier("mlp").save(tmp_path / "mlp.keras")
    options = ("--dataset", tmp_path / "test.npz", "--threat", "linf:0.05")
    short = ("--attack", "fgsm", "--verdict-only", "--json", "--out", tmp_path / "out")
    result = tfadv("evaluate", tmp_path / "mlp.keras", *options, *short)
    assert result.exit_code == 0 and json.loads(result.stdout)["dataset"]["n"] == 20, result.output
    refused = tfadv("train", *options[:2], "--out", tmp_path / "run")
    is_refused(refused, "expected some to train on, received test images alone", "x_train and y_train")
