"""Studies of latent codes and of cut singular values: their measures, and their claims on made-up measurements."""

import itertools
import types

import keras
import numpy as np
import pytest

from tfadv import models
from tfadv.attacks import DeepFool
from tfadv.data.split import Dataset, Split
from tfadv.defenses import with_low_rank
from tfadv.experiments import EXPERIMENTS
from tfadv.experiments.latent import adversaries, codes, distances, overparam, sketches, svd_spectrum, universality
from tfadv.experiments.latent.compression import Stored
from tfadv.layers import LatentSample
from tfadv.models import autoencoders
from tfadv.study import Sample
from tfadv.study.bench import TrainedNetwork
from toy_models import classifier as toy
from toy_models import digits, trained

SECTIONS = """
    ae vae latent-ae-encoding latent-vae-encoding latent-ae-projection latent-vae-projection latent-classifiers
    goal-attack adv-robustness-180 adv-accuracy-universality svd-defense svd-spectrum overparam-robustness compression
"""


def network(model, images, labels, **others):
    split = Split(images, labels)
    data = Dataset("d", split, split, tuple("0123456789"), "")
    trained = TrainedNetwork(model, data, 0, [], None)
    return types.SimpleNamespace(
        model=model, dataset=data, x=data.test.x, y=data.test.y, seed=0, judge=trained.judge,
        other=lambda name, measure=None: others[measure or name],
    )  # fmt: skip


class MadeUp(dict):
    """Measurements by network, whatever the measure."""

    networks = property(lambda self: self)

    def __getitem__(self, key):
        return Sample.of(np.array(self.get(key[0])))


def test_every_section_of_the_document_has_its_study():
    latent = [name for name, place in EXPERIMENTS.places.items() if ".latent." in place]
    assert {section for name in latent for section in EXPERIMENTS.build(name).ids} == {*SECTIONS.split()}


def test_pairs_are_of_every_ordered_pair_of_classes():
    y = np.repeat(np.arange(4), 5)[:17]
    at, goals = adversaries.pairs(y, 5, each=2)
    assert len(at) == 4 * 2 * 4
    counts = {(label, goal): np.sum((y[at] == label) & (goals == goal)) for label in range(4) for goal in range(5)}
    assert all(count == 2 * (label != goal) for (label, goal), count in counts.items())


def test_noise_has_its_length_once_it_is_clipped():
    x = np.zeros((4, 8, 8, 1), "float32")
    sizes = np.array([0.1, 0.5, 1.0, 2.0])
    noise = adversaries.noisy(x, sizes, np.random.default_rng(0))
    assert noise.min() >= 0 and noise.max() <= 1 and np.allclose(adversaries.lengths(noise - x), sizes, rtol=1e-3)


def test_distances_are_compared_where_both_are_found_and_only_if_nearly_all_are():
    far, near = np.linspace(1, 2, 20), np.linspace(1.5, 1.6, 20)
    claim = distances.lie_farther(
        "far", "", Sample.of(np.append(far, [np.nan, 9])), Sample.of(np.append(near, [1, np.nan]))
    )
    assert claim.measured.mean == 0.45 and claim.holds is None and "100.0 %" in claim.note
    found = distances.lie_farther("far", "", Sample.of(far + 2), Sample.of(near))
    assert found.holds and not distances.lie_farther("far", "", Sample.of(far), Sample.of(near), times=3).holds
    lost = np.where(np.arange(20) < 3, np.inf, far + 2)
    for one, other in ((lost, near), (far + 2, np.where(np.isinf(lost), np.inf, near))):
        claim = distances.lie_farther("far", "", Sample.of(one), Sample.of(other))
        assert claim.holds is None and claim.measured.mean == 1 and "85.0 %, fewer than 90 %" in claim.note
    assert not distances.lie_farther("far", "", Sample.of(lost), Sample.of(np.full(20, np.inf))).measured.per_seed
    assert distances.median(np.array([1.0, 2.0, np.inf])) == 2.0 and np.isnan(distances.median(np.full(3, np.inf)))


def test_images_that_a_network_is_wrong_about_count_for_nothing(classifiers, images, labels):
    wrong = (labels + 1) % 10
    some = network(classifiers("linear"), images, np.where(np.arange(32) % 2, labels, wrong))
    found = adversaries.GoalAdversaries(1, attack="goal(steps=5, searches=1)")(some)
    right = classifiers("linear")(found["x"]).numpy().argmax(axis=1) == found["y"]
    assert 0 < right.sum() < len(right) and np.array_equal(np.isnan(found["value"]), ~right)
    smallest = adversaries.Smallest("ddn(steps=5, loss=margin)")(some)["value"]
    assert np.array_equal(np.isnan(smallest), ~some.judge().clean)
    known = np.array([np.nan, 1.0, np.inf, 3.0])
    assert distances.was_found(known).tolist() == [True, False, True] and distances.median(known) == 3.0


