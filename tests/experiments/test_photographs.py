"""Studies on photographs: on a stand-in for a network of ImageNet, tiny and of random weights, and on the real one."""

import os
import types
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from tfadv.errors import TfadvError
from tfadv.experiments import EXPERIMENTS
from tfadv.experiments.lecture.panda_fgsm import EPS, PandaFGSM, Triple
from tfadv.experiments.lecture.patches import Anywhere, Patched
from tfadv.experiments.photographs import Ascent, Fooled, OnPhotographs, named, seen_by, wrongly
from tfadv.models import classifier

NAMES = ["ridgeback_fooling", "panda_fgsm", "lavan_patch"]
RNG = np.random.default_rng(0)
# EfficientNet-Lite0 and photographs, beside the prepared data sets.
REAL = Path(os.environ.get("TFDS_DATA_DIR", ".")).resolve().parent.parent / "models"


@pytest.fixture(scope="module")
def stand_in():
    """Linear, 1,000 classes, 8 x 8 pixels."""
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(1000)])
    model.set_weights([RNG.normal(size=(192, 1000)).astype(np.float32), np.zeros(1000, np.float32)])
    return model


@pytest.fixture
def network(stand_in):
    x = RNG.random((5, 8, 8, 3)).astype(np.float32)
    y = stand_in(x).numpy().argmax(axis=1)
    return types.SimpleNamespace(model=stand_in, x=x, y=y, seed=0, progress=lambda *_: None)


@pytest.fixture
def photographs(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    for k in range(3):
        Image.fromarray(RNG.integers(0, 256, (20, 30, 3)).astype(np.uint8)).save(folder / f"{k}.png")
    return folder


def test_a_study_of_ones_own_network_and_photographs(stand_in, photographs, tmp_path):
    path, out = tmp_path / "mine.keras", tmp_path / "out"
    stand_in.save(path)
    study = PandaFGSM(model=str(path), dataset=str(photographs))
    result = study.run(out)
    assert result.tables[0]["rows"][-1][3] == "gibbon 99.3 %" and len(result.tables[0]["rows"]) == 4
    assert study.networks()["network"].title == "mine" and {claim["id"] for claim in result.claims} >= {"fgsm-flip"}
    before = {file: file.stat().st_mtime_ns for file in (out / "measured").rglob("*.npz")}
    assert len(before) == 4
    study.run(out)
    assert before == {file: file.stat().st_mtime_ns for file in before}
    other = keras.models.clone_model(stand_in)
    other.save(path)  # another network of the same name
    study.run(out)
    assert all(file.stat().st_mtime_ns > at for file, at in before.items())


def test_labels_are_what_the_network_says(stand_in, photographs):
    data = seen_by(stand_in, photographs)
    assert data.test.images.dtype == np.uint8 and data.image_shape == (8, 8, 3) and data.num_classes == 1000
    assert (
        np.array_equal(data.test.y, stand_in(data.test.x).numpy().argmax(axis=1))
        and data.source == "0, 1, 2: of the folder mine"
    )


def test_networks_of_other_classes_are_refused(photographs):
    few = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(10)])
    with pytest.raises(TfadvError, match="expected the 1,000 classes of ImageNet, in their order, received 10"):
        seen_by(few, photographs)
    gray = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(1000)])
    with pytest.raises(
        TfadvError, match="one of ImageNet, for color images, received one for 8 x 8 x 1. Give one with"
    ):
        seen_by(gray, photographs)
    with pytest.raises(TfadvError, match="none with the preset smoke"):
        PandaFGSM(preset="smoke", model="ResNet50")


def test_an_attack_and_what_is_said_after_it(network):
    found = Fooled("pgd(steps=5)", "linf:0.1", targets=2, images=True)(network)
    assert found["value"].shape == found["saved"].shape == (10,) and found["after"].shape == (10, 1000)
    assert np.array_equal(found["y"][::2], network.y) and found["moved"].max() <= 0.1 + 1e-6
    assert np.array_equal(found["x_adv"].shape, (10, 8, 8, 3)) and (found["value"] > 0).any()
    untargeted = Fooled("fgsm", "linf:0.1")(network)
    assert np.array_equal(untargeted["value"] > 0, untargeted["after"].argmax(axis=1) != network.y)


