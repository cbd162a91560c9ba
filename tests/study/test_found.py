"""Tables of made-up measurements, with and without gaps."""

import numpy as np
import pytest

from tfadv.reports.document import MISSING
from tfadv.study import Clean, Curve, Network, Rho, Under
from tfadv.study.drawn import drawn
from tfadv.study.found import Found

NETWORKS = {
    "start": Network(title=""),
    "plain": Network(title="Plain"),
    "robust": Network(title="Robust"),
    "other": Network(title="Not measured"),
}
MEASURES = {
    "clean": Clean(),
    "pgd": Under("pgd", "linf:0.1", title="PGD"),
    "rho2": Rho(),
    "curve": Curve("fgsm", "linf", (0.0, 0.1)),
}


def found(seeds=1, changes=None):
    stored = {}
    for seed in range(seeds):
        stored[seed, "start", "clean"] = {"value": np.ones(10, bool)}
        for name, right in (("plain", 5), ("robust", 8)):
            stored[seed, name, "clean"] = {"value": np.arange(10) < 9}
            stored[seed, name, "pgd"] = {"value": np.arange(10) < right, "other": np.array(7)}
            stored[seed, name, "curve"] = {
                "at": np.array([0.0, 0.1]),
                "value": np.array([0.9, right / 10 + seed / 100]),
            }
    return Found(NETWORKS, MEASURES, stored | (changes or {}))


def test_samples_are_asked_for_by_name():
    assert found()["plain", "pgd"].mean == 0.5
    assert found()["plain", "pgd", "other"].mean == 7
    assert ("plain", "pgd") in found() and ("plain", "rho2") not in found() and ("nobody", "pgd") not in found()
    with pytest.raises(KeyError, match="no measure 'pdg'"):
        found()["plain", "pdg"]


def test_a_curve_kept_image_by_image_says_who_is_right_where_it_was_measured():
    curve = {"at": np.array([0.0, 0.1]), "value": np.array([[True, False], [True, True]])}
    measured = found(changes={(0, "plain", "curve"): curve})
    assert measured.right_at("plain", "curve", 0.1).per_seed[0].tolist() == [False, True]
    with pytest.raises(ValueError, match="not in list"):
        measured.right_at("plain", "curve", 0.05)


def test_a_row_a_network_that_was_measured_and_has_a_title():
    table = found().grid("t", "Title", columns=["clean", "pgd", "rho2"], note="n")
    assert table.columns == ("Network", "Clean", "PGD", "rho_2") and table.id == "t" and table.note == "n"
    assert [row[0] for row in table.rows] == ["Plain", "Robust"]
    assert table.rows[0][2] == "50.0 % [23.7, 76.3]" and table.rows[0][3] == MISSING
    assert found().grid("t", "", columns=["clean"], rows=["robust"]).rows[0][0] == "Robust"


def with_gain(data=None):
    """With a derived column, and measured on digits."""
    derived = lambda here: {"gain": ("gain", lambda name: here[name, "pgd"] - here["plain", "pgd"])}  # noqa: E731
    stored = found().stored
    about = {key: {"dataset": "digits", "class_names": ["a"]} for key in stored}
    return Found(NETWORKS, MEASURES, stored, about, derived=derived, document_data=data)


def test_what_follows_from_measures_is_asked_for_like_them():
    here = with_gain()
    assert here["robust", "gain"].mean == pytest.approx(0.3) and ("other", "gain") not in here
    assert here.bars("gain")["Robust"]["gain"][0] == here["robust", "gain"].mean
    with pytest.raises(KeyError, match="curve, gain"):
        here["plain", "gian"]


def test_published_values_stand_beneath():
    published = {"robust": {"clean": 0.9, "gain": 12.5}}
    table = with_gain("digits").grid("t", "", columns=["clean", "gain", "pgd"], published=published)
    assert table.columns == ("Network", "", "Clean", "gain", "PGD")
    assert table.rows[2] == ("Robust", "published", "90.0 %", "12.5", MISSING)
    assert table.rows[1][3].startswith("+30.0 [") and all(len(row) == 5 for row in table.rows)


def test_rows_of_networks_that_only_the_document_has_stand_beside():
    options = {"columns": ["clean", "pgd"], "beside": {"ResNet-18": {"pgd": 0.4352}}}
    table = with_gain().grid("t", "Title", **options)
    assert table.rows[-1] == ("ResNet-18", "published", MISSING, "43.5 %") and table.rows[0][1] == "measured"
    assert len(with_gain("cifar10").grid("t", "Title", **options).rows) == 2  # measured on digits


def test_networks_of_which_all_is_measured():
    assert found().having("clean", "pgd") == ["plain", "robust"] and found().having("clean", "rho2") == []


def test_curves_have_bands_over_seeds():
    [curve, _] = found().curves("curve").values()
    assert "low" not in curve and curve["accuracy"].tolist() == [0.9, 0.5]
    curves = found(seeds=2).curves("curve")
    assert list(curves) == ["Plain", "Robust"]
    assert curves["Plain"]["accuracy"][1] == pytest.approx(0.505) and curves["Plain"]["low"][1] < 0.5
    images = {"at": np.array([0.0, 0.1]), "value": np.array([[True, True], [True, False]])}
    assert found().curves("curve").keys() == {"Plain", "Robust"}
    with_images = Found(NETWORKS, MEASURES, {(0, "plain", "curve"): images})
    assert with_images.curves("curve")["Plain"]["accuracy"].tolist() == [1.0, 0.5]


def test_bars_are_of_what_was_measured():
    bars = found().bars("clean", "rho2")
    assert bars["Plain"].keys() == {"Clean"} and bars["Plain"]["Clean"][0] == 0.9


@pytest.mark.parametrize(("data", "shown"), [(None, True), ("digits", True), ("mnist", False)])
def test_published_values_are_shown_on_the_data_of_the_document_only(data, shown):
    here = with_gain(data)
    assert ("" in here.grid("t", "", columns=["clean"], published={"robust": {"clean": 0.9}}).columns) is shown
    table = here.by_class("t", "", ("clean", "value"), rows=[], published={"robust": [0.9]})
    assert table.rows == (("1", "a"),)


def test_networks_aside_are_shown_where_they_are_named_only():
    networks = NETWORKS | {"plain": Network(title="Plain", aside=True)}
    here = Found(networks, MEASURES, found().stored)
    assert list(here.curves("curve")) == list(here.bars("clean")) == ["Robust"]
    assert [row[0] for row in here.grid("t", "", columns=["clean"]).rows] == ["Robust"]
    assert here.grid("t", "", columns=["clean"], rows=["plain"]).rows[0][0] == "Plain"


def test_where_a_curve_crosses_a_level():
    here = Found(NETWORKS, MEASURES, {
        (0, "plain", "curve"): {"at": np.array([0.0, 0.1, 0.2]), "value": np.array([0.9, 0.52, 0.3])}
    })  # fmt: skip
    assert here.crossing("plain", "curve").mean == 0.1
    assert here.crossing("plain", "curve", first=True).mean == 0.2
    assert here.crossing("plain", "curve", level=0.2, first=True).mean is None
    assert here.crossing("robust", "curve").mean is None


def test_figures_of_an_experiment_that_asks_for_none():
    drawings = {figure.id: figure.title for figure in drawn(found())}
    assert drawings == {"accuracy": "Accuracy", "curve-curve": "Accuracy under curve, against eps (linf)"}
    alone = {key: arrays for key, arrays in found().stored.items() if key[1] == "plain"}
    assert not list(drawn(Found(NETWORKS, MEASURES, alone)))
