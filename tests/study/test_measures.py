"""What measures return, on a toy model; those with attacks of their own are run by the experiments' smoke presets."""

import dataclasses
import types

import numpy as np
import pytest

from tfadv import defend
from tfadv.attacks.fgsm import FGSM
from tfadv.data.split import Dataset, Split
from tfadv.errors import TfadvError
from tfadv.evaluation.certificates import interval, smoothing
from tfadv.study import (
    Certified,
    CertifiedAndFooled,
    CertifiedWithin,
    Clean,
    Differs,
    First,
    Gallery,
    History,
    LastEpoch,
    Protocol,
    Under,
    Weights,
    bench,
)
from tfadv.study.curves import AtHalf
from tfadv.threat import LInf


@pytest.fixture
def network(classifiers, images, labels, tmp_path):
    """A toy model before 32 digits, as measures get it."""
    split = Split(images, labels)
    data = Dataset("digits", split, split, tuple(map(str, range(10))), "made up")
    history = [{"loss": 2.0, "accuracy": 0.5}, {"loss": 1.0, "accuracy": 0.75}]
    return bench.TrainedNetwork(classifiers("mlp"), data, 0, history, None, home=tmp_path / "home")


def test_a_column_depends_on_no_other(network, images, labels, predict):
    x_adv = FGSM()(network.model, images, labels, threat=LInf(0.1))
    clean = predict(network.model, images) == labels
    assert (Clean()(network)["value"] == clean).all()
    right = Under("fgsm", "linf:0.1")(network)["value"]
    assert (right == (clean & (predict(network.model, x_adv) == labels))).all() and right.sum() < clean.sum()
    first = First(10, Under("fgsm", "linf:0.1", "FGSM"))
    assert (first(network)["value"] == right[:10]).all() and first.title == "FGSM"


def test_what_is_certified_is_right_and_becomes_less(network, classifiers):
    linear, at = network.changed(model=classifiers("linear")), (0.0, 0.02, 0.1)
    curve = CertifiedWithin("linf", at)(linear)["value"]
    assert np.array_equal(curve[:, 0], Clean()(linear)["value"]) and (np.diff(curve.astype(int), axis=1) <= 0).all()
    assert np.array_equal(curve[:, 1], Certified("linf:0.02")(linear)["value"]) and 0 < curve[:, 1].mean() < 1
    with pytest.raises(TfadvError, match="no radius is known"):
        CertifiedWithin("linf", at)(network)
    with pytest.raises(TfadvError, match="nothing can be proven"):
        Certified("l2:0.1")(network)


def test_a_network_is_proven_once_and_what_is_false_is_seen(network, monkeypatch):
    proven, prove = [], interval.Bounding.certified
    monkeypatch.setattr(interval.Bounding, "certified", lambda *given, **k: proven.append(1) or prove(*given, **k))
    certified = Certified("linf:0.05")(network)["value"]
    assert certified.any() and not CertifiedAndFooled("fgsm", "linf:0.05")(network)["value"].any() and len(proven) == 1
    first = First(10, Certified("linf:0.05"))(network)["value"]
    assert np.array_equal(first, certified[:10]) and len(proven) == 2
    assert not CertifiedAndFooled("fgsm", "linf:0.5")(network)["value"].any() and len(proven) == 3  # none is certified
    monkeypatch.setattr(interval.Bounding, "certified", lambda self, x, y, **options: y >= 0)
    fell = CertifiedAndFooled("fgsm", "linf:0.1")(network)["value"]
    assert np.array_equal(fell, ~Under("fgsm", "linf:0.1")(network)["value"])


