"""Every training method: what it must do and what it must leave alone. New methods are enrolled by their name."""

import functools
import re
import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfadv.attacks.pgd import PGD
from tfadv.data.split import Split
from tfadv.errors import TfadvError
from tfadv.models import build
from tfadv.threat import LInf
from tfadv.training import METHODS
from tfadv.training.settings import Settings, class_of

pytestmark = pytest.mark.usefixtures("without_xla")


@pytest.fixture(scope="module")
def split():
    rng = np.random.default_rng(0)
    return Split(rng.uniform(size=(32, 8, 8, 1)).astype("float32"), rng.integers(0, 3, 32).astype("int32"))


def dropout_net():
    layers = keras.layers
    stack = [
        layers.Flatten(),
        layers.Dense(16),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.Dropout(0.3, seed=1),
    ]
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            *stack,
            layers.Dense(3, kernel_initializer=keras.initializers.GlorotUniform(2)),
        ]
    )


def trainer_for(method, model=None, run_eagerly=False, **options):
    model = model or build("mlp(hidden=(16,), init=glorot)", (8, 8, 1), 3, seed=3)
    options = {"attack": PGD(steps=2), "threat": LInf(0.1), "seed": 5, **options}
    trainer = METHODS.build(method, classifier=model, **options)
    trainer.compile(
        keras.optimizers.SGD(0.1),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        run_eagerly=run_eagerly,
    )
    return trainer


def fit(trainer, split, epochs=1):
    data = trainer.prepare(split)
    trainer.begin(batch_size=8, steps=len(data) // 8)
    return trainer.fit(data.x, data.y, batch_size=8, epochs=epochs, shuffle=False, verbose=0)


@pytest.fixture(scope="module")
def fitted(split):
    """A function from a method to its trainer after two epochs, the weights before, the history and the traces."""

    @functools.cache
    def fitted(method):
        trainer, traces = trainer_for(method), []
        before, craft = [w.copy() for w in trainer.classifier.get_weights()], trainer.craft
        trainer.craft = lambda x, y: traces.append(1) or craft(x, y)
        history = fit(trainer, split, epochs=2).history
        return types.SimpleNamespace(trainer=trainer, before=before, history=history, traces=len(traces))

    return fitted


@pytest.mark.parametrize("method", list(METHODS))
def test_weights_move_and_stay_finite(method, fitted):
    before, after = fitted(method).before, fitted(method).trainer.classifier.get_weights()
    assert any(not np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    assert all(np.isfinite(w).all() for w in after)


@pytest.mark.parametrize("method", list(METHODS))
def test_same_seed_same_bits(method, split, fitted):
    again = trainer_for(method)
    fit(again, split, epochs=2)
    runs = (trainer.classifier.get_weights() for trainer in (fitted(method).trainer, again))
    assert all(np.array_equal(a, b) for a, b in zip(*runs, strict=True))


@pytest.mark.parametrize("method", list(METHODS))
def test_crafting_moves_neither_statistics_nor_dropout_seeds(method, split):
    trainer = trainer_for(method, dropout_net())
    state = [np.array(v) for v in trainer.classifier.non_trainable_variables]
    trainer.craft(tf.constant(split.x), tf.constant(split.y))
    after = [np.array(v) for v in trainer.classifier.non_trainable_variables]
    assert all(np.array_equal(a, b) for a, b in zip(state, after, strict=True))


@pytest.mark.parametrize("method", list(METHODS))
def test_one_trace_serves_all_batches(method, fitted):
    # Keras runs the step once symbolically to build the metrics, and traces it once.
    assert fitted(method).traces <= 2


@pytest.mark.parametrize("method", list(METHODS))
def test_validation_reports_clean_and_adversarial_accuracy(method, split, fitted):
    logs = fitted(method).trainer.evaluate(split.x, split.y, verbose=0, return_dict=True)
    assert 0 <= logs["adv_accuracy"] <= logs["accuracy"] <= 1
    assert "adv_accuracy" not in fitted(method).history


@pytest.mark.parametrize("method", [method for method in METHODS if class_of(method).trains_robust])
def test_a_training_that_is_told_to_ramp_begins_near_the_image(method, split):
    trainer = trainer_for(method, run_eagerly=True)
    assert trainer.trains_robust
    x, y = tf.constant(split.x[:8]), tf.constant(split.y[:8])
    trainer.begin(batch_size=8, steps=1, ramp=100)
    assert np.abs(trainer.craft(x, y) - x).max() <= 3 * 0.1 / 100 + 1e-6  # of N-FGSM; the others keep to 1
    if method == "free":
        trainer.train_on_batch(x, y)
        assert np.abs(trainer.delta.numpy()).max() <= 8 * 0.1 / 100


@pytest.mark.parametrize("method", [method for method in METHODS if not class_of(method).trains_robust])
def test_a_training_without_an_eps_that_could_grow_says_so(method):
    for name in (method.replace("_", "-"), f"awp({method})"):
        with pytest.raises(TfadvError, match=re.escape(f"the method {name} does not train within an eps")):
            Settings(dataset="cifar10", method=name, eps_ramp=2)  # before the data are read
        with pytest.raises(TfadvError, match="does not train within an eps that could grow: give no ramp"):
            trainer_for(name).begin(batch_size=8, steps=1, ramp=100)


COSTS = {
    "standard": (1, 1),
    "noise": (1, 1),
    "ibp": (3, 3),
    "deepfool_finetune": (1, 1),
    "adversarial": (4, 3),
    "adversarial(clean=0.5)": (4, 3),
    "mixed": (4, 3),
    "trades": (6, 4),
    "mart": (5, 4),
    "fast": (2, 2),
    "free(replays=3)": (3, 3),
    "awp(trades)": (8, 6),
    "awp(fast)": (3, 3),
    "deep_defense(lam=0)": (1, 1),
    "deep_defense(steps=2)": (10, 11),
}


@pytest.mark.parametrize("method", COSTS)
def test_the_passes_of_a_step_are_known(method):
    """With PGD-2, which takes a last look at where it ends, and with loss=kl one at the clean image."""
    assert trainer_for(method).cost(3) == COSTS[method]


@pytest.mark.parametrize(
    ("method", "backward"), [("trades", 2), ("awp(trades)", 4), ("awp(fast)", 2), ("free(replays=3)", 3)]
)
def test_it_is_known_which_passes_take_the_gradient_of_the_weights(method, backward):
    assert trainer_for(method).learning.backward == backward


@pytest.mark.parametrize("method", list(METHODS))
def test_what_is_saved_is_the_classifier(method, split, fitted, tmp_path):
    trainer = fitted(method).trainer
    trainer.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    assert type(loaded).__module__.startswith("keras.")
    np.testing.assert_array_equal(loaded(split.x), trainer.classifier(split.x))


@pytest.mark.parametrize("method", list(METHODS))
def test_weight_zero_leaves_an_example_out(method, split):
    if method == "deepfool_finetune":
        split = trainer_for(method).prepare(split)
    x, y = split.x[:16], split.y[:16]
    kept = np.arange(16) < 8  # the first: random starts depend on the place in the batch
    full, half = (trainer_for(method, run_eagerly=True) for _ in range(2))
    full.train_on_batch(x, y, sample_weight=np.where(kept, 2.0, 0.0).astype("float32"))
    half.train_on_batch(x[kept], y[kept])
    for a, b in zip(full.classifier.get_weights(), half.classifier.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=2e-6)
