"""Adversarial weight perturbation against its formula, around methods with and without BatchNorm and Dropout."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfadv import LInf, losses
from tfadv.attacks.pgd import PGD
from tfadv.errors import TfadvError
from tfadv.layers import ParametricNoise
from tfadv.models import build
from tfadv.training import METHODS
from tfadv.training.awp import AWP
from tfadv.training.objective import Accuracy, Loss
from toy_models import normal

pytestmark = pytest.mark.usefixtures("without_xla")

GAMMA, RATE = 0.3, 0.5
RNG = np.random.default_rng(0)
X, Y = RNG.uniform(0.2, 0.8, (12, 4, 4, 1)).astype("float32"), RNG.integers(0, 3, 12).astype("int32")


def mlp():
    return build("mlp(hidden=(8,), init=glorot)", (4, 4, 1), 3, 1)


def normalized():
    layers = keras.layers
    stack = [layers.Flatten(), layers.BatchNormalization(momentum=0.5), layers.Dropout(0.5, seed=3)]
    return keras.Sequential([keras.Input((4, 4, 1)), *stack, layers.Dense(3, kernel_initializer=normal(2))])


def half():
    """A network of the policy that is set; the logits are float32."""
    layers = keras.layers
    stack = [layers.Flatten(), layers.Dense(8, kernel_initializer=normal(1)), layers.BatchNormalization()]
    return keras.Sequential(
        [keras.Input((4, 4, 1)), *stack, layers.Dense(3, kernel_initializer=normal(2), dtype="float32")]
    )


@pytest.fixture
def policy():
    """A function that sets Keras' precision for this test."""
    yield keras.config.set_dtype_policy
    keras.config.set_dtype_policy("float32")


def awp(method="adversarial", network=mlp, optimizer=None, **options):
    options = {"gamma": GAMMA, "attack": PGD(steps=2), "threat": LInf(0.1), **options}
    trainer = AWP(network(), method=method, **options)
    trainer.compile(optimizer or keras.optimizers.SGD(RATE), Loss(), metrics=[Accuracy()], run_eagerly=True)
    return trainer


def expected_step(trainer, beta=None, decay=0.0):
    """The weights after a step by hand: the gradient at w + v, applied at w; v without weight decay."""
    model = trainer.classifier
    x_adv = trainer.craft(tf.constant(X), tf.constant(Y))

    def slopes(decay=0.0):
        with tf.GradientTape() as tape:
            if beta is None:
                each = losses.cross_entropy(Y, model(x_adv))
            else:
                clean = model(X)
                each = losses.cross_entropy(Y, clean) + beta * losses.kl(clean, model(x_adv))
            value = tf.reduce_mean(each) + decay / 2 * sum(tf.reduce_sum(w**2) for w in model.trainable_variables)
        return float(value), [np.asarray(g) for g in tape.gradient(value, model.trainable_variables)]

    before, (_, g) = model.get_weights(), slopes()
    v = [GAMMA * np.linalg.norm(w) / np.linalg.norm(s) * s if w.ndim > 1 else 0 for w, s in zip(before, g, strict=True)]
    model.set_weights([w + s for w, s in zip(before, v, strict=True)])
    loss, g = slopes(decay)
    model.set_weights(before)
    return loss, [w - RATE * s for w, s in zip(before, g, strict=True)], before


@pytest.mark.parametrize(
    ("method", "beta", "decay"), [("adversarial", None, 0.0), ("adversarial", None, 0.5), ("trades(beta=4)", 4, 0.0)]
)
def test_the_step_is_that_of_the_formula(method, beta, decay):
    trainer = awp(method)
    trainer.weight_decay = decay
    loss, weights, before = expected_step(trainer, beta, decay)
    assert trainer.train_on_batch(X, Y)[0] == pytest.approx(loss, rel=1e-5)
    for found, wanted, old in zip(trainer.classifier.get_weights(), weights, before, strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-5)
        assert np.abs(wanted - old).max() > 1e-3


def test_running_statistics_and_dropout_take_one_step_and_the_weights_none_at_rate_zero():
    trainer, plain = awp("standard", normalized, keras.optimizers.SGD(0.0)), normalized()
    before = trainer.classifier.get_weights()
    trainer.train_on_batch(X, Y)
    plain(X, training=True)
    after, once = trainer.classifier.get_weights(), plain.get_weights()
    for found, wanted in zip(after, once, strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-6)
    assert np.abs(after[2] - before[2]).max() > 0.01  # the running mean
    seeds = [model.non_trainable_variables[-1].numpy() for model in (trainer.classifier, plain)]
    assert np.array_equal(*seeds)


