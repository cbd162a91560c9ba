"""The options of adversarial training: natural images and batches, targets, label smoothing."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfadv import LInf, random
from tfadv.attacks.pgd import PGD
from tfadv.errors import TfadvError
from tfadv.models import build
from tfadv.training.adversarial import Adversarial
from tfadv.training.objective import Accuracy, Loss
from tfadv.training.shares import crafted_but_for

pytestmark = pytest.mark.usefixtures("without_xla")

RNG = np.random.default_rng(0)
X, Y = RNG.uniform(0.2, 0.8, (40, 4, 4, 1)).astype("float32"), RNG.integers(0, 3, 40).astype("int32")
ATTACK = PGD(steps=2, random_start=False)


def adversarial(attack=ATTACK, **options):
    model = build("mlp(hidden=(8,), init=glorot)", (4, 4, 1), 3, 1)
    trainer = Adversarial(model, attack=attack, threat=LInf(0.1), **options)
    trainer.compile(keras.optimizers.SGD(0.1), Loss(), metrics=[Accuracy()], run_eagerly=True)
    return trainer


def crafted(trainer, n=40):
    return trainer.craft(tf.constant(X[:n]), tf.constant(Y[:n])).numpy()


def natural(trainer):
    """Which images stay as they are; the others must be those of the attack."""
    found = crafted(trainer)
    kept = (found == X).all(axis=(1, 2, 3))
    np.testing.assert_allclose(found[~kept], crafted(adversarial())[~kept], atol=1e-6)
    return kept


@pytest.mark.parametrize(("share", "count"), [(0.25, 10), (0.01, 1), (0.99, 39)])
def test_a_share_of_the_images_stays_natural_and_is_drawn_anew(share, count):
    trainer = adversarial(clean=share)
    first = natural(trainer)
    assert first.sum() == count
    trainer.optimizer.iterations.assign_add(1)
    assert (natural(trainer) != first).any()


@pytest.mark.parametrize(("share", "count"), [(0.25, 10), (0.99, 39)])
def test_a_share_of_batches_whose_size_is_not_known(share, count):
    def brighter(x, y):
        return crafted_but_for(share, "image", lambda x, y: x + 1, x, y, random.key(0))

    free = tf.function(brighter, autograph=False)
    free = free.get_concrete_function(tf.TensorSpec([None, 4, 4, 1]), tf.TensorSpec([None], tf.int32))
    found = free(tf.constant(X), tf.constant(Y)).numpy()
    np.testing.assert_array_equal(found, brighter(tf.constant(X), tf.constant(Y)))
    assert (found == X).all(axis=(1, 2, 3)).sum() == count
    assert (brighter(tf.constant(X[:1]), tf.constant(Y[:1])) == X[:1] + 1).numpy().all()  # of one image none


def test_a_share_of_the_batches_stays_natural():
    trainer, kept = adversarial(clean=0.3, by="batch"), []
    for _ in range(60):
        which = (crafted(trainer, 2) == X[:2]).all(axis=(1, 2, 3))
        assert which.all() or not which.any()
        kept.append(which[0])
        trainer.optimizer.iterations.assign_add(1)
    assert 0.1 < np.mean(kept) < 0.5  # three standard deviations of 60 draws around 0.3


def test_targets_are_wrong_classes_and_the_attack_goes_towards_them():
    trainer = adversarial(targeted=True)
    seed = trainer.noise_seed()
    targets = trainer._targets(tf.constant(Y), seed).numpy()
    assert (targets != Y).all() and len(np.unique((targets - Y) % 3)) == 2
    expected = ATTACK.craft(trainer.classifier, tf.constant(X), Y, threat=LInf(0.1), seed=seed, targets=targets)
    np.testing.assert_allclose(crafted(trainer), expected, atol=1e-6)
    assert np.abs(crafted(trainer) - crafted(adversarial())).max() > 0.01


def test_label_smoothing_is_cross_entropy_with_smoothed_labels():
    trainer = adversarial(smoothing=0.3)
    log_p = tf.nn.log_softmax(trainer.classifier(crafted(trainer)), axis=1).numpy()
    labels = 0.7 * np.eye(3)[Y] + 0.1
    assert trainer.train_on_batch(X, Y)[0] == pytest.approx(-np.mean((labels * log_p).sum(axis=1)), rel=1e-5)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"clean": 1.0}, "adversarial: clean: expected a share"),
        ({"by": "epoch"}, "adversarial: by: expected image or batch"),
        ({"targeted": "random"}, "adversarial: targeted: expected True or False"),
        ({"smoothing": 1}, "adversarial: smoothing: expected a number from 0 and below 1"),
    ],
)
def test_refusals(options, said):
    with pytest.raises(TfadvError, match=said):
        adversarial(**options)
