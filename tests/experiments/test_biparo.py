"""Studies of Bigaud, Papereux, Rolland 2021 and of the lecture on made-up measurements; their own measures."""

import dataclasses
import importlib
import types

import keras
import numpy as np
import pytest
from made_up import claims_of, made_up

from tfadv.data.split import Dataset, Split
from tfadv.experiments import EXPERIMENTS
from tfadv.experiments.biparo import cells, entropy, forensics, robust_overfitting
from tfadv.experiments.biparo.networks import networks
from tfadv.study import Sample
from tfadv.study.bench import TrainedNetwork

BIPARO = [name for name, place in EXPERIMENTS.places.items() if ".biparo." in place]
PRINTED = [
    name for name in BIPARO if hasattr(importlib.import_module(EXPERIMENTS.places[name].split(":")[0]), "PUBLISHED")
]


@pytest.mark.parametrize("name", PRINTED)
@pytest.mark.parametrize("preset", ["laptop", "paper"])
def test_every_published_number_stands_in_a_table(name, preset):
    module = importlib.import_module(EXPERIMENTS.places[name].split(":")[0])
    experiment = EXPERIMENTS.build(name, preset=preset)
    cells = {cell for table in experiment.tables(made_up(experiment)) for row in table.rows for cell in row}
    for row in module.PUBLISHED.values():
        assert {f"{100 * value:.1f} %" for value in row.values()} <= cells


def test_every_section_of_the_document_and_of_the_lecture_has_its_study():
    sections = {section for name in EXPERIMENTS for section in EXPERIMENTS.build(name).ids}
    document = """
        basicnet-at epsilon-sweep mat-rand mat-max robust-overfitting capacity wide-vs-deep-cka noise-injection pni
        noisynet-curves mix95 wider-resnet schedule-wu slwta bayes-net nas-robust attack-forensic robust-vs-acc-18
    """
    lecture = """
        robustness-accuracy-tradeoff adversarial-training-danskin madry-mnist-capacity advtrain-as-augmentation
    """
    assert {*document.split(), *lecture.split()} <= sections


def test_networks_of_the_same_recipe_are_the_same_network():
    at, sweep, mat = (EXPERIMENTS.build(name) for name in ("basicnet_at", "epsilon_sweep", "mat"))
    assert at.digest_of(0, "linf") == sweep.digest_of(0, "eps-0.03") == mat.digest_of(0, "linf")
    assert at.digest_of(0, "standard") == sweep.digest_of(0, "standard")
    assert len({mat.digest_of(0, name) for name in mat.networks()}) == len(mat.networks())


@pytest.mark.parametrize(("preset", "name"), [("laptop", "w12"), ("paper", "resnet18")])
def test_the_resnet_of_table_4_is_that_of_table_3(preset, name):
    noise, capacity = (EXPERIMENTS.build(study, preset=preset) for study in ("noise_injection", "capacity"))
    assert noise.digest_of(0, "wide") == capacity.digest_of(0, name)


def test_the_document_s_step_is_two_and_a_half_eps_over_the_steps():
    from tfadv import attacks
    from tfadv.threat import parse

    network = networks("paper", "linf")["linf"]
    assert parse(network.threat).step_size(attacks.get(network.attack).steps) == pytest.approx(0.0075)


def test_the_best_eps_is_looked_for_among_all():
    claims = claims_of(EXPERIMENTS.build("epsilon_sweep"), **{"eps-0.06": 0.9, "eps-0.03": 0.2})
    assert (
        claims["best-eps"].holds is False and "0.06" in claims["best-eps"].says and claims["over-under"].holds is True
    )
    assert claims_of(EXPERIMENTS.build("epsilon_sweep"), **{"eps-0.03": 1.0})["best-eps"].holds is True


@pytest.mark.parametrize(
    ("name", "claim", "measure"),
    [("epsilon_sweep", "best-eps", "pgd"), ("robustness_accuracy_tradeoff", "clean", "clean")],
)
def test_the_best_is_chosen_on_other_images_than_it_is_measured_on(name, claim, measure):
    experiment = EXPERIMENTS.build(name)
    found = made_up(experiment, share=0.0)
    lucky = next(key for key in found.networks if key.startswith("eps") and key != "eps-0.03")
    found.stored[0, lucky, measure]["value"] = np.arange(100) % 2 == 0
    measured = {claim.id: claim for claim in experiment.claims(found)}[claim].measured
    assert measured.mean == 0 and len(measured.per_seed[0]) == 50


def test_all_basicnets_begin_with_the_same_weights():
    assert {network.start for network in networks("laptop", "standard", "noise", "linf").values()} == {None, "warm"}
    assert networks("laptop", "standard")["standard"].start == "warm"


