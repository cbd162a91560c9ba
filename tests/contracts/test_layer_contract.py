"""What holds for every registered layer."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfadv import gradients
from tfadv.evaluation import model_noise
from tfadv.graph.inside import twin
from tfadv.layers import LAYERS
from tfadv.models import classifier

# The options of each that have no default, and what its seed is called.
OPTIONS = {
    "prediction_noise": {"sigma": 0.1},
    "mc_dropout": {"rate": 0.5},
    "parametric_noise": {"by": "channel"},
    "noisy_conv2d": {"filters": 4, "kernel_size": 3, "kernel_initializer": keras.initializers.HeNormal(1)},
    "noisy_dense": {"units": 4, "kernel_initializer": keras.initializers.HeNormal(1)},
    "slwta": {},
    "latent_sample": {},
    "range_projection": {"decoder": keras.Sequential([
        keras.Input((4,)), keras.layers.Dense(72, kernel_initializer=keras.initializers.HeNormal(1)),
        keras.layers.Reshape((6, 6, 2)),
    ]), "steps": 20},
}  # fmt: skip
RANDOM = [name for name in LAYERS if name != "range_projection"]
# How much the mean of many draws is like what is computed without the noise: of strong noise it is not known so well,
# and of competing channels the likelier one always wins.
ALIKE = {"slwta": 0.8, "latent_sample": 0.8}
X = np.random.default_rng(0).uniform(0, 1, (5, 6, 6, 2)).astype("float32")
every_layer = pytest.mark.parametrize("name", LAYERS)
every_random_layer = pytest.mark.parametrize("name", RANDOM)


def made(name, seed=3, **options):
    key = "noise_seed" if "noisy" in name else "seed"
    return LAYERS[name](**OPTIONS[name], **{key: seed}, **options)


def behind(layer):
    """A classifier behind the layer."""
    inputs = keras.Input(X.shape[1:])
    head = keras.layers.Dense(3, kernel_initializer=keras.initializers.HeNormal(2))
    return keras.Model(inputs, head(keras.layers.Flatten()(layer(inputs))))


@every_random_layer
def test_answers_at_random_in_inference_mode_too(name):
    layer = made(name)
    first, second = (layer(X, training=False) if name == "mc_dropout" else layer(X) for _ in range(2))
    assert first.dtype == X.dtype and first.shape == layer.compute_output_shape(X.shape)
    assert not np.array_equal(first, second)
    model = behind(made(name))
    assert not np.array_equal(*(model.predict(X, verbose=0) for _ in range(2)))
    assert model_noise.answers_vary(model, X) and gradients.differentiable(model, X)  # what the judge goes by


@every_random_layer
def test_draws_follow_from_the_seed_which_is_a_variable_of_the_model(name):
    one, again, other = (behind(made(name, seed)) for seed in (3, 3, 4))
    assert np.array_equal(one(X), again(X)) and not np.array_equal(one(X), other(X))
    [state] = [variable for variable in one.variables if "seed" in variable.path]  # a backup keeps it
    state.assign([3, 0])
    assert np.array_equal(one(X), behind(made(name))(X))


@every_layer
def test_reloads_in_safe_mode_and_draws_the_same(name, tmp_path):
    model = behind(made(name))
    model.save(tmp_path / "model.keras")
    loaded = classifier.load(tmp_path)
    before, after = (part.layers[1].get_config() for part in (model, loaded))
    assert before.pop("decoder", {}).keys() == after.pop("decoder", {}).keys() and before == after
    assert np.array_equal(loaded(X), model(X)) and classifier.draws_by_keras(tmp_path)


@every_layer
def test_computes_in_half_precision_and_passes_gradients(name):
    layer, x = made(name, dtype="mixed_bfloat16"), tf.constant(X)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x)
    assert y.dtype == "bfloat16" and np.isfinite(tf.cast(y, tf.float32)).all()
    assert all(part is not None and np.any(part) for part in tape.gradient(y, [x, *layer.trainable_variables]))


@every_random_layer
def test_the_twin_that_attacks_follow_is_without_the_noise(name):
    model = behind(made(name))
    quiet = twin(model)
    assert np.array_equal(quiet(X), quiet(X)) and np.isfinite(quiet(X)).all()
    mean = np.mean([model(X) for _ in range(100)], axis=0)
    alike = np.corrcoef(mean.ravel(), np.ravel(quiet(X)))[0, 1]
    assert alike > ALIKE.get(name, 0.98)