def test_a_wrong_class_counts_by_its_probability():
    said = np.array([[0.7, 0.2, 0.1], [0.3, 0.6, 0.1]])
    assert wrongly(said, np.array([0, 0])).tolist() == [0, 0.6]
    assert wrongly(said, np.array([2, 2]), np.array([0, 0])).tolist() == [0.7, 0]
    assert named(said[1], ["tabby, tabby cat", "lynx", "crane"], 2) == "lynx 60.0 %\ntabby 30.0 %"


def test_an_ascent_lowers_the_class_step_by_step(network):
    found = Ascent("linf:0.1", steps=4)(network)
    assert found["right"].shape == (5, 5) and (np.diff(found["right"].mean(axis=0)) < 0).all()
    changed = np.nanmin(np.where(found["wrong"] > found["right"], found["at"], np.nan), axis=1)
    assert np.array_equal(found["value"], changed, equal_nan=True) and (found["value"] > 0).all()


def test_a_triple_moves_along_the_signs(network):
    found = Triple(EPS, draws=2)(network)
    moved = np.clip(network.x + np.float32(EPS) * found["signs"], 0, 1)
    assert np.array_equal(network.model(moved).numpy().argmax(axis=1), found["after"].argmax(axis=1))
    assert (np.take_along_axis(found["after"], network.y[:, None], 1) <
            np.take_along_axis(found["before"], network.y[:, None], 1)).all()  # fmt: skip


def test_patches_in_a_corner_and_anywhere(network):
    found = Patched(0.25, (3, 4), steps=60)(network)
    assert (found["value"] > found["before"][np.arange(5), found["goals"]]).all() and found["curve"].shape == (60,)
    assert np.array_equal(found["x"][:, 4:], network.x[:, 4:])
    held_out = Anywhere(0.25, 3, steps=2, places=2)(network)
    assert held_out["value"].shape == (5,) and ((held_out["x"] != network.x).sum(axis=(1, 2, 3)) <= 48).all()


def made_up(experiment):
    """What the measures of a study keep, of six photographs."""
    said = RNG.dirichlet(np.full(10, 0.1), 6)
    images, one = RNG.random((6, 8, 8, 3)), RNG.random(6)
    arrays = {"value": one, "saved": one, "moved": one / 1e3, "before": said, "after": said[::-1], "sign": said}
    arrays |= {"x": images, "x_adv": images, "signs": np.sign(images), "random": one, "right": said[:, :3]}
    arrays |= {"wrong": said[:, :3], "at": np.arange(3), "curve": one}
    about = {"dataset": experiment.scale.dataset, "class_names": list("abcdefghij"), "source": "six: mine"}
    keys = [(0, "network", key) for key in experiment.taken_of("network")]
    return experiment.found_of(dict.fromkeys(keys, arrays), dict.fromkeys(keys, about))


@pytest.mark.parametrize("name", NAMES)
def test_claims_tables_and_figures_are_made_of_what_was_measured(name):
    experiment = EXPERIMENTS.build(name)
    assert isinstance(experiment, OnPhotographs) and experiment.networks()["network"].given == experiment.usual
    found = made_up(experiment)
    assert all(claim.to_json()["measured"] is not None for claim in experiment.claims(found))
    assert all(len(row) == len(table.columns) for table in experiment.tables(found) for row in table.rows)
    assert f"The network is {experiment.usual}; the photographs are six: mine." in experiment.notes(found)
    assert all(figure.png().startswith(b"\x89PNG") for figure in experiment.figures(found))
    empty = experiment.found_of({}, {(0, "network", "x"): {"class_names": [], "dataset": "photographs"}})
    assert not list(experiment.figures(empty)) and all(
        claim.measured.mean is None for claim in experiment.claims(empty)
    )


@pytest.mark.real_data
@pytest.mark.skipif(not REAL.is_dir(), reason="there is no network of ImageNet beside the data")
def test_photographs_before_a_network_of_imagenet():
    model = classifier.load(REAL / "efficientnet_lite0.keras")
    data = seen_by(model, REAL / "photos")
    assert [data.class_names[label] for label in data.test.y][:3] == ["tripod", "tiger cat", "espresso"]
    found = Fooled("pgd(steps=5)", "linf:1/255")(types.SimpleNamespace(model=model, x=data.test.x, seed=0))
    assert found["before"].max() > 0.9 and (found["value"] > 0).sum() >= 3