def test_watched_training_is_validated_at_another_eps():
    from tfadv import attacks
    from tfadv.threat import parse
    from tfadv.training import METHODS

    sweep = EXPERIMENTS.build("epsilon_sweep")
    network = sweep.networks()["watched-0.06"]
    model = cells.cell_net((8, 8, 1), 3, edges="100000", width=2)
    options = {"classifier": model, "attack": attacks.get(network.attack), "threat": parse(network.threat)}
    trainer = METHODS.build(network.method, **options)
    [(attack, threat)] = trainer.validation_adversaries()
    assert (str(threat), attack.steps, str(trainer.threat)) == ("linf:0.03", 10, "linf:0.06")
    found = made_up(sweep)
    assert "held_out" not in sweep.taken_of("eps-0.03") and sweep.taken_of("watched-0.03") == ["held_out"]
    assert next(iter(sweep.figures(found))).id == "figure-1-epochs"


def test_published_differences_are_those_of_the_document_s_table():
    claims = claims_of(EXPERIMENTS.build("capacity", preset="paper"))
    assert claims["resnet18-vgg11-clean"].published == "+4.78 points"
    assert claims["resnet18-resnet20-clean"].published == "+9.93 points"
    assert claims["resnet18-vgg11-union"].published == "+0.04 points under l_inf PGD"
    assert claims["width-union"].says.startswith("At depth 8 accuracy under both PGD attacks rises")
    noise = claims_of(EXPERIMENTS.build("noise_injection"))
    assert noise["wide-clean"].published == "-1.81 points" and noise["wide-adaptive"].published.startswith("+0.52")
    assert claims_of(EXPERIMENTS.build("pni"))["clean"].published.startswith("-5.39 points")
    assert claims_of(EXPERIMENTS.build("basicnet_at"))["steps"].published == "-0.50 points"


def test_the_strength_of_the_noise_is_compared_layer_by_layer():
    claims = claims_of(EXPERIMENTS.build("pni"))
    assert claims["alpha"].over == claims["alpha-natural"].over == "layers"


def test_the_strength_of_the_noise_is_of_the_first_half_of_the_layers():
    import keras

    from tfadv.experiments.biparo.parametric import NoiseStrength
    from tfadv.layers import ParametricNoise

    model = keras.Sequential([keras.Input((2,)), *(ParametricNoise(alpha=alpha) for alpha in (0.1, -0.2, 0.3, 0.4))])
    arrays = NoiseStrength()(types.SimpleNamespace(model=model))
    assert arrays["layers"] == pytest.approx([0.1, 0.2, 0.3, 0.4]) and arrays["value"] == pytest.approx([0.1, 0.2])


def test_the_area_of_pairs_is_that_of_the_roc_curve_and_has_its_spread():
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(0)
    clean = rng.normal(size=200)
    attacked = 0.7 * clean + rng.normal(0.5, 1, 200)  # an image and its twin hang together
    area = lambda at: roc_auc_score(np.repeat([0, 1], len(at)), np.concatenate([clean[at], attacked[at]]))  # noqa: E731
    of = entropy.areas(clean, attacked)
    assert of.mean() == pytest.approx(area(np.arange(200)))
    drawn = [area(rng.integers(0, 200, 200)) for _ in range(300)]
    assert of.std() / 200**0.5 == pytest.approx(np.std(drawn), rel=0.15)
    assert np.isnan(entropy.areas(clean[:0], attacked[:0])).all()


