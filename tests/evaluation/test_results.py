import json
import math
import os

import numpy as np
import pytest

from tfadv import files
from tfadv.errors import TfadvError
from tfadv.evaluation.results import EvaluationResult, ExperimentResult, load
from tfadv.evaluation.statistics import wilson


def make(**changes):
    facts = {
        "model": {"name": "mlp", "path": "m.keras", "parameters": 10},
        "dataset": {"name": "digits", "source": "scikit-learn", "split": "test", "n": 4},
        "threat": "linf:0.1",
        "attacks": [{"attack": "fgsm", "accuracy": np.float32(0.5), "median_distance": np.nan}],
        "curves": [{"attack": "fgsm", "norm": "linf", "eps": np.array([0, 0.1]), "accuracy": (1, 0.5)}],
        "findings": [{"code": "c", "severity": "info", "message": "é \udc80"}],
    }
    return EvaluationResult.of([1, 1, 1, 0], [1, 0, 1, 0], [0, 1, 0, 1], ["a", "b", "c"], **(facts | changes))


def test_accuracies_follow_from_the_examples():
    result = make()
    assert (result.clean_accuracy, result.robust_accuracy) == (0.75, 0.5)
    assert result.robust_interval == list(wilson(2, 4))
    assert result.class_accuracy[1] == {"name": "b", "n": 2, "clean": 0.5, "robust": 0.0}
    assert result.class_accuracy[2] == {"name": "c", "n": 0, "clean": None, "robust": None}


def test_round_trip(tmp_path):
    result = make()
    assert EvaluationResult.from_json(json.loads(json.dumps(result.to_json()))) == result
    result.save(tmp_path / "run")
    for path in (tmp_path / "run", str(tmp_path / "run" / "result.json")):
        read = load(path)
        assert read.to_json() == json.loads((tmp_path / "run" / "result.json").read_text("utf-8"))
        assert read.attacks[0]["median_distance"] is None
        assert read.arrays["robust"].dtype == bool and read.arrays["robust"].tolist() == [
            True,
            False,
            True,
            False,
        ]
    assert read.to_json()["schema_version"] == 2 and read.to_json()["kind"] == "evaluation"


def test_every_fact_comes_back(tmp_path):
    row = {"attack": "apgd", "attacked": np.int64(3), "fooled": 1, "accuracy": 0.5, "interval": wilson(2, 4)}
    row |= {"median_distance": 0.1, "max_distance": 0.1, "seconds": 1.5, "gradients": 300, "forwards": 303}
    row |= {"returned": 0, "abstained": 0, "why": "so"}
    facts = {
        "attacks": [row],
        "stochastic": np.bool_(False),
        "control": {"attack": "uniform", "accuracy": 0.75},
        "certificate": {"method": "linear model", "accuracy": 0.25, "exact": True, "confidence": None},
        "norms": {"median": 0.1, "mean": np.float32(0.5), "max": 0.1},
        "dataset": {"name": "digits", "n": 4, "fingerprint": "ab12"},
        "arrays": {"distance": np.float32([0, 0.1, 0, 0]), "broken_by": np.int8([-1, 0, -1, -1])},
    }
    made, read = make(**facts), load(make(**facts).save(tmp_path))
    assert read == made
    assert read.attacks == [row | {"interval": list(wilson(2, 4))}]
    assert (read.stochastic, read.control, read.norms["mean"]) == (False, facts["control"], 0.5)
    assert read.certificate == facts["certificate"]
    assert read.dataset["fingerprint"] == "ab12" and read.arrays["broken_by"].tolist() == [-1, 0, -1, -1]


NEW = ("judge", "fingerprints", "checks", "stochastic", "control", "certificate", "norms")


def test_results_of_older_versions_are_read(tmp_path):
    """Of the first version, and of the second before it knew what is verified today."""
    record = json.loads((make().save(tmp_path) / "result.json").read_text())
    (tmp_path / "SHA256SUMS").unlink()
    record = {key: value for key, value in record.items() if key not in NEW}
    (tmp_path / "result.json").write_text(json.dumps(record))
    second = load(tmp_path)
    assert second.fingerprints is None and second.checks is None and dict(second.fooling) == {}
    record["attacks"][0] |= {"accuracy": 0.75, "robust_accuracy_so_far": 0.5, "interval": [0.3, 0.9]}
    (tmp_path / "result.json").write_text(json.dumps(record | {"schema_version": 1}))
    assert load(tmp_path).attacks[0]["accuracy"] == 0.5 and load(tmp_path).attacks[0]["interval"] is None


