"""Free adversarial training against its formula, step by step in NumPy on a linear classifier."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import softmax

from tfadv import L2, LInf
from tfadv.errors import TfadvError
from tfadv.models import build
from tfadv.training.free import Free
from tfadv.training.objective import Accuracy, Loss

EPS, RATE = 0.1, 0.5
RNG = np.random.default_rng(0)
X, Y = RNG.uniform(size=(2, 6, 4, 4, 1)).astype("float32"), RNG.integers(0, 3, (2, 6)).astype("int32")


def free(threat=LInf(EPS), **options):  # noqa: B008
    trainer = Free(build("linear", (4, 4, 1), 3, 1), threat=threat, **options)
    trainer.compile(keras.optimizers.SGD(RATE), Loss(), metrics=[Accuracy()], run_eagerly=True)
    return trainer


def by_hand(weights, replays):
    """The weights, the perturbation and the last loss after both batches."""
    (w, b), delta = (weight.astype("float64") for weight in weights), np.zeros((6, 16))
    for x, y in zip(X.reshape(2, 6, 16), Y, strict=True):
        for _ in range(replays):
            x_adv = np.clip(x + np.clip(delta, -EPS, EPS), 0, 1)
            p = softmax(x_adv @ w + b, axis=1)
            loss, error = -np.mean(np.log(p[np.arange(6), y])), p - np.eye(3)[y]
            delta = np.clip(x_adv - x + EPS * np.sign(error @ w.T), -EPS, EPS)
            delta = np.clip(x + delta, 0, 1) - x
            w, b = w - RATE * x_adv.T @ error / 6, b - RATE * error.mean(axis=0)
    return w, b, delta, loss


@pytest.mark.parametrize("replays", [1, 3])
def test_weights_and_perturbation_take_the_steps_of_the_formula(replays):
    trainer = free(replays=replays)
    w, b, delta, loss = by_hand(trainer.classifier.get_weights(), replays)
    for x, y in zip(X, Y, strict=True):
        trainer.reset_metrics()
        logs = trainer.train_on_batch(x, y, return_dict=True)
    for found, expected in zip(trainer.classifier.get_weights(), (w, b), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(trainer.delta.numpy().reshape(6, 16), delta, atol=1e-6)
    assert int(trainer.optimizer.iterations) == 2 * replays and "adv_accuracy" not in logs
    if replays == 1:
        assert logs["loss"] == pytest.approx(loss, rel=1e-5)


def test_a_smaller_batch_leaves_the_other_perturbations_alone():
    trainer = free(L2(0.5), replays=2)
    trainer.train_on_batch(X[0], Y[0])
    before = trainer.delta.numpy()
    trainer.train_on_batch(X[1][:4], Y[1][:4])
    after = trainer.delta.numpy()
    assert np.array_equal(after[4:], before[4:]) and not np.array_equal(after[:4], before[:4])
    assert np.linalg.norm(after.reshape(6, -1), axis=1).max() <= 0.5 + 1e-6


def test_what_goes_on_from_step_to_step_is_in_the_backup():
    trainer = free()
    assert trainer.state() == []
    trainer.begin(batch_size=6, steps=1)
    assert trainer.state() == [trainer.delta] and trainer.delta.shape == X[0].shape


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"threat": None}, "needs a threat model"),
        ({"replays": 0}, "free: replays: expected a whole number of at least 1"),
    ],
)
def test_refusals(options, said):
    with pytest.raises(TfadvError, match=said):
        free(**options)


def test_larger_batches_than_the_perturbation_are_refused():
    trainer = free(replays=1)
    trainer.begin(batch_size=5, steps=1)
    with pytest.raises(
        TfadvError, match="free: the batches: expected at most 5 images, the batch_size of begin.* received 6"
    ):
        trainer.train_on_batch(X[0], Y[0])
    step = tf.function(lambda x: x + trainer._delta_of(x)[: tf.shape(x)[0]], autograph=False)
    step = step.get_concrete_function(tf.TensorSpec([None, 4, 4, 1]))
    assert step(tf.constant(X[0][:5])).shape[0] == 5
    with pytest.raises(tf.errors.InvalidArgumentError, match="free: the batches: expected at most 5 images"):
        step(tf.constant(X[0]))


def test_batches_of_unknown_size_are_refused():
    step = tf.function(lambda x, y: free().train_step((x, y)), autograph=False)
    with pytest.raises(TfadvError, match="free: the batches: expected a size that is known"):
        step.get_concrete_function(tf.TensorSpec([None, 4, 4, 1]), tf.TensorSpec([None], tf.int32))
