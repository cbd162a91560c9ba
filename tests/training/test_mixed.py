"""Mixed training against its definition: each image from one of the attacks, at random or the worst of all."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfadv import L2, LInf, losses, random
from tfadv.attacks.fgsm import FGSM
from tfadv.attacks.pgd import PGD
from tfadv.errors import TfadvError
from tfadv.models import build
from tfadv.training.mixed import Mixed
from tfadv.training.objective import Accuracy, Loss

pytestmark = pytest.mark.usefixtures("without_xla")

RNG = np.random.default_rng(0)
X, Y = RNG.uniform(0.2, 0.8, (40, 4, 4, 1)).astype("float32"), RNG.integers(0, 3, 40).astype("int32")
THREATS = (LInf(0.1), L2(0.35), LInf(0.12))
ATTACK = PGD(steps=2, random_start=False)


def mixed(attack=ATTACK, threat=THREATS, **options):
    trainer = Mixed(build("mlp(hidden=(8,), init=glorot)", (4, 4, 1), 3, 1), attack=attack, threat=threat, **options)
    trainer.compile(keras.optimizers.SGD(0.1), Loss(), metrics=[Accuracy()])
    return trainer


def crafted(trainer):
    return trainer.craft(tf.constant(X), tf.constant(Y)).numpy()


def candidates(trainer):
    """(k, n, h, w, c): what each attack makes of each image."""
    pairs, model = trainer.adversaries, trainer.classifier
    return np.stack([a.craft(model, tf.constant(X), Y, threat=t, seed=random.key(0)) for a, t in pairs])


def picked(trainer):
    """Which candidate each image is, (n,)."""
    gaps = np.abs(candidates(trainer) - crafted(trainer)).reshape(len(trainer.adversaries), 40, -1).max(axis=2)
    assert (gaps.min(axis=0) < 1e-5).all() and (np.sort(gaps, axis=0)[1] > 1e-3).all()
    return gaps.argmin(axis=0)


def test_the_worst_has_the_highest_cross_entropy():
    trainer = mixed(pick="worst", threat=(LInf(0.1), L2(0.35)))
    heights = [losses.cross_entropy(Y, trainer.classifier(x)).numpy() for x in candidates(trainer)]
    which = picked(trainer)
    assert np.array_equal(which, np.argmax(heights, axis=0)) and 0 < which.sum() < 40


def test_random_draws_for_each_image_and_anew_in_each_step():
    trainer = mixed()
    first = picked(trainer)
    assert min(np.bincount(first, minlength=3)) >= 5
    trainer.optimizer.iterations.assign_add(1)
    assert (picked(trainer) != first).mean() > 0.3


def test_one_attack_for_each_batch():
    trainer, seen = mixed(by="batch"), set()
    for _ in range(8):
        (which,) = np.unique(picked(trainer))
        seen.add(int(which))
        trainer.optimizer.iterations.assign_add(1)
    assert seen == {0, 1, 2}


@pytest.mark.parametrize("pick", ["random", "worst"])
def test_a_share_of_the_images_stays_natural(pick):
    kept = (crafted(mixed(pick=pick, clean=0.25)) == X).all(axis=(1, 2, 3))
    assert kept.sum() == 10


def test_an_attack_that_no_image_drew_does_not_matter():
    trainer = mixed()
    x_adv = trainer.craft(tf.constant(X[:1]), tf.constant(Y[:1])).numpy()
    assert x_adv.shape == X[:1].shape and np.abs(x_adv - X[:1]).max() > 0.01


def test_each_threat_model_may_have_its_attack():
    trainer = mixed(attack=(ATTACK, FGSM()), threat=THREATS[:2])
    assert trainer.adversaries == ((ATTACK, THREATS[0]), (FGSM(), THREATS[1]))


def test_one_pair_alone_is_told_to_be_adversarial_training():
    (remark,) = mixed(threat=LInf(0.1)).remarks([])
    assert "is adversarial training" in remark and "--method adversarial" in remark
    assert mixed().remarks([]) == mixed(threat=LInf(0.1), clean=0.05, by="batch").remarks([]) == []


@pytest.mark.parametrize("validation_attack", [None, FGSM()])
def test_validation_counts_what_withstands_all(validation_attack):
    threats = (LInf(0.004), L2(0.03))
    trainer = mixed(threat=threats, validation_attack=validation_attack)
    model, attack = trainer.classifier, validation_attack or ATTACK
    x = [attack.craft(model, tf.constant(X), Y, threat=threat, seed=random.key(0)) for threat in threats]
    right = [np.argmax(model(x_adv), axis=1) == Y for x_adv in x]
    found = trainer.evaluate(X, Y, verbose=0, return_dict=True)
    assert found["adv_accuracy"] == pytest.approx(np.mean(right[0] & right[1])) and np.any(right)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"attack": None}, "mixed training needs an attack and threat models"),
        ({"threat": ()}, "mixed training needs an attack and threat models"),
        (
            {"attack": (ATTACK, FGSM())},
            "mixed: attack: expected one, or one for each of the 3",
        ),
        ({"pick": "best"}, "mixed: pick: expected random or worst"),
        ({"by": "epoch"}, "mixed: by: expected image or batch"),
        ({"clean": -0.1}, "mixed: clean: expected a share"),
    ],
)
def test_refusals(options, said):
    with pytest.raises(TfadvError, match=said):
        mixed(**options)