def test_what_is_not_known_is_null():
    result = make()
    assert result.attacks[0]["attacked"] is result.attacks[0]["gradients"] is result.dataset["fingerprint"] is None
    assert result.stochastic is result.control is result.certificate is result.norms is None


def test_every_key_is_there():
    keys = "schema_version kind model dataset threat judge fingerprints clean_accuracy clean_interval"
    keys += " robust_accuracy robust_interval attacks trials stochastic control noise certificate norms gate"
    keys += " corruptions rho2 curves checks findings class_accuracy provenance"
    assert list(make().to_json()) == keys.split()


def test_experiment_round_trip(tmp_path):
    claim = {
        "id": "a",
        "statement": "s",
        "published": 1,
        "measured": "2",
        "interval": (1, 2.5),
        "holds": None,
    }
    result = ExperimentResult(name="e", title="t", claims=[claim], notes=["n"], provenance={"seed": 1})
    assert load(result.save(tmp_path)) == result
    assert result.claims[0]["note"] is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"attacks": [{"attack": "fgsm"}]}, r"attacks\[0\].accuracy: expected a number, received nothing"),
        ({"threat": 3}, "threat: expected a text, received 3"),
        (
            {"curves": [{"attack": "a", "norm": "l2", "eps": [0, 1], "accuracy": [1]}]},
            "as many accuracies as eps",
        ),
        ({"gallery": {"x": np.zeros((2, 8, 8, 1))}}, "gallery: expected"),
        ({"attacks": [{"attack": "a", "accuracy": 1, "fooled": "3"}]}, r"attacks\[0\].fooled: expected an integer"),
        ({"stochastic": "no"}, "stochastic: expected true or false"),
        ({"control": {"attack": "uniform"}}, "control.accuracy: expected a number"),
        ({"norms": {"median": "far"}}, "norms.median: expected a number"),
        ({"dataset": {"name": "d", "n": 4, "fingerprint": 7}}, "dataset.fingerprint: expected a text"),
        ({"arrays": {"distance": np.zeros(3)}}, r"'distance': expected one entry for each of the 4 images"),
        ({"arrays": {"broken_by": np.array([-1, 0, 1, -1])}}, "'broken_by': expected places in the list of 1 attacks"),
        ({"arrays": {"broken_by": np.array([-2, 0, 0, -1])}}, "'broken_by': expected places"),
        ({"arrays": {"broken_by": np.zeros(4)}}, "'broken_by': expected whole numbers"),
        ({"arrays": {"clean": np.ones(4)}}, "'clean': expected booleans"),
        ({"arrays": {"image": np.zeros(4)}}, "'image': expected whole numbers"),
        ({"arrays": {"distance": np.full(4, np.nan)}}, "'distance': expected finite numbers"),
        ({"gate": {"at_least": 0.5, "holds": True, "interval": [], "of": 9}}, "gate.interval: expected two numbers"),
        ({"corruptions": {"mean": 0.5, "accuracy": {}}}, "corruptions.accuracy: expected"),
        ({"corruptions": {"mean": 0.5, "accuracy": {"fog": [0.1], "snow": [0.1, 0.2]}}}, "the same number"),
        ({"corruptions": {"mean": 0.5, "accuracy": {"fog": "x"}}}, "fog: expected a list"),
        ({"dataset": {"name": "d", "n": 5}}, "'clean': expected one entry for each of the 5 images"),
    ],
)
def test_a_wrong_value_is_named(changes, message):
    with pytest.raises(TfadvError, match=message):
        make(**changes)


def damaged(tmp_path, text):
    (tmp_path / "result.json").write_text(text, "utf-8")
    with pytest.raises(TfadvError) as error:
        load(tmp_path)
    assert "result.json" in str(error.value) and "\n" not in str(error.value)
    return str(error.value)


