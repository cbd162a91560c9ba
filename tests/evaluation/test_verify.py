"""A result that is verified from what it kept: unaltered it passes, and nothing that was altered does."""

import dataclasses
import json
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
from evaluated import ATTACKS, THREAT

from tfadv import runs
from tfadv.data import datasets
from tfadv.errors import TfadvError
from tfadv.evaluation import gate, multiple_threats, recompute, results, revote, seal
from tfadv.evaluation.attack_rows import attack_row
from tfadv.evaluation.evaluate import evaluate
from tfadv.evaluation.verify import verify
from trap_models import Noise

FLIPS = 100
SETTINGS = {"threat": THREAT, "attacks": ATTACKS[:2], "diagnostics": False}


@pytest.fixture(scope="module")
def judged(classifiers, images, labels, tmp_path_factory):
    """A directory with model.keras, data.npz and the result about them, all by the user's own hand."""
    home = tmp_path_factory.mktemp("judged")
    classifiers("mlp").save(home / runs.MODEL)
    np.savez(home / "data.npz", x=images, y=labels)
    data = datasets.load(home / "data.npz")
    evaluate(classifiers("mlp"), data, path=home / runs.MODEL, **SETTINGS).save(home)
    return home


@pytest.fixture
def copy(judged, tmp_path):
    """The same in a directory that may be spoilt. Its paths lead to the first one, so they are named."""
    shutil.copytree(judged, tmp_path / "copy")
    return tmp_path / "copy"


def look(directory):
    return verify(directory, directory / runs.MODEL, directory / "data.npz")


def failed(verification):
    return [check.name for check in verification.checks if check.passed is False]


def test_what_is_unaltered_passes(judged):
    found = verify(judged)
    assert found.passed and [check.name for check in found.checks] == list(recompute.STEPS)[:-1], found
    assert found.recomputed == found.recorded and found.recorded["robust"] < found.recorded["clean"]
    assert json.loads(json.dumps(found.to_json()))["passed"] is True


def test_it_may_have_been_moved(judged, copy):
    for name in (runs.MODEL, "data.npz"):
        (judged / name).rename(judged / f"away-{name}")
    try:
        assert failed(verify(copy)) == ["data"]
        assert verify(copy, dataset=copy / "data.npz").passed
    finally:
        for name in (runs.MODEL, "data.npz"):
            (judged / f"away-{name}").rename(judged / name)


@pytest.mark.parametrize("name", [*seal.SEALED, runs.SUMS, runs.MODEL, "data.npz"])
def test_an_altered_byte_anywhere_is_noticed(copy, name):
    file, rng = copy / name, np.random.default_rng(0)
    written = file.read_bytes()
    for place in rng.integers(len(written), size=FLIPS):
        spoilt = bytearray(written)
        spoilt[place] ^= int(rng.integers(1, 256))
        file.write_bytes(spoilt)
        found = look(copy)
        assert not found.passed, (name, place)
        assert failed(found) == [{runs.MODEL: "model", "data.npz": "data"}.get(name, "files")]
    file.write_bytes(written)
    assert look(copy).passed


def forged(directory, **changes):
    """A result that was altered, and then sealed again, as a forger would."""
    read = results.load(directory)
    changed = {key: change(dict(getattr(read, key))) for key, change in changes.items()}
    dataclasses.replace(read, **changed).save(directory)
    return look(directory)


def test_a_forged_image_is_noticed_without_its_digest(copy, images):
    kept = dict(results.load(copy).fooling)
    at = kept["image"]
    clean = forged(copy, fooling=lambda kept: kept | {"x_adv": images[at]})
    assert failed(clean) == ["ball and box", "each image fools", "robust accuracy"]
    assert "not as far from" in clean.checks[5].message and f"{len(at)} of the {len(at)}" in clean.checks[6].message
    far = forged(copy, fooling=lambda _: kept | {"x_adv": np.clip(kept["x_adv"] + np.float32(0.02), 0, 1)})
    assert failed(far)[0] == "ball and box" and "outside linf:0.1" in far.checks[5].message
    fewer = forged(copy, fooling=lambda _: {key: array[1:] for key, array in kept.items()})
    assert failed(fewer) == ["numbers"]


