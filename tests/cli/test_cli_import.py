"""`--import`: models of registered layers, and code that cannot be imported."""

import json
import sys

import keras
import pytest

from tfadv import runs
from tfadv.evaluation import command

SOURCE = """
import keras

@keras.saving.register_keras_serializable("own")
class Halved(keras.layers.Layer):
    def call(self, x):
        return x / 2
"""
SHORT = ("--dataset", "digits", "--threat", "linf:0.05", "--n", 20)


@pytest.fixture
def forget(monkeypatch):
    """Modules imported in the test, and what they register, are forgotten, at once or at its end."""
    monkeypatch.setattr(sys, "path", list(sys.path))

    def gone():
        sys.modules.pop("own_layers", None)
        keras.saving.get_custom_objects().pop("own>Halved", None)

    yield gone
    gone()


@pytest.fixture
def own(tmp_path, forget):
    """A directory with the code of a layer, and a model that needs it."""
    (tmp_path / "own_layers.py").write_text(SOURCE)
    exec(SOURCE, names := {})
    layers = [keras.Input((8, 8, 1)), names["Halved"](), keras.layers.Flatten(), keras.layers.Dense(10)]
    keras.Sequential(layers).save(tmp_path / "own.keras")
    forget()
    return tmp_path


def test_a_model_with_an_own_layer_is_judged_once_its_code_is_named(tfadv, is_refused, own, forget, monkeypatch):
    judge = (
        "evaluate",
        own / "own.keras",
        *SHORT,
        "--attack",
        "fgsm",
        "--verdict-only",
        "--json",
        "--out",
        own / "out",
    )
    is_refused(tfadv(*judge), "Could not locate class 'Halved'", "--import MODULE", "register_keras_serializable")
    lines, made = [], command.without_attacks
    monkeypatch.setattr(command, "without_attacks", lambda *given: lines.append(made(*given)))
    result = tfadv(*judge, "--data-dir", own, "--import", own / "own_layers.py")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["dataset"]["n"] == 20
    assert lines[0].endswith(f" --data-dir {own} --import {own / 'own_layers.py'}")
    forget()
    monkeypatch.chdir(own)
    attack = ("attack", own / "own.keras", *SHORT, "--attack", "fgsm", "--out", own / "images")
    assert tfadv(*attack, "--import", "own_layers").exit_code == 0
    again = tfadv(
        "train",
        "--dataset",
        "digits",
        "--model",
        "own.keras",
        "--epochs",
        1,
        "--out",
        "run",
        "--import",
        "own_layers.py",
    )
    assert again.exit_code == 0, again.output  # imported by name before: the file is not run again
    exported = tfadv("export", "run", "--import", "own_layers.py", "--import", "json")
    assert exported.exit_code == 0, exported.output
    assert (own / "saved_models/run/1" / runs.SAVED_MODEL).is_file()


BROKEN = [
    ("own_layerz", "", ["no module 'own_layerz'", "path of its .py file"]),
    ("missing.py", "", ["no file 'missing.py'"]),
    ("own_layers.py", "import nothing_like_it", ["'own_layers.py'", "ModuleNotFoundError", "nothing_like_it"]),
    ("own_layers.py", "x = (", ["'own_layers.py'", "SyntaxError"]),
    ("own_layers.py", "raise SystemExit(3)", ["SystemExit: 3"]),
    ("json.py", "", ["'json' is imported already", "rename"]),
]


@pytest.mark.parametrize(("name", "source", "words"), BROKEN)
def test_code_that_cannot_be_imported(tfadv, is_refused, tmp_path, forget, monkeypatch, name, source, words):
    monkeypatch.chdir(tmp_path)
    for file in ("own_layers.py", "json.py"):
        (tmp_path / file).write_text(source)
    is_refused(tfadv("evaluate", "model.keras", *SHORT, "--import", name), *words)
    assert "own_layers" not in sys.modules
