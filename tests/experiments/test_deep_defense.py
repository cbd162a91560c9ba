"""The seed's code: its regularizer has no gradient; the tables carry the document's numbers."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfadv.data import pipeline
from tfadv.data.split import Split
from tfadv.errors import TfadvError
from tfadv.experiments import EXPERIMENTS
from tfadv.experiments.deep_defense import fashion, mnist, tuning
from tfadv.experiments.deep_defense.seed_code import SeedDeepDefense
from tfadv.models import build
from tfadv.study.store import Store
from tfadv.training.objective import Loss
from tfadv.training.standard import Standard


@pytest.fixture(scope="module")
def seed_code():
    """(trainer, crafted images) of the seed's Deep Defense on 40 made-up images."""
    rng = np.random.default_rng(0)
    split = Split(rng.uniform(0, 1, (40, 4, 4, 1)).astype("float32"), rng.integers(0, 3, 40))
    trainer = SeedDeepDefense(build("mlp(hidden=(8,), init=glorot)", (4, 4, 1), 3, seed=1))
    return trainer, trainer.prepare(split), split


def weights_after(trainer, pairs):
    trainer.compile(keras.optimizers.Adam(1e-2), Loss("ce", "sum"))
    trainer.fit(
        pipeline.batches(pairs, 10, epochs=2, shuffle=False), epochs=2, steps_per_epoch=4, shuffle=False, verbose=0
    )
    return [weight.tobytes() for weight in trainer.classifier.get_weights()]


def test_without_the_regularizer_the_network_is_the_same_bit_for_bit(seed_code):
    trainer, crafted, _ = seed_code
    start = trainer.classifier.get_weights()
    twin = keras.models.clone_model(trainer.classifier)
    twin.set_weights(start)
    after = weights_after(trainer, crafted)
    assert after == weights_after(Standard(twin), crafted)
    assert after != [weight.tobytes() for weight in start]


def test_the_regularizer_is_what_the_code_computes(seed_code):
    trainer, crafted, split = seed_code
    trainer.optimizer.iterations.assign(5)  # the second batch of the second epoch of four
    part = slice(10, 20)
    flat = lambda x: x[part].reshape(10, -1)  # noqa: E731
    r = np.linalg.norm(flat(crafted.x) - flat(split.x), axis=1) / np.linalg.norm(flat(crafted.x), axis=1)
    logits = np.eye(3, dtype="float32")[np.arange(10) % 3]
    y = crafted.y[part]
    right = logits.argmax(1) == y
    expected = 15 * (np.exp(-25 * r * right) + np.exp(5 * r * ~right))
    penalty = trainer.penalty(None, tf.constant(y), tf.constant(logits)).numpy()
    np.testing.assert_allclose(penalty, 10 * expected, rtol=1e-5)  # 10: the trainer takes the mean, the code the sum
    assert 0 < right.sum() < 10


def test_each_data_set_has_its_experiment():
    assert isinstance(EXPERIMENTS.build("deep-defense(dataset=mnist)", preset="paper"), mnist.DeepDefenseMnist)
    experiment = EXPERIMENTS.build("deep-defense(form=seed)", dataset="digits", seeds=2)
    assert experiment.scale.dataset == "digits" and experiment.seeds == 2 and "tuned" not in experiment.networks()
    for options in ({"form": "none"}, {"form": "seed", "dataset": "mnist"}, {"preset": "huge"}):
        with pytest.raises(TfadvError, match="expected"):
            EXPERIMENTS.build("deep-defense", **options)


def made_up(experiment, dataset="fashion_mnist", seeds=1):
    """Measurements of 50 images for every network: curves that fall, areas of 0.99."""
    rng = np.random.default_rng(0)
    curve = {"value": rng.uniform(0, 1, (50, 1)) < np.linspace(0.9, 0.2, 50), "at": np.array(fashion.EPS)}
    areas, lengths = np.full(10, 0.99), rng.uniform(0.02, 0.06, 50)
    boundary = {"value": lengths, "areas": areas, "fpr": np.linspace(0, 1, 3), "tpr": np.ones((10, 3))}
    right = {"value": np.arange(50) < 44, "eps": np.array(0.03)}
    of = {
        "clean": right, "rho2": boundary, "transfer": boundary, "fgs": curve, "fgs_clipped": curve, "fgs_half": right,
        "pgd_half": right, "differs": {"value": np.array(0.0)}, "shown": {"value": np.array(1.0)}, "pgd": right,
        "curve": curve,
    }  # fmt: skip
    names = [name for name in experiment.networks() for _ in experiment.taken_of(name)]
    keys = [key for name in experiment.networks() for key in experiment.taken_of(name)]
    stored = {(seed, name, key): of[key] for seed in range(seeds) for name, key in zip(names, keys, strict=True)}
    about = {key: {"dataset": dataset, "class_names": list("abcdefghij")} for key in stored}
    return experiment.found_of(stored, about)