def test_a_forged_number_is_noticed_without_its_digest(copy):
    text = (copy / runs.RESULT).read_text()
    changes = {
        "fooled": ("attacks", 0, "fooled", 999),
        "accuracy": ("attacks", 1, "accuracy", 0.987),
        "interval": ("attacks", 1, "interval", [0.4, 0.6]),
        "distance": ("attacks", 0, "median_distance", 0.01),
        "norms": ("norms", None, "max", 0.01),
        "class": ("class_accuracy", 1, "robust", 0.987),
        "fingerprint": ("dataset", None, "fingerprint", "0"),
        "weights": ("fingerprints", None, "weights", "0"),
    }
    for key, (name, place, inner, value) in changes.items():
        record = json.loads(text)
        (record[name] if place is None else record[name][place])[inner] = value
        (copy / runs.RESULT).write_text(json.dumps(record))
        (copy / runs.SUMS).write_text(seal.sums(copy))
        assert failed(look(copy)) == [{"fingerprint": "data", "weights": "model"}.get(key, "numbers")], key


def test_forged_labels_are_noticed_without_their_digest(copy):
    swapped = lambda arrays: arrays | {"labels": np.roll(arrays["labels"], 1)}  # noqa: E731
    read = results.load(copy)
    arrays = swapped(dict(read.arrays))
    facts = {name: getattr(read, name) for name in ("model", "dataset", "threat", "attacks", "judge", "fingerprints")}
    outcomes = [arrays[name] for name in ("clean", "robust", "labels")]
    results.EvaluationResult.of(*outcomes, "0123456789", arrays=arrays, fooling=read.fooling, **facts).save(copy)
    assert failed(look(copy)) == ["data"]


def test_another_model_or_other_images_are_noticed(judged, classifiers, images, labels):
    assert verify(judged, classifiers("mlp")).passed
    found = verify(judged, classifiers("cnn"))
    assert failed(found) == ["model"] and found.checks[-1].passed is None and not found.passed
    other = datasets.Dataset("other", *2 * (datasets.Split(images[::-1], labels[::-1]),), tuple("0123456789"), "here")
    assert failed(verify(judged, classifiers("mlp"), other)) == ["data"]
    assert failed(verify(judged, "nowhere.keras")) == ["model"]


def noisy(model, stddev):
    return keras.Sequential([keras.Input((8, 8, 1)), Noise(stddev), model])


def test_a_random_model_is_verified_by_fresh_votes(classifiers, dataset, tmp_path):
    model, attack = noisy(classifiers("mlp"), 0.05), "eot(attack=fgsm, draws=2)"
    evaluate(model, dataset, threat=THREAT, attacks=attack, diagnostics=False).save(tmp_path)
    again = verify(tmp_path, model, dataset)
    assert again.passed and all("chance may change" in again.checks[k].message for k in (4, 7)), again
    louder = verify(tmp_path, noisy(classifiers("mlp"), 2.0), dataset)  # of the same weights
    assert failed(louder) == ["clean accuracy", "robust accuracy"]
    read = results.load(tmp_path)
    without_one_right(read).save(tmp_path)
    contradicted = verify(tmp_path, model, dataset)
    assert failed(contradicted) == ["clean accuracy"] and "on 1 clean images nine" in contradicted.checks[4].message
    clean = {"image": read.fooling["image"], "x_adv": dataset.test.x[read.fooling["image"]]}
    dataclasses.replace(read, fooling=clean).save(tmp_path)
    forged = verify(tmp_path, model, dataset)
    assert failed(forged) == ["ball and box", "each image fools", "robust accuracy"]
    assert "less than a quarter of 100 fresh passes" in forged.checks[6].message


def without_one_right(read):
    """The result as if the model had been wrong about one image that it is right about, in all its numbers."""
    arrays = {name: array.copy() for name, array in read.arrays.items()}
    arrays["clean"][one := np.flatnonzero(arrays["robust"])[0]] = arrays["robust"][one] = False
    outcomes = [arrays[name] for name in ("clean", "broken_by", "distance")]
    rows = [row | attack_row(place, *outcomes) for place, row in enumerate(read.attacks)]
    facts = {
        name: getattr(read, name) for name in ("model", "dataset", "threat", "judge", "fingerprints", "stochastic")
    }
    outcomes = [arrays[name] for name in ("clean", "robust", "labels")]
    facts |= {"attacks": rows, "arrays": arrays, "fooling": read.fooling}
    return results.EvaluationResult.of(*outcomes, "0123456789", **facts)