def test_adversaries_of_another_network_are_followed_until_they_fool(classifiers, images, labels):
    model, labels = classifiers("linear"), np.where(np.arange(32) < 8, (labels + 1) % 10, labels)
    found = adversaries.GoalAdversaries(1)(network(model, images, labels))
    same = adversaries.Along("linear", "goal")(network(model, images, labels, goal=found))["value"]
    reached = np.isfinite(found["value"])
    assert np.allclose(same[reached], found["value"][reached]) and reached.any()
    assert np.array_equal(np.isnan(same), np.isnan(found["value"])) and np.isnan(same).any()
    paler = keras.Model(model.inputs[0], model.outputs[0] * 0.9)
    farther = adversaries.Along("linear", "goal")(network(paler, images, labels, goal=found))["value"]
    both = np.isfinite(farther) & np.isfinite(same)
    assert (farther[both] >= same[both]).all() and farther[both].mean() > 1.1 * same[both].mean()


def test_a_network_that_draws_is_right_as_often_as_one_draw_is(images, labels):
    x = keras.Input((8, 8, 1))
    drawn = keras.Model(x, LatentSample(0)(keras.layers.Dense(20)(keras.layers.Flatten()(x))))
    noisy, steady = (
        adversaries.answers(network(model, images, labels), images, labels) for model in (drawn, toy("linear"))
    )
    assert steady["value"].dtype == bool and np.array_equal(steady["value"], steady["majority"])
    assert np.array_equal(noisy["majority"], noisy["value"] > 0.5)
    assert ((noisy["value"] > 0) & (noisy["value"] < 1)).any()


def test_adversaries_in_a_ball_are_asked_of_others_whether_they_fool_or_not(classifiers, images, labels):
    made = adversaries.InBall("pgd(steps=5)", "l2:1")(network(classifiers("linear"), images, labels))
    assert (adversaries.lengths(made["x_adv"] - images) > 0.9).all() and len(made["value"]) == len(images)
    on = adversaries.OnAdversaries("linear", "crafted")(network(classifiers("cnn"), images, labels, crafted=made))
    assert len(on["majority"]) == len(images)


def test_who_withstands_all_attackers_is_asked_of_all(labels):
    gradient, transferred = (Sample.of(np.array(each, bool)) for each in ([1, 1, 1, 0], [1, 1, 0, 1]))
    known = universality.withstands_all(gradient, transferred, Sample.of(np.array([False, True])))
    assert known.per_seed[0].tolist() == [False, True, False, False]
    assert not universality.withstands_all(gradient, transferred, Sample({})).per_seed


def test_bars_are_of_the_classifiers_that_were_measured():
    found = MadeUp({"lrl": [0.9], "1l": [0.5], "ae_encoding-lrl": [np.nan], "vae_mean-lrl": [0.2]})
    groups = sketches.by_head(found, "clean")
    assert {title: list(group) for title, group in groups.items()} == {
        "Images": ["1L", "LRL"], "VAE-ENCODING, mean": ["LRL"]
    }  # fmt: skip
    assert groups["Images"]["LRL"][0] == 0.9
    png = sketches.distance_bars(groups, title="", xlabel="")
    longer = sketches.distance_bars(groups | {"Images": {"1L": (3.0, (2.0, 4.0))}}, title="", xlabel="")
    assert png[:4] == longer[:4] == b"\x89PNG" and png != longer


def test_the_smallest_change_of_a_prediction_is_as_far_however_small_the_logits_are(classifiers, images, labels):
    model = classifiers("linear")
    small = keras.Model(model.inputs[0], model.outputs[0] * 0.2)
    far, same = (
        [np.nanmedian(measure(network(each, images, labels))["value"]) for each in (model, small)]
        for measure in (adversaries.GoalAdversaries(1), adversaries.Smallest())
    )
    assert far[1] > 1.2 * far[0] and np.isclose(*same, rtol=1e-3)


def test_adversaries_of_one_network_are_asked_of_another_beside_noise_of_the_same_length(classifiers, images, labels):
    attacked = network(classifiers("linear"), images, labels)
    found = adversaries.GoalAdversaries(1)(attacked)
    sure = np.isfinite(found["value"])
    assert sure.mean() > 0.5 and (found["sure"][sure] > 0.94).all()
    other = network(classifiers("cnn"), images, labels, adversaries=found)
    own = adversaries.OnAdversaries("linear")(network(classifiers("linear"), images, labels, adversaries=found))
    fooled, noise = (adversaries.OnAdversaries("linear", noise=noise)(other)["value"] for noise in (False, True))
    assert len(fooled) == sure.sum() and not own["value"].any() and noise.mean() >= fooled.mean()