def test_every_published_number_stands_in_a_table():
    experiment = fashion.DeepDefense()
    tables = {
        table.id: [cell for row in table.rows for cell in row] for table in experiment.tables(made_up(experiment))
    }
    for row in fashion.TABLE_34.values():
        assert f"{row['rho2']:.4g}" in tables["table-3.4"]
        assert {f"{100 * value:.1f} %" for key, value in row.items() if key != "rho2"} <= set(tables["table-3.4"])
    for areas in fashion.TABLE_36.values():
        assert {f"{area:.4f}" for area in areas} <= set(tables["table-3.6"])
    assert sum(sum(areas) for areas in fashion.TABLE_36.values()) == pytest.approx(9.1469 + 9.9043 + 9.9012)
    tables = {
        table.id: [cell for row in table.rows for cell in row]
        for table in experiment.tables(made_up(experiment, "digits"))
    }
    assert "published" not in tables["table-3.4"] and "0.8534" not in tables["table-3.6"]


def test_every_claim_is_made_on_the_document_s_data():
    experiment = fashion.DeepDefense()
    claims = {claim.id: claim for claim in experiment.claims(made_up(experiment, seeds=3))}
    assert len(claims) == 13 and all(claim.measured.mean is not None for claim in claims.values())
    assert claims["regularizer"].holds is False and claims["images"].holds is True
    assert claims["rho2-order"].holds is False  # the networks are all the same
    assert claims["auc-tuned"].holds is True and claims["auc-same"].holds is True
    forms = {form: fashion.DeepDefense(form=form) for form in ("seed", "paper")}
    made = {form: {c.id for c in e.claims(made_up(e)) if c.measured.per_seed} for form, e in forms.items()}
    assert made["seed"] | made["paper"] == set(claims) and made["seed"] & made["paper"] == {"images"}
    assert len(made["seed"]) == 8


def test_the_factor_that_moves_rho2_most_is_found():
    experiment = fashion.DeepDefense()
    found = made_up(experiment)
    note = lambda: {claim.id: claim.note for claim in experiment.claims(found)}["regularizer"]  # noqa: E731
    for name, way in fashion.WAYS.items():
        found.stored[0, name, "rho2"] = {"value": np.array(0.05 if way.batch_size == 100 else 0.04)}
    assert "the batch of 100 (fewer updates) (+0.01) moves rho_2 most" in note()
    del found.stored[0, fashion.SAME, "rho2"]
    assert "could tell" in note()


def test_the_steps_of_the_ablation_stay_out_of_the_other_tables_and_figures():
    experiment = fashion.DeepDefense()
    assert experiment.taken_of(fashion.SAME) == ["clean", "rho2", "fgs"]
    found = made_up(experiment)
    rows = {table.id: {row[0] for row in table.rows} for table in experiment.tables(found)}
    assert rows["table-ablation"] == set(fashion.WAYS) and not rows["table-3.4"] & set(fashion.WAYS)
    assert len(rows["table-attacks"]) == len(found.curves("fgs")) == 5


def test_the_tuned_way_is_held_against_the_best_row():
    experiment = tuning.DeepDefenseTuning()
    assert tuning.CHOICE == "lambda 5, c 25, d 5, rate 0.001 falling, 10 epochs" and len(tuning.WAYS) == 13
    found = made_up(experiment)
    better = next(iter(tuning.WAYS))
    found.stored[0, tuning.CHOICE, "rho2"] = {"value": np.full(50, 0.1)}
    assert next(experiment.claims(found)).holds is True
    found.stored[0, better, "rho2"] = {"value": np.full(50, 0.2)}
    assert next(experiment.claims(found)).holds is False
    found.stored[0, better, "clean"] = {"value": np.arange(50) < 20}  # it costs too much accuracy
    assert next(experiment.claims(found)).holds is True


@pytest.mark.real_data
def test_the_vanilla_network_is_the_documents(tmp_path):
    """87.38% and rho_2 3.92e-2 are published."""
    experiment = fashion.DeepDefense(form="paper")
    experiment.run(tmp_path / "out", only=["vanilla"])
    found = experiment.found(Store(tmp_path / "out"))
    assert abs(found["vanilla", "clean"].mean - 0.8738) < 0.015 and abs(found["vanilla", "rho2"].mean - 0.0392) < 0.01
