"""Fast adversarial training against its formula in NumPy, and the guard on a training that overfits."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfadv import L2, LInf, losses
from tfadv.data.split import Split
from tfadv.errors import TfadvError
from tfadv.models import build
from tfadv.training.fast import Fast
from tfadv.training.objective import Accuracy, Loss
from tfadv.training.overfitting_guard import OverfittingGuard

pytestmark = pytest.mark.usefixtures("without_xla")

EPS = 0.1
RNG = np.random.default_rng(0)
# Some pixels are so dark or light that the box counts.
X, Y = RNG.uniform(size=(12, 4, 4, 1)).astype("float32"), RNG.integers(0, 3, 12).astype("int32")


def fast(threat=LInf(EPS), **options):  # noqa: B008
    trainer = Fast(build("mlp(hidden=(8,), init=glorot)", (4, 4, 1), 3, 1), threat=threat, **options)
    trainer.compile(keras.optimizers.SGD(0.1), Loss(), metrics=[Accuracy()], run_eagerly=True)
    return trainer


def sign_of_gradient(model, x):
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = losses.cross_entropy(Y, model(x))
    return np.sign(tape.gradient(loss, x))


@pytest.mark.parametrize(("variant", "noise", "step"), [("rs_fgsm", 1.0, 1.25), ("n_fgsm", 2.0, 1.0)])
def test_the_images_are_those_of_the_formula(variant, noise, step):
    trainer = fast(variant=variant)
    start = LInf(noise * EPS).random_start(tf.constant(X), trainer.noise_seed()).numpy()
    assert 0.8 * noise * EPS < np.abs(start - X).max() <= noise * EPS + 1e-6
    expected = np.clip(start + step * EPS * sign_of_gradient(trainer.classifier, start), 0, 1)
    if variant == "rs_fgsm":
        expected = np.clip(expected, X - EPS, X + EPS)
    found = trainer.craft(tf.constant(X), tf.constant(Y)).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert (np.abs(found - X).max() > 1.5 * EPS) == (variant == "n_fgsm")


def test_it_learns_from_the_crafted_images_alone():
    trainer = fast()
    x_adv = trainer.craft(tf.constant(X), tf.constant(Y))
    expected = np.mean(losses.cross_entropy(Y, trainer.classifier(x_adv)))
    assert trainer.train_on_batch(X, Y)[0] == pytest.approx(expected, rel=1e-5)


def test_in_l2_the_images_lie_in_the_ball():
    distance = L2(0.5).distance(fast(L2(0.5)).craft(tf.constant(X), tf.constant(Y)), X).numpy()
    assert (distance <= 0.5 + 1e-6).all() and distance.max() > 0.4


def test_eps_grows_linearly_over_the_ramp():
    trainer, sizes = fast(), []
    trainer.begin(batch_size=12, steps=5, ramp=4)
    for t in range(6):
        trainer.optimizer.iterations.assign(t)
        sizes.append(np.abs(trainer.craft(tf.constant(X), tf.constant(Y)) - X).max())
    np.testing.assert_allclose(sizes, EPS * np.minimum(np.arange(1, 7) / 4, 1), rtol=0.02)


def watched(accuracies, weights, monkeypatch, ramp=0):
    """A guard whose epochs end with these accuracies (single step, PGD-5) and weights; what it told, and the last."""
    trainer, told = fast(), []
    trainer.begin(batch_size=6, steps=2, ramp=ramp)
    variable = trainer.classifier.trainable_variables[0]
    (guard,) = trainer.prepare(Split(X, Y)) and trainer.watchers()
    guard.set_model(trainer)
    guard.set_params({"steps": 2})
    for epoch, (pair, value) in enumerate(zip(accuracies, weights, strict=True)):
        monkeypatch.setattr(guard, "accuracies", lambda pair=pair: pair)
        guard.on_epoch_begin(epoch)
        variable.assign(tf.fill(variable.shape, float(value)))
        trainer.optimizer.iterations.assign_add(2)
        for batch in range(2):
            guard.on_train_batch_end(batch)
        told.append({})
        guard.on_epoch_end(epoch, told[-1])
    return guard, told, float(variable[0, 0]), int(trainer.optimizer.iterations)


def test_the_guard_goes_back_one_epoch_and_says_so(monkeypatch):
    accuracies = [(0.5, 0.4), (0.6, 0.45), (0.95, 0.02), (0.6, 0.44)]
    guard, told, value, steps = watched(accuracies[:3], [1, 2, 3], monkeypatch)
    assert value == 2 and steps == 6  # the weights of the epoch before; random starts and schedules go on
    assert [logs["went_back"] for logs in told] == [0, 0, 1] and told[2]["pgd_accuracy"] == 0.02
    (remark,) = guard.remarks(told)
    assert remark.startswith("Catastrophic overfitting in epoch 3: ")
    assert guard.highest == 0.45


@pytest.mark.parametrize("second", [(0.6, 0.3), (0.35, 0.2), (0.9, 0.69)])
def test_the_guard_leaves_honest_trainings_alone(monkeypatch, second):
    """A fall that is no gap, a gap that is no fall, both a little."""
    guard, told, value, _ = watched([(0.7, 0.45), second], [1, 2], monkeypatch)
    assert value == 2 and guard.remarks(told) == []


@pytest.mark.parametrize(("ramp", "back"), [(0, 1), (2, 1), (4, 0)])
def test_the_guard_compares_nothing_while_eps_grows(monkeypatch, ramp, back):
    _, told, _, _ = watched([(0.95, 0.9), (0.8, 0.5), (0.75, 0.5)], [1, 2, 3], monkeypatch, ramp)
    assert sum(logs["went_back"] for logs in told) == 2 * back


def test_the_guard_knows_the_past_of_a_resumed_training(monkeypatch):
    guard = OverfittingGuard(fast(), Split(X, Y))
    for epoch, past in enumerate(({"pgd_accuracy": 0.5, "went_back": 0.0}, {"pgd_accuracy": 0.9, "went_back": 1.0})):
        guard.on_epoch_end(epoch, dict(past))
    assert guard.highest == 0.5


def test_the_guard_measures_the_single_step_and_pgd():
    trainer = fast()
    trainer.prepare(Split(X, Y))
    guard = trainer.watchers()[0]
    single, several = (float(value) for value in guard.accuracies())
    x_adv = trainer.craft(tf.constant(X), tf.constant(Y))
    assert single == pytest.approx(np.mean(np.argmax(trainer.classifier(x_adv), axis=1) == Y))
    assert several <= single


def test_without_a_guard_there_is_none():
    trainer = fast(guard=False)
    trainer.prepare(Split(X, Y))
    assert trainer.watchers() == [] and trainer.remarks([{}]) == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"threat": None}, "needs a threat model"),
        ({"variant": "fgsm"}, "fast: variant: expected rs_fgsm or n_fgsm"),
        ({"guard": 1}, "fast: guard: expected True or False"),
    ],
)
def test_refusals(options, said):
    with pytest.raises(TfadvError, match=said):
        fast(**options)
