"""Mixed precision: layers compute in it, all else stays float32, and the network keeps it."""

import json

import keras
import numpy as np
import pytest
from small_runs import OPTIONS

from tfadv import runs
from tfadv.errors import TfadvError
from tfadv.graph.precision import in_precision, precision_of
from tfadv.models import build, classifier
from tfadv.training.run import ensure, train

AWP = {"method": "awp(trades(beta=1))", "attack": "pgd(steps=1)", "threat": "linf:0.1"}


@pytest.mark.parametrize(("precision", "method"), [("bfloat16", AWP), ("float16", {})])
def test_layers_compute_in_it_and_weights_and_logits_stay_float32(digits, tmp_path, precision, method):
    options = OPTIONS | {"model": "cnn(filters=(4, 8))", "epochs": 2, "optimizer": "adam(learning_rate=0.01)"}
    run = train(digits, out=tmp_path / "r", precision=precision, **options, **method)
    *within, logits = run.classifier.layers[1:]
    assert {layer.compute_dtype for layer in within} == {precision} and logits.compute_dtype == "float32"
    assert {str(weight.dtype) for weight in run.classifier.weights} == {"float32"}
    assert run.classifier(digits.test.x[:2]).dtype == "float32"
    assert run.history[-1]["val_accuracy"] > 0.15 and np.isfinite(run.history[0]["loss"])
    assert json.loads((tmp_path / "r" / "train.json").read_text())["settings"]["precision"] == precision
    kept = keras.saving.load_model(tmp_path / "r" / "model.keras")
    assert kept.layers[1].compute_dtype == precision


def test_a_file_is_trained_in_its_own_precision_unless_another_is_asked_for(digits, tmp_path, monkeypatch):
    load, loaded = classifier.load, []
    monkeypatch.setattr(classifier, "load", lambda path: loaded.append(str(path)) or load(path))
    in_precision(build(OPTIONS["model"], (8, 8, 1), 10), "bfloat16").save(tmp_path / "start.keras")
    options = OPTIONS | {"model": str(tmp_path / "start.keras"), "epochs": 1}
    for given, expected in ({}, "bfloat16"), ({"precision": "float32"}, "float32"):
        run = train(digits, out=tmp_path / expected, **options, **given)
        assert precision_of(run.classifier) == expected == runs.training(run.directory)["settings"]["precision"]
        assert loaded.count(options["model"]) == 2  # for what the record says of it, and by the trainer in its scope
        assert ensure(digits, out=run.directory, **options, **given).history == run.history
        loaded.clear()


def test_another_precision_is_refused(digits, tmp_path):
    with pytest.raises(TfadvError, match="precision: expected float32 or bfloat16 or float16, received 'half'"):
        train(digits, out=tmp_path / "r", precision="half", **OPTIONS)