def test_what_chance_may_change():
    votes = revote.Fresh(np.ones(100, bool), np.full(100, 0.5))
    # A vote of 20 passes is right with 0.41 where each pass is with 0.5; two such votes differ.
    assert votes.tolerance(20) == pytest.approx(4 * (2 * 0.4119 * 0.5881 / 100) ** 0.5, rel=1e-3)
    assert revote.Fresh(votes.right, np.ones(100)).tolerance(20) == 0
    shares, recorded = np.array([0.05, 0.15, 0.85, 0.95]), np.array([True, True, False, False])
    assert revote.Fresh(shares > 0.5, shares).contradicted(recorded).tolist() == [True, False, False, True]


def test_the_answer_of_at_least_is_verified(classifiers, dataset, tmp_path):
    model, ask = classifiers("mlp"), {"threat": THREAT, "attacks": "fgsm", "diagnostics": False, "seed": 4}
    gate.at_least(model, dataset, 0.2, **ask).save(tmp_path)
    found = verify(tmp_path, model, dataset)
    assert (
        found.passed
        and found.checks[-1].name == "at least"
        and "of 32 images are robust: yes" in found.checks[-1].message
    ), found
    read = results.load(tmp_path)
    for forged in ({"holds": not read.gate["holds"]}, {"interval": [0.5, 0.9]}, {"of": 31}, {"at_least": 0.9}):
        dataclasses.replace(read, gate=read.gate | forged).save(tmp_path)
        assert failed(verify(tmp_path, model, dataset)) == ["at least"], forged
    dataclasses.replace(read, provenance=read.provenance | {"seed": 5}).save(tmp_path)
    assert "not those that the seed draws" in verify(tmp_path, model, dataset).checks[-1].message


def test_the_union_of_several_threat_models_is_verified(classifiers, dataset, tmp_path):
    model, ask = classifiers("mlp"), {"attacks": "fgsm", "diagnostics": False}
    each, union = multiple_threats.evaluate_each(model, dataset, ["linf:0.05", "l2:0.4"], **ask)
    for result in each:
        result.save(tmp_path / results.folder(result.threat))
    union.save(tmp_path)
    found = verify(tmp_path, model, dataset)
    assert found.passed and found.checks[-1].name == "union" and len(found.checks) == 18, found
    assert found.recomputed == found.recorded == {"clean": union.clean_accuracy, "robust": union.robust_accuracy}
    better = dataclasses.replace(union, robust_accuracy=1.0, arrays=union.arrays | {"robust": np.ones(32, bool)})
    better.save(tmp_path)
    assert failed(verify(tmp_path, model, dataset)) == ["union"]
    each[0].save(tmp_path / results.folder(each[1].threat))  # one in the place of another
    assert "union" in failed(verify(tmp_path, model, dataset))


def test_a_result_that_contradicts_itself_is_noticed(copy):
    record = json.loads((copy / runs.RESULT).read_text())
    (copy / runs.RESULT).write_text(json.dumps(record | {"dataset": record["dataset"] | {"n": 7}}))
    (copy / runs.SUMS).write_text(seal.sums(copy))
    found = look(copy)
    assert failed(found) == ["files"] and "one entry for each of the 7 images" in found.checks[0].message


def test_images_of_another_shape_are_noticed(copy):
    narrow = forged(copy, fooling=lambda kept: kept | {"x_adv": kept["x_adv"][:, :4]})
    assert failed(narrow) == ["data"] and "of shape" in narrow.checks[2].message
    with pytest.raises(TfadvError, match="holds no evidence"):
        forged(copy, fooling=lambda kept: {"image": kept["image"]})


def test_a_tie_is_for_rounding_to_decide():
    z = np.float32([[1, 1.0005, 0], [1, 1.002, 0], [1.0005, 1, 0]])
    np.testing.assert_array_equal(recompute._ties(z, np.zeros(3, int)), [True, False, True])


def test_a_result_without_evidence_is_refused(copy, tmp_path):
    with pytest.raises(TfadvError, match="no result at"):
        verify(tmp_path / "nowhere")
    results.EvaluationResult.of(
        [True], [True], [0], "a", model={"name": "m"}, dataset={"name": "d", "n": 1}, threat="linf:1"
    ).save(tmp_path)
    with pytest.raises(TfadvError, match="holds no evidence"):
        verify(tmp_path)
    (copy / runs.SUMS).unlink()
    with pytest.raises(TfadvError, match="has no SHA256SUMS: evaluate again"):
        verify(copy)


def test_the_sums_are_those_of_the_usual_tool(judged):
    lines = (judged / runs.SUMS).read_text().splitlines()
    assert [line[66:] for line in lines] == list(seal.SEALED) and all(len(line) > 66 for line in lines)
    assert {Path(name).suffix for name in seal.SEALED} == {".json", ".npz"}