@pytest.mark.parametrize("knows", [False, True])
def test_who_knows_of_the_entropy_attacks_what_it_rejects(classifiers, images, labels, knows):
    split = Split(images, labels)
    network = TrainedNetwork(classifiers("mlp"), Dataset("d", split, split, tuple("0123456789"), ""), 0, [], None)
    arrays = entropy.EntropyDetector("fgsm", "linf:0.2", knows, n=len(images) // 2)(network)
    right = network.judge("linf:0.2").clean[: len(images) // 2]
    assert arrays["withstood"].shape == right.shape and not (arrays["withstood"] & ~right).any()
    assert 0 <= arrays["value"].mean() <= 1 and len(arrays["value"]) <= right.sum()


def test_it_rejects_where_the_entropy_is_above_the_threshold(classifiers, images, labels):
    from tfadv.evaluation import metrics
    from tfadv.evaluation.judge import Judge

    of = entropy.entropies(Judge(classifiers("mlp"), images, labels, None), images)
    guarded = entropy.rejecting(classifiers("mlp"), np.median(of))
    assert of.min() >= 0 and of.max() <= np.log(10)
    assert np.array_equal(metrics.predictions(guarded, images) == 10, of > np.median(of))
    # Of a network that answers at random, answer and entropy are of one mean of all draws.
    x = keras.Input((2, 1, 1))
    random = keras.Model(x, keras.layers.Flatten()(keras.layers.GaussianNoise(0.3, seed=0)(x, training=True)))
    z = entropy.rejecting(random, 0.0, draws=1000)(np.zeros((3, 2, 1, 1), np.float32)).numpy()
    assert z[:, 0] == pytest.approx(np.log([0.5] * 3), abs=0.03)
    assert z[:, 2] - z[:, :2].max(axis=1) == pytest.approx([entropy.STEEP * np.log(2)] * 3, abs=0.05)


def test_networks_that_are_compared_learn_from_as_many_images():
    final = EXPERIMENTS.build("final_model")
    trained = {name: network for name, network in final.networks().items() if not network.of}
    assert {network.settings(final.scale)["validation"] for network in trained.values()} == {0.1}


@pytest.mark.parametrize(("epoch", "holds"), [(39, False), (40, False), (41, True), (56, True), (57, False)])
def test_the_turn_comes_after_the_drop_and_one_seed_does_not_tell(epoch, holds):
    overfit = EXPERIMENTS.build("robust_overfitting", seeds=2)
    found = made_up(overfit)
    turn = lambda: {claim.id: claim for claim in overfit.claims(found)}["turn"]  # noqa: E731
    for seed, expected in ((0, None), (1, holds)):
        found.seeds = range(seed + 1)
        for metric in ("val_adv_accuracy", "accuracy"):
            found.stored[seed, "basicnet", metric] = {"value": np.eye(80)[epoch - 1], "at": np.arange(80)}
        assert turn().measured.mean == epoch and turn().holds is expected


def test_a_rise_of_counts_has_the_widest_interval_of_all_pairings():
    def interval(difference):
        return Sample.of(difference).interval

    rng = np.random.default_rng(0)
    of = robust_overfitting.risen(0.3, 0.5, 200)
    assert of.mean() == pytest.approx(0.2) and interval(of)[0] > 0
    for _ in range(20):
        first, last = (rng.permutation(np.arange(200) < right) for right in (60, 100))
        other = interval(last.astype(np.int8) - first.astype(np.int8))
        assert interval(of)[0] <= other[0] and other[1] <= interval(of)[1]
    # Nearly all right before and after: hardly any can change.
    assert abs(robust_overfitting.risen(0.95, 0.99, 100)).sum() == 6


def test_residuals_of_a_kernel():
    x = np.random.default_rng(0).random((2, 4, 5, 3))
    assert np.allclose(forensics.filtered(x, np.array([[-1, 1]])), x[:, :, 1:] - x[:, :, :-1])
    shares = forensics.histograms(np.array([[-1e9, 0.0, 0.1, 1e9]]))
    assert shares.shape == (1, forensics.BINS) and shares[0, [0, forensics.BINS // 2, -1]].tolist() == [0.25, 0.5, 0.25]


def test_f1_of_origins_has_the_spread_of_whole_images():
    from sklearn.metrics import f1_score

    rng = np.random.default_rng(0)
    # What one image is named hangs together: it is always right, or wrong in the same way.
    named = np.where(rng.random((300, 1)) < 0.6, np.arange(3), rng.integers(0, 3, (300, 1)))
    truth = np.tile(np.arange(3), 300)
    of = forensics.f1(named)
    assert of.mean(axis=0) == pytest.approx(f1_score(truth, named.ravel(), average=None))
    drawn = [forensics.f1(named[rng.integers(0, 300, 300)]).mean() for _ in range(300)]
    assert of.mean(axis=1).std() / 300**0.5 == pytest.approx(np.std(drawn), rel=0.15)


def test_answers_about_one_image_count_as_one():
    experiment = EXPERIMENTS.build("attack_forensic")
    found = made_up(experiment)
    assert len(found["linf", "f1-stored"].per_seed[0]) == 100
    for right, key in ((1.0, "exact"), (0.5, "stored")):
        found.stored[0, "linf", key]["value"] = np.where(np.arange(100) % 2, 1.0, right)
    claims = {claim.id: claim for claim in experiment.claims(found)}
    assert str(claims["bits-linf"].measured).startswith("+25.0 [+20.") and claims["f1-linf"].measured.interval
    [*_, by_origin] = experiment.tables(found)
    assert len(by_origin.rows) == 6 and all("[" in cell for row in by_origin.rows for cell in row[1:])


def test_who_trains_longer_is_told_apart(tmp_path):
    overfit = EXPERIMENTS.build("robust_overfitting")
    assert overfit.networks()["basicnet"].settings(overfit.scale)["validation"] == 0.2
    found = made_up(overfit)
    falls = {"value": np.array([0.2, 0.5, 0.4]), "at": np.arange(3)}
    found.stored[0, "basicnet", "val_adv_accuracy"] = falls
    found.stored[0, "basicnet", "accuracy"] = {"value": np.array([0.1, 0.2, 0.8]), "at": np.arange(3)}
    assert found["basicnet", "kept"].mean == 2 and found["basicnet", "gap_held_out"].mean == pytest.approx(0.1)
    assert found["basicnet", "rise"].mean == pytest.approx(0.6) and len(found["basicnet", "rise"].per_seed[0]) == 2000
    assert dataclasses.asdict(overfit)["preset"] == "laptop" and len(list(overfit.figures(found))) == 2
