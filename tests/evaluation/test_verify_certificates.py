"""The certificate of a result that is verified: proven again, or by votes consistent; what was forged is noticed."""

import dataclasses

import numpy as np
import pytest

from tfadv import defend
from tfadv.evaluation import gate, results
from tfadv.evaluation.certificates import interval
from tfadv.evaluation.certificates.linear import linear_radius
from tfadv.evaluation.evaluate import evaluate
from tfadv.evaluation.verify import verify


def failed(verification):
    return [check.name for check in verification.checks if check.passed is False]


@pytest.mark.parametrize(
    ("name", "threat", "says"),
    [("mlp", "linf:0.03", "proven again by interval and linear bounds"), ("linear", "l2:0.3", "are robust exactly")],
)
def test_what_is_certified_is_proven_again(classifiers, dataset, tmp_path, name, threat, says):
    model = classifiers(name)
    evaluate(model, dataset, threat=threat, attacks="fgsm", diagnostics=False).save(tmp_path)
    found = verify(tmp_path, model, dataset)
    assert found.passed and found.checks[-1].name == "certificate" and says in found.checks[-1].message, found
    read = results.load(tmp_path)
    certified, stated = read.arrays["certified"], read.certificate
    assert 0 < certified.mean() < 1
    every = np.ones(len(certified), bool)
    radius = read.arrays.get("radius", np.where(certified, 1, 0).astype("float32"))
    for arrays, said in (
        ({"certified": every}, stated | {"accuracy": 1.0}),
        ({}, stated | {"accuracy": 0.99}),
        ({}, None),
        ({}, stated | {"confidence": 0.999}),
        ({"radius": radius}, stated | {"exact": not stated["exact"]}),
        *([({"radius": 1.01 * radius}, stated)] if stated["exact"] else []),
    ):
        dataclasses.replace(read, arrays=read.arrays | arrays, certificate=said).save(tmp_path)
        assert failed(verify(tmp_path, model, dataset)) == ["certificate"], (arrays, said)


def test_what_an_older_result_says_of_a_linear_model_is_proven_again(classifiers, dataset, tmp_path):
    """Its method and accuracy, and the radii; which images these certify follows."""
    model = classifiers("linear")
    result = evaluate(model, dataset, threat="l2:0.3", attacks="fgsm", diagnostics=False)
    arrays = {name: array for name, array in result.arrays.items() if name != "certified"}
    stated = {name: result.certificate[name] for name in ("method", "accuracy")}
    for factor, said in ((1, []), (1.01, ["certificate"])):
        changed = arrays | {"radius": np.float32(factor) * arrays["radius"]}
        dataclasses.replace(result, arrays=changed, certificate=stated).save(tmp_path)
        assert failed(verify(tmp_path, model, dataset)) == said


def test_what_rounding_decides_is_proven_for_a_smaller_eps(classifiers, dataset, tmp_path, monkeypatch):
    evaluate(classifiers("mlp"), dataset, threat="linf:0.03", attacks="fgsm", diagnostics=False).save(tmp_path)
    prove = interval.Bounding.certified
    # Another processor proves one image less, for the recorded eps.
    fewer = lambda self, x, y, **k: prove(self, x, y, **k) & ((np.arange(len(x)) > 0) | (self.threat.eps < 0.03))  # noqa: E731
    monkeypatch.setattr(interval.Bounding, "certified", fewer)
    found = verify(tmp_path, classifiers("mlp"), dataset)
    assert found.passed and "but for 1 that rounding decides" in found.checks[-1].message


def test_a_certificate_by_votes_is_consistent(classifiers, dataset, tmp_path):
    model = defend(classifiers("mlp"), "smoothed(sigma=0.25, votes=11, n0=10, n=50)")
    few = dataclasses.replace(dataset, test=dataset.test.take(12))
    evaluate(model, few, threat="l2:0.1", attacks="noise", diagnostics=False).save(tmp_path)
    found = verify(tmp_path, model, few)
    assert found.passed and "radii that 50 noisy copies may give; they are not asked again" in found.checks[-1].message
    read = results.load(tmp_path)
    certified, radius, stated = (*(read.arrays[key] for key in ("certified", "radius")), read.certificate)
    best = np.full_like(radius, radius.max())
    for arrays, changes in (
        ({"certified": np.ones(12, bool), "radius": 1.1 * best}, {"accuracy": 1.0}),
        ({"certified": ~certified}, {"accuracy": float((~certified).mean())}),
        ({}, {"confidence": 0.9999}),
        ({}, {"confidence": None}),
        ({"radius": np.full_like(radius, np.nan)}, {}),
    ):
        dataclasses.replace(read, arrays=read.arrays | arrays, certificate=stated | changes).save(tmp_path)
        assert failed(verify(tmp_path, model, few)) == ["certificate"], changes


def test_an_answer_that_rests_on_a_proof_is_proven_again(classifiers, dataset, tmp_path, monkeypatch):
    model, ask = classifiers("linear"), {"threat": "linf:0.02", "attacks": "fgsm", "diagnostics": False}
    monkeypatch.setattr(gate, "FIRST", 8)
    monkeypatch.setattr(gate, "work", lambda forward, backward: 0)
    exact = linear_radius(model, dataset.test.x, dataset.test.y, "linf") > 0.02
    gate.at_least(model, dataset, exact.mean(), **ask).save(tmp_path)
    read = results.load(tmp_path)
    assert 8 <= read.dataset["n"] < 32 and read.gate["proven"] == exact.sum()
    assert verify(tmp_path, model, dataset).passed
    more = read.gate["proven"] + 1
    for forged in ({"proven": more, "interval": [more / 32] * 2}, {"interval": [more / 32] * 2}):
        dataclasses.replace(read, gate=read.gate | forged).save(tmp_path)
        assert failed(verify(tmp_path, model, dataset)) == ["at least"], forged
