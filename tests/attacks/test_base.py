"""Caching, lifetimes and the kinds of models and arrays that users bring."""

import gc
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tfadv import FGSM, L2, PGD, DeepFool, LInf, passes
from tfadv.attacks.base import COMPILED, Compiled
from tfadv.attacks.problem import Problem
from toy_models import digits

WITHIN = LInf(0.1)


def small(units=10, shape=(8, 8, 1)):
    return keras.Sequential([keras.Input(shape), layers.Flatten(), layers.Dense(units)])


def test_what_is_compiled_goes_with_its_model(images, labels):
    gc.collect()
    model = small()
    for attack in (PGD(steps=2), DeepFool(steps=2)):
        attack(model, images, labels, threat=WITHIN, batch_size=16)
    gone, compiled, before = (
        weakref.ref(model),
        weakref.ref(next(iter(COMPILED[model].values()))),
        len(COMPILED),
    )
    del model, attack
    gc.collect()
    assert gone() is None and compiled() is None and len(COMPILED) == before - 1


@pytest.mark.parametrize("attack", [FGSM(), PGD(steps=2), DeepFool(steps=5)], ids=str)
def test_new_weights_count_without_compiling_anew(attack, images, labels, monkeypatch):
    model, other = small(), small()
    first = attack(model, images, labels, threat=WITHIN)
    expected = attack(other, images, labels, threat=WITHIN)
    monkeypatch.setattr(Compiled, "_trace", lambda *a: pytest.fail("compiled anew"))
    model.set_weights(other.get_weights())
    assert not np.array_equal(first, expected)
    assert np.array_equal(attack(model, images, labels, threat=WITHIN), expected)


def test_large_batches_are_attacked_in_halves_which_changes_nothing_but_what_is_random(classifiers):
    model, (x, y) = classifiers("cnn"), (part[:150] for part in digits())
    still, drawn = PGD(steps=2, random_start=False), PGD(steps=1, step_size=1e-6)
    before = np.array(passes.counts())
    whole = still(model, x, y, threat=WITHIN, batch_size=100)  # 50 and 50, and the 50 that are left
    assert (np.array(passes.counts()) - before).tolist() == [3 * 150, 2 * 150]
    parts = [still(model, x[i : i + 50], y[i : i + 50], threat=WITHIN) for i in (0, 50, 100)]
    np.testing.assert_array_equal(whole, np.concatenate(parts))
    same, label = np.repeat(x[:1], 128, axis=0), np.repeat(y[:1], 128)
    for size in (64, 128):
        starts = drawn(model, same, label, threat=WITHIN, batch_size=size).reshape(128, -1)
        assert len(np.unique(starts.round(3), axis=0)) == 128


def test_where_one_part_fails_the_rest_is_left_alone(classifiers, images, labels, monkeypatch):
    calls = []

    def fails(seed, number, *given):
        calls.append(int(number))
        raise MemoryError

    monkeypatch.setattr(Compiled, "_traced", lambda self, size: fails)
    with pytest.raises(MemoryError):
        PGD(steps=1)(classifiers("cnn"), images, labels, threat=WITHIN, batch_size=4)  # 8 parts
    assert 1 <= len(calls) <= 2


def test_one_model_on_images_of_two_sizes(images, labels):
    model = keras.Sequential(
        [keras.Input((None, None, 1)), layers.Conv2D(4, 3), layers.GlobalMaxPooling2D(), layers.Dense(3)]
    )
    y = labels % 3
    for x in (images, images[:, :6, :7], images):
        assert PGD(steps=2)(model, x, y, threat=WITHIN).shape == x.shape


def test_equal_options_share_what_is_compiled(images, labels):
    model = small()
    for attack in (
        PGD(steps=2, step_size=1),
        PGD(steps=2, step_size=1.0),
        PGD(steps=np.int64(2), step_size=np.float32(1)),
    ):
        attack(model, images, labels, threat=WITHIN)
        assert str(attack) == "pgd(steps=2, step_size=1.0)"
    assert len(COMPILED[model]) == 1
    PGD(steps=2, step_size=1)(model, images, labels, threat=L2(0.1))
    PGD(steps=2, step_size=1)(model, images, labels, threat=WITHIN, targets=labels)
    assert len(COMPILED[model]) == 3
    assert PGD(steps=1) != FGSM() and PGD(steps=1, momentum=1) != PGD(steps=1)