def test_an_interrupted_certificate_by_votes_goes_on(network, monkeypatch):
    """Image by image the same as without the interruption."""
    voting = lambda: network.changed(model=defend(network.model, "smoothed(sigma=0.2, votes=20, n0=20, n=50)"))  # noqa: E731
    curve, told, find = CertifiedWithin("l2", (0.0, 0.1, 5.0)), [], smoothing.lower_bound

    def stops(*given):
        if len(told) == 20:
            raise KeyboardInterrupt
        told.append(given)
        return find(*given)

    whole = curve(dataclasses.replace(voting(), home=None))["value"]
    assert 0 < whole[:, 1].mean() < 1 and not whole[:, 2].any()
    monkeypatch.setattr(smoothing, "BLOCK", 500)
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(smoothing, "lower_bound", stops)
        curve(voting())
    counted = len(told)
    monkeypatch.setattr(smoothing, "lower_bound", lambda *given: told.append(given) or find(*given))
    assert np.array_equal(curve(voting())["value"], whole) and len(told) - counted <= 32 - 14 + 1
    assert not list(network.home.iterdir())


def test_titles_are_no_part_of_what_is_measured():
    assert repr(Under("fgsm", "linf:0.1", "One title")) == repr(Under("fgsm", "linf:0.1", "Another"))
    assert repr(First(10, Clean("A"))) == repr(First(10, Clean("B"))) != repr(First(11, Clean("A")))


def test_a_metric_over_the_epochs(network):
    arrays = History("accuracy")(network)
    assert arrays["at"].tolist() == [1, 2] and arrays["value"].tolist() == [0.5, 0.75]


def test_a_gallery_shows_fooled_images_only(network):
    arrays = Gallery("fgsm", "linf:0.1", shown=2)(network)
    assert arrays["x"].shape == arrays["x_adv"].shape == (2, 8, 8, 1) and len(arrays["titles_adv"]) == 2
    assert all("\N{BALLOT X}" in title for title in arrays["titles_adv"])
    assert not any("\N{BALLOT X}" in title for title in arrays["titles_clean"])


def test_the_protocol_keeps_its_report_beside_the_measurement(network, monkeypatch):
    from tfadv.evaluation import evaluate

    asked = {}

    def evaluated(model, dataset, **options):
        asked.update(options, model=model)
        findings = [{"code": "dead"}]
        return types.SimpleNamespace(arrays={"robust": np.array([True])}, findings=findings)

    monkeypatch.setattr(evaluate, "evaluate", evaluated)
    arrays = Protocol("linf:0.1", attacks=("fgsm",))(network)
    assert arrays["value"].tolist() == [True] and arrays["findings"].tolist() == ["dead"]
    assert asked["keep"] == network.home and asked["threat"] == "linf:0.1"


def test_the_eps_at_which_another_network_is_right_half_of_the_time(network, monkeypatch):
    curves = {"at": np.array([0.0, 0.05, 0.1]), "value": np.array([[True, True, False], [True, False, False]])}
    monkeypatch.setattr(bench.TrainedNetwork, "other", lambda *_: curves)
    arrays = AtHalf("fgsm")(network)
    assert arrays["eps"] == 0.05 and (arrays["value"] == Under("fgsm", "linf:0.05")(network)["value"]).all()
    curves["value"] = np.array([0.9, 0.8, 0.7])
    assert AtHalf("fgsm")(network)["eps"] == 0.1


def test_weights_that_differ_in_one_bit_differ(monkeypatch):
    weights = [np.zeros(3), np.ones(2)]
    model = lambda arrays: types.SimpleNamespace(get_weights=lambda: arrays)  # noqa: E731
    other = types.SimpleNamespace(model=model([np.zeros(3), np.ones(2)]))
    network = types.SimpleNamespace(model=model(weights), other=lambda name: other)
    assert Differs("other")(network)["value"] == 0.0
    weights[0][1] = -0.0
    assert Differs("other")(network)["value"] == 1.0


def test_the_last_epoch_is_measured_where_the_best_is_kept(network, classifiers, tmp_path):
    classifiers("linear").save(tmp_path / "last.keras")
    network = dataclasses.replace(network, directory=tmp_path)
    last = LastEpoch(Clean(), "Last")(network)["value"]
    assert (last == dataclasses.replace(network, model=classifiers("linear")).judge().clean).all()
    assert (last != Clean()(network)["value"]).any() and repr(LastEpoch(Clean("a"))) == repr(LastEpoch(Clean("b")))


def test_how_many_weights_are_trained(network):
    assert Weights()(network)["value"] == 64 * 32 + 32 + 32 * 10 + 10
