"""Studies of Vuong 2020 on made-up measurements; the linear classifier by hand; points and squares."""

import importlib
import types

import keras
import numpy as np
import pytest

from tfadv import models
from tfadv.data import datasets
from tfadv.errors import TfadvError
from tfadv.experiments import EXPERIMENTS
from tfadv.experiments.cifar_svm_resnet import by_hand, squares, svm_resnet_pgd
from tfadv.experiments.cifar_svm_resnet.decision_boundary_2d import WholeSquare
from tfadv.experiments.cifar_svm_resnet.linear_measures import ByHand, GradientError, ScoreError, TrainingData
from tfadv.study import CertifiedWithin, Sample
from tfadv.study.claims import ExactClaim

STUDIES = [name for name, place in EXPERIMENTS.places.items() if ".cifar_svm_resnet." in place]
# Those on photographs have tests of their own.
NAMES = [name for name in STUDIES if name != "ridgeback_fooling"]
RNG = np.random.default_rng(0)
X, Y, W = RNG.normal(size=(30, 6)), RNG.integers(0, 4, 30), RNG.normal(size=(6, 4))


@pytest.fixture(scope="module")
def network():
    """An untrained linear network on centered digits, as measures see it."""
    data = datasets.load("digits")
    train = data.train_validation(0.1, 0, stratify=True)[0]
    model = models.build("linear(center=True)", data.image_shape, 10, images=train.images)
    return types.SimpleNamespace(model=model, dataset=data, x=data.test.x, y=data.test.y, seed=0)


def by_loops(w, x, y, decay):
    """The hinge loss as the document writes it."""
    total = 0.0
    for row, label in zip(x, y, strict=True):
        s = [float(row @ w[:, j]) for j in range(w.shape[1])]
        total += sum(max(0.0, s[j] - s[label] + 1.0) for j in range(len(s)) if j != label)
    return total / len(x) + decay * sum(float(v) ** 2 for v in w.ravel())


def test_the_losses_are_those_of_the_document():
    assert by_hand.hinge(W, X, Y, 0.3)[0] == pytest.approx(by_loops(W, X, Y, 0.3))
    shares = np.exp(X @ W) / np.exp(X @ W).sum(axis=1, keepdims=True)
    expected = -np.log(shares[np.arange(30), Y]).mean() + 0.3 * (W**2).sum()
    assert by_hand.softmax(W, X, Y, 0.3)[0] == pytest.approx(expected)
    assert np.isfinite(by_hand.softmax(1e4 * W, X, Y)[0])


@pytest.mark.parametrize("loss", by_hand.LOSSES)
def test_gradients_are_those_of_differences(loss):
    of = lambda w: by_hand.LOSSES[loss](w, X, Y, 0.3)  # noqa: E731
    found = [by_hand.numeric(of, W, entry) for entry in np.ndindex(W.shape)]
    assert of(W)[1].ravel() == pytest.approx(found, abs=1e-6)


def test_the_gradient_at_a_kink_is_zero():
    w = np.array([[0.0, -1.0]])  # one image, x = 1 and y = 0: its margin is 0
    assert not by_hand.hinge(w, np.ones((1, 1)), np.array([0]))[1].any()


def test_bytes_and_pixels_are_the_same_rows():
    images = RNG.integers(0, 256, (5, 2, 2, 3), dtype="uint8")
    mean, recipe = np.full((2, 2, 3), 0.4), by_hand.RECIPES["a"]
    rows = by_hand.rows_of(images, mean, recipe)
    assert rows == pytest.approx(by_hand.rows_of(images / 255, mean, recipe)) and (rows[:, -1] == 1).all()
    assert rows[2, :-1] == pytest.approx((images[2] - 255 * 0.4).ravel())


def test_the_recipes_a_and_b_are_one_descent_and_learn(network):
    data = network.dataset.train
    found = {}
    for key in "ab":
        recipe, mean = by_hand.RECIPES[key], data.images.mean(axis=0, dtype=np.float64)
        w, losses = by_hand.descend(data.images, data.y, mean, recipe, iterations=300, batch=50)
        found[key] = by_hand.rows_of(data.images, mean, recipe) @ w
        assert losses[-1] < 0.5 * losses[0]
    assert found["a"] == pytest.approx(found["b"], rel=1e-6) and (found["a"].argmax(axis=1) == data.y).mean() > 0.5