def test_arrays_of_every_kind(classifiers, images, labels):
    run = lambda x, y, **more: PGD(steps=2)(classifiers("mlp"), x, y, threat=WITHIN, **more)  # noqa: E731
    expected = run(images, labels)
    for x, y in (
        (tf.constant(images), tf.constant(labels)),
        (images.astype("float64"), labels.astype("int64")),
        (images.tolist(), labels.tolist()),
        (np.asfortranarray(images), labels.astype("uint8")),
    ):
        assert np.array_equal(run(x, y), expected)
    targets = (labels + 1) % 10
    assert np.array_equal(
        run(images, labels, targets=tf.constant(targets, tf.int64)), run(images, labels, targets=targets)
    )


@pytest.mark.parametrize("dtype", [tf.int64, tf.uint8, tf.int32])
def test_trainers_may_pass_labels_of_any_integer_type(dtype, classifiers, images, labels):
    model = classifiers("linear")
    y = tf.cast(labels, dtype)
    for attack in (PGD(steps=2), DeepFool(steps=2)):
        x_adv = attack.craft(model, tf.constant(images), y, threat=WITHIN, seed=tf.constant([1, 2]), targets=y)
        assert np.all(WITHIN.contains(x_adv, images))


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.flatten, self.dense = layers.Flatten(), layers.Dense(10)

    def call(self, x):
        return self.dense(self.flatten(x))


def test_subclassed_models(images, labels, predict):
    model = Subclassed()
    y = predict(model, images)
    for attack in (FGSM(), PGD(steps=5), DeepFool()):
        assert np.mean(predict(model, attack(model, images, y, threat=LInf(0.2), batch_size=16)) != y) > 0.9


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_models(policy, images, labels, predict):
    with_policy = {"dtype": policy}
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(4, 3, **with_policy),
            layers.Flatten(),
            layers.Dense(10, **with_policy),
        ]
    )
    y = predict(model, images)
    for attack in (FGSM(), PGD(steps=5), DeepFool()):
        x_adv = attack(model, images, y, threat=LInf(0.2))
        assert np.all(LInf(0.2).contains(x_adv, images)) and np.mean(predict(model, x_adv) != y) > 0.8


def test_two_classes(classifiers, images, predict):
    model = classifiers("two_classes")
    y = predict(model, images)
    for attack in (FGSM(loss="margin"), PGD(steps=5), DeepFool(), DeepFool(variant="deepdefense")):
        assert np.mean(predict(model, attack(model, images, y, threat=LInf(0.4))) != y) > 0.9
        assert min(attack.cost(2)) >= 1


def test_problem_says_who_has_won_and_what_to_raise():
    logits = tf.constant([[3.0, 1.0, 2.0, 0.0], [0.0, 1.0, 2.0, 3.0]])
    labels, targets = tf.constant([0, 0]), tf.constant([2, 3])
    untargeted, targeted = (Problem(None, tf.zeros([2, 1, 1, 1]), labels, t) for t in (None, targets))
    assert untargeted.reached(logits).numpy().tolist() == [False, True]
    assert targeted.reached(logits).numpy().tolist() == [False, True]
    assert targeted.only(tf.constant([1])).targets.numpy().tolist() == [3]
    for name in ("ce", "margin", "dlr"):
        towards = logits + 0.1 * tf.one_hot(targets, 4)
        # Of the second image the target is on top already, and DLR measures in units of the top's lead.
        assert targeted.loss(name, towards)[0] > targeted.loss(name, logits)[0]
        assert np.all(untargeted.loss(name, logits - 0.1 * tf.one_hot(labels, 4)) > untargeted.loss(name, logits))