def test_the_energy_of_a_perturbation_along_the_lowest_singular_vectors_is_known():
    model = models.build("mlp(hidden=10, init=glorot)", (2, 5, 1), 10)
    kernel = np.diag(np.arange(10.0, 0.0, -1.0)).astype("float32")
    next(layer for layer in model.layers if hasattr(layer, "kernel")).kernel.assign(kernel)
    x, delta = np.zeros((2, 3, 2, 5, 1), "float32")
    x[:, 0, 0], delta[:, 1, 4], delta[:, 0, 1] = 1, 0.3, 0.4  # along the largest; the smallest, and the second
    left = {"value": np.array([np.nan, 0.0, np.inf]), "x": x, "x_adv": x}
    known = {"value": np.ones(3), "x": x, "x_adv": x + delta}
    known = {name: np.concatenate([left[name], known[name]]) for name in known}
    split = types.SimpleNamespace(model=model, other=lambda name, measure: known)
    found = svd_spectrum.Spectrum("2l")(split)
    assert np.allclose(found["value"], 0.09 / 0.25, atol=1e-5) and np.allclose(found["of_x"], 0, atol=1e-6)
    assert np.allclose(found["delta"], np.cumsum([0, 0.64, *[0] * 7, 0.36]), atol=1e-5)


def test_the_distance_to_the_boundary_of_a_linear_network_is_exact(classifiers, images, labels):
    model = classifiers("linear")
    found = overparam.Linear()(network(model, images, labels))
    right = model(images).numpy().argmax(axis=1) == labels
    assert np.array_equal(~np.isnan(found["value"]), right)
    kernel = model.layers[-1].kernel.numpy()
    assert np.allclose(found["matrix"], kernel - kernel.mean(axis=1, keepdims=True), atol=1e-4)
    x_adv = DeepFool(clip=False, overshoot=0.0).minimal(model, images, labels, box=None)
    far = np.linalg.norm((x_adv - images).reshape(len(images), -1), axis=1)
    assert np.allclose(far[right], found["value"][right], rtol=1e-2)


def test_codes_are_moved_without_bounds_and_measured_decoded(images, labels):
    front = autoencoders.encoding(toy("autoencoder"))
    head = trained(models.build("linear", (16,), 10), 10, front(digits()[0]).numpy())
    named = keras.Model(head.inputs[0], head.outputs[0], name=codes.HEAD)
    model = autoencoders.behind(front, toy("autoencoder"), named, "model")
    autoencoder = types.SimpleNamespace(model=toy("autoencoder"))
    found = codes.GoalCodeAdversaries("ae", each=1)(network(model, images, labels, ae=autoencoder))
    assert 0 < np.nanmean(found["value"]) < 2 and 0 < np.nanmean(found["decoded"]) < 2


def test_a_projection_is_decoded_nearer_than_an_encoding(images, labels):
    attacked = network(toy("autoencoder"), images, labels)
    near, far = (codes.Decoded(kind, n=16, steps=200)(attacked)["value"].mean() for kind in ("projection", "encoding"))
    assert near < far


def test_a_matrix_is_stored_as_two_only_where_that_is_smaller():
    model = models.build("mlp(hidden=(128, 128), activation=linear, init=glorot)", (28, 28, 1), 10)
    stored = lambda model: Stored()(types.SimpleNamespace(model=model))["value"]  # noqa: E731
    half = 784 * 64 + 64 * 128 + 128 * 128 + 5 * (128 + 10) + 266
    assert stored(with_low_rank(model, share=0.5)) == pytest.approx(half / (784 * 128 + 128 * 128 + 1280 + 266))
    assert stored(model) == 1


def test_each_network_on_codes_starts_from_its_autoencoder_and_is_shared():
    classifiers, far, fooled = (
        EXPERIMENTS.build(name) for name in ("latent_classifiers", "adv_robustness_180", "adv_accuracy_universality")
    )
    for name in ("lrl", "ae_encoding-lrl", "vae_projection-lrl", "vae_mean-lrl"):
        assert classifiers.digest_of(0, name) == far.digest_of(0, name) == fooled.digest_of(0, name)
    assert far.networks()["vae_mean-lrl"].start == "vae"
    for study in (classifiers, far, fooled):
        on = [name.partition("-")[0] for name in study.networks() if "-" in name]
        # The classifiers of the same codes one after another: their codes are computed once.
        assert len(list(itertools.groupby(on))) == len(set(on))