def test_the_training_part_alone_is_centered(network):
    found = TrainingData(shown=2)(network)
    assert found["value"] < 1e-6 and found["images"].shape == (20, 8, 8, 1)
    train, held_out = found["counts"]
    assert np.abs(held_out - 0.1 * (train + held_out)).max() < 1 and 1e-4 < found["apart"] < 0.05
    every = models.build("linear(center=True)", (8, 8, 1), 10, images=network.dataset.train.images)
    assert TrainingData()(types.SimpleNamespace(**{**vars(network), "model": every}))["value"] > 1e-4


def test_scores_and_gradients_by_hand_are_those_of_keras(network, monkeypatch):
    assert ScoreError()(network)["value"] < 1e-5
    for loss in by_hand.LOSSES:
        errors = GradientError(loss, n=50)(network)
        assert errors["value"] < 1e-6 and errors["keras"] < 1e-5
        wrong = lambda *args, loss=by_hand.LOSSES[loss]: (loss(*args)[0], 1.01 * loss(*args)[1])  # noqa: E731
        monkeypatch.setitem(by_hand.LOSSES, loss, wrong)
        assert min(GradientError(loss, n=50)(network)[key] for key in ("value", "keras")) > 1e-4


def test_by_hand_is_measured_on_test_images(network):
    found = ByHand("b", iterations=300)(network)
    assert found["value"].shape == network.y.shape and found["templates"].shape == (10, 8, 8, 1)
    assert found["value"].mean() > 0.5 and len(found["loss"]) == 300
    [(_, png)] = ByHand("b").pictures(found, list("abcdefghij"))
    assert png.startswith(b"\x89PNG")


def test_a_line_parts_the_points_and_none_their_squares():
    data = squares.SQUARES.load()
    points, labels = data.test.x.reshape(-1, 2), data.test.y
    assert squares.parted(points, labels, 0.0) and not squares.parted(points, labels, squares.EPS)
    apart = np.abs(points[labels == 0][:, None] - points[labels == 1]).max(axis=-1)
    assert apart.min() > 2 * squares.EPS + squares.GAP - 1e-6 and len(data.train) == squares.SQUARES.train
    assert datasets.load("squares").test.fingerprint == data.test.fingerprint
    with pytest.raises(TfadvError, match="found no 24 points"):
        squares.draw(np.random.RandomState(0), 12, tries=0)


def test_whole_squares_are_looked_at():
    model = keras.Sequential([keras.Input((1, 2, 1)), keras.layers.Flatten(), keras.layers.Dense(2)])
    model.set_weights(
        [np.array([[1.0, 0.0], [0.0, 0.0]], "float32"), np.array([0.0, 0.5], "float32")]
    )  # 0 where a > .5
    x = np.array([[0.9, 0.5], [0.52, 0.5], [0.3, 0.5]], "float32").reshape(-1, 1, 2, 1)
    network = types.SimpleNamespace(model=model, x=x, y=np.array([0, 0, 1]))
    found = WholeSquare(0.1)(network)
    assert found["value"].tolist() == [True, False, True]
    assert found["wrong"].any(axis=1).tolist() == [False, True, False]
    assert found["regions"][0, 0] == 1 and found["regions"][100, 200] == 0


def made_up(experiment, share=0.5, **others):
    """Measurements of 100 images for every network; of `others`, by the name of the network, another share is right."""
    rng, stored = np.random.default_rng(0), {}
    for name in experiment.networks():
        for key in experiment.taken_of(name):
            right = rng.random(100) < others.get(name, share)
            at = np.array(getattr(experiment.measures()[key], "at", (1, 2, 3)), float)
            curve = type(experiment.measures()[key]).__name__ in ("Curve", "History")
            certified = np.repeat(right[:, None], len(at), axis=1)
            value = np.full(at.shape, others.get(name, share)) if curve else right
            value = certified if type(experiment.measures()[key]) is CertifiedWithin else value
            scores = {"scores": np.zeros((100, 10)), "loss": np.linspace(9, 1, 100), "keras": np.array(0.0)}
            stored[0, name, key] = {"value": value, "at": at, "apart": np.array(0.0), **scores}
    about = {key: {"dataset": experiment.scale.dataset, "class_names": list("abcdefghij")} for key in stored}
    return experiment.found_of(stored, about)


