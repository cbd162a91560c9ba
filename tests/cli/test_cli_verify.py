"""`tfadv verify`: what it prints and how it ends."""

import json
import shutil
import sys

import keras
import pytest

from toy_models import classifier

NOISE = """
import keras

@keras.saving.register_keras_serializable("own")
class OwnNoise(keras.layers.Layer):
    def __init__(self, **options):
        super().__init__(**options)
        self.draws = keras.random.SeedGenerator(1)

    def call(self, x):
        return x + 0.05 * keras.random.normal(keras.ops.shape(x), seed=self.draws)
"""


@pytest.fixture
def own_noise(tmp_path):
    """The files of a model with a random layer of the user's own, and of its code; forgotten at the end."""
    (tmp_path / "own_noise.py").write_text(NOISE)
    exec(NOISE, names := {})
    keras.Sequential([keras.Input((8, 8, 1)), names["OwnNoise"](), classifier("mlp")]).save(tmp_path / "noisy.keras")
    keras.saving.get_custom_objects().pop("own>OwnNoise")
    yield tmp_path / "noisy.keras", tmp_path / "own_noise.py"
    sys.modules.pop("own_noise", None)
    keras.saving.get_custom_objects().pop("own>OwnNoise", None)


def test_a_run_is_verified(tfadv, evaluated):
    run, _ = evaluated
    done = tfadv("verify", run)
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert all(line.startswith("ok") for line in lines[:-2]) and len(lines) == 11
    assert "proven again by interval" in lines[-3]
    result = json.loads((run / "result.json").read_text())
    assert lines[-1].endswith(f"robust accuracy at most {100 * result['robust_accuracy']:.1f} %.")


SHORT = ("--attack", "fgsm", "--verdict-only")


def test_an_answer_of_at_least_is_verified(tfadv, robust, tmp_path):
    asked = tfadv("evaluate", robust, "--at-least", "20%", *SHORT, "--out", tmp_path)
    assert asked.exit_code in (0, 1) and f"tfadv verify {tmp_path}" in asked.stdout, asked.output
    done = tfadv("verify", tmp_path)
    assert done.exit_code == 0, done.output
    answer = "yes" if asked.exit_code == 0 else "no"
    assert f"images are robust: {answer}" in done.stdout.splitlines()[-3]


def test_a_random_model_is_verified(tfadv, own_noise, tmp_path):
    model, code = own_noise
    judge = ("evaluate", model, "--dataset", "digits", "--threat", "linf:0.1", "--n", 40, "--verdict-only")
    asked = tfadv(*judge, "--attack", "eot(attack=fgsm, draws=2)", "--import", code, "--out", tmp_path)
    assert asked.exit_code == 0, asked.output
    done = tfadv("verify", tmp_path, "--import", code)
    assert done.exit_code == 0 and done.stdout.count("chance may change") == 2, done.output


def test_several_threat_models_are_verified_together(tfadv, robust, tmp_path):
    threats = ("--threat", "linf:0.1", "--threat", "l2:0.5")
    asked = tfadv("evaluate", robust, *threats, *SHORT, "--n", 40, "--out", tmp_path)
    assert asked.exit_code == 0 and asked.stdout.rstrip().endswith(f"tfadv verify {tmp_path}"), asked.output
    done = tfadv("verify", tmp_path)
    assert done.exit_code == 0, done.output
    assert "l2:0.5: robust accuracy" in done.stdout and "union" in done.stdout.splitlines()[-3]


def test_an_altered_result_is_not(tfadv, evaluated, is_refused, tmp_path):
    run, _ = evaluated
    shutil.copytree(run, tmp_path / "copy")
    result = tmp_path / "copy" / "result.json"
    result.write_text(result.read_text().replace("digits", "digitz", 1))
    done = tfadv("verify", tmp_path / "copy", "--json")
    assert done.exit_code == 1
    facts = json.loads(done.stdout)
    assert facts["passed"] is False and "result.json is not as" in facts["checks"][0]["message"]
    assert "Not verified." in tfadv("verify", tmp_path / "copy").stdout
    is_refused(tfadv("verify", tmp_path / "nowhere"), "no result at")
