"""Adversarial training against its definition, Deep Defense against finite differences, options by their effect."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfadv import attacks, gradients
from tfadv.attacks.bpda import BPDA
from tfadv.attacks.deepfool import DeepFool
from tfadv.attacks.pgd import PGD
from tfadv.errors import TfadvError
from tfadv.models import build
from tfadv.threat import LInf
from tfadv.training.adversarial import Adversarial
from tfadv.training.deep_defense import OVERSHOOT, DeepDefense, perturbation
from tfadv.training.objective import Accuracy, Loss
from tfadv.training.trainer import Trainer
from trap_models import Quantize

pytestmark = pytest.mark.usefixtures("without_xla")

CROSS_ENTROPY = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


@pytest.fixture
def batch():
    rng = np.random.default_rng(1)
    return rng.uniform(0.2, 0.8, (24, 6, 6, 1)).astype("float32"), rng.integers(0, 4, 24).astype("int32")


def net(seed=0):
    return build("mlp(hidden=(12,), init=glorot)", (6, 6, 1), 4, seed)


def test_adversarial_step_is_a_step_on_the_crafted_images(batch):
    x, y = batch
    trained, by_hand = net(), net()
    attack = PGD(steps=3, random_start=False)
    trainer = Adversarial(trained, attack=attack, threat=LInf(0.1))
    trainer.compile(keras.optimizers.SGD(0.5), CROSS_ENTROPY, run_eagerly=True)
    trainer.train_on_batch(x, y)
    x_adv = attack(by_hand, x, y, threat=LInf(0.1))
    by_hand.compile(keras.optimizers.SGD(0.5), CROSS_ENTROPY, run_eagerly=True)
    by_hand.train_on_batch(x_adv, y)
    for a, b in zip(trained.get_weights(), by_hand.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_random_starts_differ_from_step_to_step(batch):
    x, y = map(tf.constant, batch)
    trainer = Adversarial(net(), attack=PGD(steps=1, step_size=1e-6, keep_best=False), threat=LInf(0.1))
    trainer.compile(keras.optimizers.SGD(0.0), CROSS_ENTROPY)
    first = trainer.craft(x, y).numpy()
    trainer.optimizer.iterations.assign_add(1)
    assert np.abs(trainer.craft(x, y).numpy() - first).max() > 0.01


def test_an_attack_sees_a_model_in_training_as_it_would_see_it_later(batch):
    """Behind a step function plain PGD stays where it starts; BPDA lends it the gradient."""
    x, y = batch
    network = keras.Sequential([keras.Input((6, 6, 1)), Quantize(name="steps"), net()])
    for attack in (PGD(steps=2, random_start=False), BPDA(attack="pgd(steps=2, random_start=False)", layers="steps")):
        trainer = Adversarial(network, attack=attack, threat=LInf(0.1))
        trainer.compile(keras.optimizers.SGD(0.0), CROSS_ENTROPY)
        crafted = trainer.craft(tf.constant(x), tf.constant(y)).numpy()
        np.testing.assert_array_equal(crafted, attack(network, x, y, threat=LInf(0.1)))
        assert np.array_equal(crafted, x) == isinstance(attack, PGD)


def test_adversarial_training_without_threat_is_refused():
    with pytest.raises(TfadvError, match="needs an attack and a threat model"):
        Adversarial(net(), attack=PGD())


def test_deep_defense_perturbation_is_deepfools(batch):
    x, y = batch
    model = net()
    right = model.predict(x, verbose=0).argmax(1).astype("int32")
    found, correct = perturbation(gradients.logits_of(model), tf.constant(x), tf.constant(right), 5)
    assert correct.numpy().all()
    expected = DeepFool(variant="deepdefense").minimal(model, x, right) - x
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_deep_defense_moves_wrong_examples_to_their_label(batch):
    x, _ = batch
    model = net()
    wrong = (model.predict(x, verbose=0).argmax(1).astype("int32") + 1) % 4
    moved, correct = perturbation(gradients.logits_of(model), tf.constant(x), tf.constant(wrong), 8)
    assert not correct.numpy().any()
    moved = x + moved
    assert (model.predict(moved, verbose=0).argmax(1) == wrong).mean() > 0.9


def test_deep_defense_distance_of_a_linear_model_is_exact(batch):
    x, _ = batch
    model = build("linear", (6, 6, 1), 4, seed=1)
    w, b = model.get_weights()
    z = x.reshape(24, -1) @ w + b
    y = z.argmax(1).astype("int32")
    gaps = (z[np.arange(24), y][:, None] - z) / np.maximum(
        np.linalg.norm(w[:, y].T[:, :, None] - w[None], axis=1), 1e-9
    )
    gaps[np.arange(24), y] = np.inf
    found = perturbation(gradients.logits_of(model), tf.constant(x), tf.constant(y), 5)[0].numpy()
    np.testing.assert_allclose(np.linalg.norm(found.reshape(24, -1), axis=1), OVERSHOOT * gaps.min(1), rtol=1e-4)


def test_deep_defense_gradient_against_finite_differences(batch):
    x, _ = map(tf.constant, batch)
    model = net()
    y = tf.argmax(model(x), -1, output_type=tf.int32)
    trainer = DeepDefense(model, lam=3.0, c=5.0, d=2.0, steps=3)

    def loss():
        return tf.reduce_sum(trainer.penalty({"x": x}, y, model(x)))

    weights = model.trainable_variables
    with tf.GradientTape() as tape:
        value = loss()
    slopes = tape.gradient(value, weights)
    assert all(slope is not None for slope in slopes[:3])
    direction = [np.sign(np.asarray(slope)) if slope is not None else 0 for slope in slopes]
    expected = sum(float(np.abs(np.asarray(s)).sum()) for s in slopes if s is not None)
    step, values = 1e-5, []
    for side in (1, -1):
        for w, d in zip(weights, direction, strict=True):
            w.assign_add(side * step * d)
        values.append(float(loss()))
        for w, d in zip(weights, direction, strict=True):
            w.assign_add(-side * step * d)
    assert (values[0] - values[1]) / (2 * step) == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("option", [{"lam": 1.0}, {"c": 2.0}, {"d": 40.0}, {"steps": 1}])
def test_every_option_of_deep_defense_has_an_effect(batch, option):
    x, y = map(tf.constant, batch)
    model = net()
    plain = DeepDefense(model).penalty({"x": x}, y, model(x))
    changed = DeepDefense(model, **option).penalty({"x": x}, y, model(x))
    assert np.abs(plain - changed).max() > 1e-3


def test_deep_defense_without_weight_is_standard_training(batch):
    x, y = batch
    assert DeepDefense(net(), lam=0).penalty({"x": x}, y, None) is None


@pytest.mark.parametrize("option", [{"lam": -1}, {"c": "x"}, {"d": -0.1}, {"steps": 0}])
def test_deep_defense_refuses_bad_options(option):
    with pytest.raises(TfadvError, match="expected a number of at least"):
        DeepDefense(net(), **option)


def test_deep_defense_rewards_distance_where_right_and_nearness_where_wrong(batch):
    x, y = map(tf.constant, batch)
    model = net()
    right = np.asarray(model(x)).argmax(1) == y.numpy()
    assert 0 < right.sum() < len(right)
    moved, _ = perturbation(gradients.logits_of(model), x, y, 5)
    rho = np.linalg.norm(np.reshape(moved, (24, -1)), axis=1) / np.linalg.norm(np.reshape(x, (24, -1)), axis=1)
    expected = 3.0 * np.where(right, np.exp(-7.0 * rho), np.exp(2.0 * rho))
    found = DeepDefense(model, lam=3.0, c=7.0, d=2.0).penalty({"x": x}, y, model(x))
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_deep_defense_judges_in_inference_mode(batch):
    """With Dropout, the logits of training say something else about who is right."""
    x, y = map(tf.constant, batch)
    model = net()
    trainer = DeepDefense(model)
    np.testing.assert_array_equal(trainer.penalty({"x": x}, y, -model(x)), trainer.penalty({"x": x}, y, model(x)))


@pytest.mark.parametrize("make", [DeepDefense, lambda net: Adversarial(net, attack=PGD(steps=1), threat=LInf(0.1))])
def test_soft_labels_that_are_certain_train_as_integers_do(batch, make):
    x, y = batch
    hard, soft = make(net()), make(net())

    def trained(trainer, labels):
        trainer.compile(keras.optimizers.SGD(0.1), Loss(), metrics=[Accuracy()], run_eagerly=True)
        history = trainer.fit(x, labels, verbose=0, shuffle=False, validation_data=(x, labels)).history
        return {name: values[0] for name, values in history.items()}

    assert trained(soft, np.eye(4, dtype="float32")[y]) == pytest.approx(trained(hard, y), rel=1e-5)
    for one, other in zip(hard.get_weights(), soft.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_a_soft_label_pulls_towards_both_of_its_classes(batch):
    x, y = batch
    labels = np.zeros((24, 4), "float32")
    labels[:, 1], labels[:, 2] = 0.7, 0.3
    trainer = Trainer(net())
    trainer.compile(keras.optimizers.SGD(0.5), Loss(), metrics=[Accuracy()])
    repeated = (np.tile(part, (200, *[1] * (part.ndim - 1))) for part in (x, labels))
    trainer.fit(*repeated, verbose=0, batch_size=24, shuffle=False)
    np.testing.assert_allclose(np.mean(tf.nn.softmax(trainer.classifier(x)), axis=0), [0, 0.7, 0.3, 0], atol=0.05)


def test_a_method_sees_both_images_and_says_what_it_learns_from(batch):
    class Darker(Trainer):
        def craft(self, x, y):
            return x / 2

        def learns_from(self, batch):
            return batch["x"]

        def penalty(self, batch, y, logits):
            assert sorted(batch) == ["x", "x_adv"] and y.dtype == tf.int32
            return tf.reduce_sum(batch["x"] - batch["x_adv"], axis=[1, 2, 3])

    x, y = batch
    trainer = Darker(net())
    trainer.compile(keras.optimizers.SGD(0.0), Loss(), run_eagerly=True)
    expected = float(Loss()(y, trainer.classifier(x))) + x.sum() / 2 / 24
    assert trainer.train_on_batch(x, y) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("dtype", ["int64", "uint8"])
def test_labels_of_any_integer_type_train(batch, dtype):
    x, y = batch
    for trainer in (DeepDefense(net()), Adversarial(net(), attack=PGD(steps=1), threat=LInf(0.1))):
        trainer.compile(keras.optimizers.SGD(0.1), CROSS_ENTROPY, run_eagerly=True)
        trainer.fit(x, y.astype(dtype), verbose=0)
        trainer.fit(x, y.astype(dtype)[:, None], verbose=0)


def test_validation_adds_no_penalty_and_attacks_alike_in_every_epoch(batch):
    x, y = batch
    attack = PGD(steps=1, step_size=1e-6, keep_best=False)
    trainer = DeepDefense(net(), validation_attack=attack, threat=LInf(0.5))
    trainer.compile(keras.optimizers.SGD(0.0), CROSS_ENTROPY, run_eagerly=True)
    logs = trainer.evaluate(x, y, verbose=0, return_dict=True)
    assert logs["loss"] == pytest.approx(float(CROSS_ENTROPY(y, trainer.classifier(x))), rel=1e-5)
    trainer.optimizer.iterations.assign_add(7)
    assert trainer.evaluate(x, y, verbose=0, return_dict=True) == logs


def test_a_quick_verdict_validates(batch):
    x, y = batch
    quick = attacks.get("quick(steps=1, target_classes=1, queries=2)")
    trainer = Trainer(net(), validation_attack=quick, threat=LInf(0.5))
    trainer.compile(keras.optimizers.SGD(0.0), CROSS_ENTROPY, metrics=["accuracy"], run_eagerly=True)
    y = trainer.classifier(x).numpy().argmax(axis=1)
    logs = trainer.evaluate(x, y, verbose=0, return_dict=True)
    x_adv = quick(trainer.classifier, x, y, threat=LInf(0.5))
    left = (trainer.classifier(x_adv).numpy().argmax(axis=1) == y).mean()
    assert logs["adv_accuracy"] <= left + 0.2 < logs["accuracy"] == 1


def test_a_classifier_that_computes_in_float16_gets_a_scaled_loss(batch):
    inputs = keras.Input((6, 6, 1))
    hidden = keras.layers.Dense(8, dtype="mixed_float16")(keras.layers.Flatten()(inputs))
    trainer = Trainer(keras.Model(inputs, keras.layers.Dense(4)(hidden)))
    trainer.compile("sgd", CROSS_ENTROPY, run_eagerly=True)
    assert isinstance(trainer.optimizer, keras.optimizers.LossScaleOptimizer)
    assert trainer.train_on_batch(*batch) > 0
    trainer.compile("sgd", CROSS_ENTROPY, auto_scale_loss=False)
    assert isinstance(trainer.optimizer, keras.optimizers.SGD)
    trainer = Trainer(net())
    trainer.compile("sgd", CROSS_ENTROPY)
    assert isinstance(trainer.optimizer, keras.optimizers.SGD)