def claims_of(experiment, **others):
    return {claim.id: claim for claim in experiment.claims(made_up(experiment, **others))}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("preset", ["laptop", "paper"])
def test_claims_and_tables_are_made_of_what_was_measured(name, preset):
    experiment = EXPERIMENTS.build(name, preset=preset)
    found = made_up(experiment)
    claims = [claim.to_json() for claim in experiment.claims(found)]
    assert claims and all(claim["measured"] is not None for claim in claims)
    cells = {cell for table in experiment.tables(found) for row in table.rows for cell in row}
    module = importlib.import_module(EXPERIMENTS.places[name].split(":")[0])
    published = [row for row in getattr(module, "PUBLISHED", {}).values() if isinstance(row, dict)]
    assert {f"{100 * value:.1f} %" for row in published for value in row.values()} <= cells


def test_every_section_of_the_document_has_its_study():
    document = """
        data-cifar10 linear-score softmax-loss hinge-loss sgd-manual cifar10-svm cifar10-resnet50 svm-resnet-pgd
        decision-boundary-2d cifar10-advtrain svm-hog nn-3layer conv-pool ridgeback-fooling
    """
    assert set(document.split()) <= {section for name in STUDIES for section in EXPERIMENTS.build(name).ids}


def test_networks_of_the_same_recipe_are_the_same_network():
    studies = [EXPERIMENTS.build(name) for name in ("cifar10_resnet50", "svm_resnet_pgd", "cifar10_advtrain")]
    assert len({study.digest_of(0, "resnet") for study in studies}) == 1
    assert len({study.digest_of(0, "svm") for study in (*studies, EXPERIMENTS.build("cifar10_svm"))}) == 1
    assert EXPERIMENTS.build("cifar10_svm").networks()["svm"].settings(studies[0].scale)["stratify"] is True


def test_the_eps_nearest_to_the_document_s_is_looked_for():
    experiment = EXPERIMENTS.build("svm_resnet_pgd")
    found = made_up(experiment)
    found.stored[0, "svm", "document-10"]["value"] = np.array([0.4, 0.2, 0.1, 0.0, 0.0, 0.0, 0.0])
    found.stored[0, "resnet", "document-10"]["value"] = np.array([0.6, 0.5, 0.4, 0.31, 0.2, 0.0, 0.0])
    [note] = experiment.notes(found)
    assert "document PGD, 10 steps at 2/255: 0.0 % and 31.0 %" in note
    assert svm_resnet_pgd.excess(np.array([0.5, 0.4]), np.array([[1, 0], [0, 0.0]])) == pytest.approx(0.4)
    assert svm_resnet_pgd.attack("document", 5).startswith("pgd(steps=5, step_size='eps/T'")


def test_both_forms_of_pgd_are_specs_of_the_same_eps():
    from tfadv import attacks

    for form in svm_resnet_pgd.FORMS:
        assert attacks.get(svm_resnet_pgd.attack(form, 5, "loss=hinge")).steps == 5
    assert claims_of(EXPERIMENTS.build("cifar10_advtrain"), robust=0.9, resnet=0.1)["gain"].holds is True


@pytest.mark.parametrize(
    ("numbers", "bound", "holds"),
    [
        ((1e-9, 1e-7), {"below": 1e-6}, True),
        ((1e-9, 1e-5), {"below": 1e-6}, False),
        ((1.0,), {"above": 0.999}, True),
        ((0.5, 0.7), {"near": (0.6, 0.11)}, True),
        ((0.5, 0.8), {"near": (0.6, 0.11)}, False),
        ((), {"below": 1.0}, None),
    ],
)
def test_what_is_exact_is_decided_by_its_numbers(numbers, bound, holds):
    claim = ExactClaim("id", "says", Sample.of(*numbers), **bound)
    assert claim.holds is holds and claim.to_json()["note"].startswith("One seed") is (len(numbers) == 1)