def test_factors_of_noise_do_not_move():
    layers = keras.layers
    stack = [ParametricNoise(by="element", seed=1), layers.Flatten(), layers.Dense(3, kernel_initializer=normal(2))]
    trainer = awp("standard", lambda: keras.Sequential([keras.Input((4, 4, 1)), *stack]))
    assert [weight.name for weight in trainer._movable()] == ["kernel"]
    assert [len(weight.shape) > 1 for weight in trainer.trainable_variables] == [True, True, False]


def test_gradients_that_float16_has_no_number_for_move_nothing(policy):
    policy("mixed_float16")
    optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(RATE), initial_scale=1e9)
    trainer = awp("standard", half, optimizer)
    before = [np.array(weight) for weight in trainer.trainable_variables]
    logs = trainer.train_on_batch(X, Y, return_dict=True)
    assert np.isfinite(logs["loss"]) and all(np.isfinite(w).all() for w in trainer.classifier.get_weights())
    for weight, old in zip(trainer.trainable_variables, before, strict=True):
        assert np.array_equal(weight, old)  # the optimizer leaves the step out


def test_in_float16_too_the_weights_are_perturbed_in_float32(policy):
    """At a decay of 1 / rate what is left of w is -v, and the rounding of w if there is any."""
    found = []
    for name in ("float32", "mixed_float16"):
        policy(name)
        optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.01), initial_scale=8.0)
        trainer = awp("standard", half, optimizer, gamma=1e-3)
        trainer.weight_decay = 100.0
        trainer.train_on_batch(X, Y)
        found.append(trainer.classifier.get_weights()[0])
    np.testing.assert_allclose(*found, atol=2e-5)
    assert np.abs(found[0]).max() > 1e-4


def test_it_warms_up_without_perturbation():
    trainer, plain = awp(warm_up=1), METHODS.get("adversarial")(mlp(), attack=PGD(steps=2), threat=LInf(0.1))
    plain.compile(keras.optimizers.SGD(RATE), Loss(), run_eagerly=True)
    with pytest.raises(TfadvError, match="awp: warm_up: expected a call of begin"):
        trainer.train_on_batch(X, Y)
    trainer.begin(batch_size=12, steps=2)
    for step in range(3):
        for one in (trainer, plain):
            one.train_on_batch(X, Y)
        pairs = zip(trainer.classifier.get_weights(), plain.classifier.get_weights(), strict=True)
        apart = max(np.abs(a - b).max() for a, b in pairs)
        assert apart < 1e-6 if step < 2 else apart > 1e-3


def test_what_the_method_within_says_counts():
    trainer = awp("fast(variant=n_fgsm)", attack=None)
    assert trainer.validation_adversaries() == ()
    first = trainer.within.noise_seed().numpy()
    trainer.optimizer.iterations.assign_add(1)
    assert not np.array_equal(trainer.within.noise_seed(), first)
    trainer = METHODS.build(
        "awp(mixed(by=batch))", classifier=mlp(), attack=PGD(steps=2), threat=(LInf(0.1), LInf(0.2))
    )
    assert len(trainer.validation_adversaries()) == 2
    assert len({id(v) for v in trainer.variables}) == len(trainer.variables)
    assert sum(metric.name == "adv_accuracy" for metric in trainer.metrics) == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"gamma": 0}, "awp: gamma: expected a number above 0"),
        ({"warm_up": -1}, "awp: warm_up: expected a whole number of epochs"),
        ({"method": "free"}, "awp: method: expected one that takes one step a batch, received free"),
        ({"method": "ibp"}, "awp: method: expected one that is validated by attacks, received ibp"),
        ({"method": "awp"}, "awp: method: expected one that takes one step a batch, received awp"),
        ({"method": "trades(beta=-1)"}, "trades: beta"),
        ({"method": "tradez"}, "did you mean 'trades'"),
        ({"attack": None}, "awp: adversarial needs an attack .* awp[(]fast[)] needs no attack"),
    ],
)
def test_refusals(options, said):
    with pytest.raises(TfadvError, match=said):
        awp(**options)