def test_damaged_files_are_one_sentence(tmp_path):
    text = json.dumps(make().to_json())
    assert "damaged" in damaged(tmp_path, text[:-9])
    assert "damaged" in damaged(tmp_path, "[" * 100_000)
    assert "not a result" in damaged(tmp_path, "[]")
    assert "not a result" in damaged(tmp_path, '{"kind": "card"}')
    assert "schema version 7" in damaged(tmp_path, text.replace('"schema_version": 2', '"schema_version": 7'))
    assert "schema version 0 and this tfadv reads 1 to 2" in damaged(
        tmp_path, text.replace('version": 2', 'version": 0')
    )
    assert "clean_accuracy" in damaged(tmp_path, text.replace('"clean_accuracy": 0.75', '"clean_accuracy": NaN'))
    assert "model" in damaged(tmp_path, text.replace('"model"', '"modell"'))


def test_nothing_there(tmp_path):
    def said(path):
        with pytest.raises(TfadvError, match="no result at ") as error:
            load(path)
        return str(error.value)

    assert "result.json': expected a run directory or a result.json, as `tfadv evaluate MODEL" in said(tmp_path)
    (tmp_path / "train.json").write_text("{}")
    assert f"run `tfadv evaluate {tmp_path}` first." in said(tmp_path)
    make().save(tmp_path / "linf-0.1" / "quick")
    assert f"give the directory within, e.g. {tmp_path / 'linf-0.1' / 'quick'}." in said(tmp_path)
    assert "as `tfadv evaluate MODEL --out DIR` writes it" in said(tmp_path / "elsewhere")


def test_damaged_arrays(tmp_path):
    make().save(tmp_path)
    whole = (tmp_path / "per_example.npz").read_bytes()
    for content in (b"", b"PK", whole[:-30], whole[: len(whole) // 2]):
        (tmp_path / "per_example.npz").write_bytes(content)
        with pytest.raises(TfadvError, match="per_example.npz"):
            load(tmp_path)


def test_arrays_of_another_run_are_noticed(tmp_path):
    make().save(tmp_path)
    files.write_npz(tmp_path / "per_example.npz", clean=np.ones(4, bool), robust=np.ones(4, bool))
    with pytest.raises(TfadvError, match="disagree on the clean accuracy"):
        load(tmp_path)


def test_no_gallery_of_an_earlier_run_stays(tmp_path):
    (tmp_path / "gallery.npz").write_bytes(b"old")
    make().save(tmp_path)
    assert load(tmp_path).gallery == {}


def test_a_crash_leaves_the_old_file_whole(tmp_path):
    files.write_text(tmp_path / "a.txt", "old")
    with pytest.raises(KeyboardInterrupt), files.atomic(tmp_path / "a.txt") as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert (tmp_path / "a.txt").read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_full_disk_leaves_the_old_file_whole(tmp_path, monkeypatch):
    files.write_json(tmp_path / "a.json", {"old": 1})

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(TfadvError, match="cannot write .*a.json.*No space left"):
        files.write_json(tmp_path / "a.json", {"new": 1})
    assert json.loads((tmp_path / "a.json").read_text()) == {"old": 1}
    assert os.listdir(tmp_path) == ["a.json"]


def test_the_new_file_takes_its_name_in_one_step(tmp_path, monkeypatch):
    files.write_text(tmp_path / "a.txt", "old")

    def refuse(source, target):
        assert source.read_text() == "new" and target.read_text() == "old"
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(files.os, "replace", refuse)
    with pytest.raises(TfadvError, match="Read-only"):
        files.write_text(tmp_path / "a.txt", "new")
    assert (tmp_path / "a.txt").read_text() == "old"


def test_only_ordinary_files_are_replaced(tmp_path):
    with pytest.raises(TfadvError, match="not an ordinary file"):
        files.write_text(tmp_path, "x")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(TfadvError, match="not an ordinary file"):
        files.write_text(tmp_path / "pipe", "x")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    files.write_text(tmp_path / "link", "x")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "target").read_text() == "x"


def test_the_suffix_is_kept(tmp_path):
    with files.atomic(tmp_path / "m.keras") as temporary:
        assert temporary.suffix == ".keras" and temporary.parent == tmp_path and not temporary.exists()
        temporary.write_bytes(b"x")


def test_pickles_are_refused(tmp_path):
    with pytest.raises(TfadvError, match="array 'a'"):
        files.write_npz(tmp_path / "a.npz", a=np.array([object()]))


def test_plain_types():
    value = {
        1: np.float32(0.5),
        "b": np.array([np.nan, 1]),
        "c": (np.int64(2), np.bool_(True)),
        "d": math.inf,
    }
    assert files.plain(value) == {"1": 0.5, "b": [None, 1.0], "c": [2, True], "d": None}
