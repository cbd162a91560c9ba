"""The kinds of models and arrays that users bring, and what a problem says."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tfadv import FGSM, PGD, DeepFool, LInf, random
from tfadv.attacks.problem import Problem

WITHIN = LInf(0.1)


def test_one_model_on_images_of_two_sizes(images, labels):
    model = keras.Sequential(
        [keras.Input((None, None, 1)), layers.Conv2D(4, 3), layers.GlobalMaxPooling2D(), layers.Dense(3)]
    )
    y = labels % 3
    for x in (images, images[:, :6, :7], images):
        assert PGD(steps=2)(model, x, y, threat=WITHIN).shape == x.shape


@pytest.mark.usefixtures("eagerly")
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


@pytest.mark.usefixtures("eagerly")
def test_subclassed_models(images, labels, predict):
    random.seed_python(0)
    model = Subclassed()
    y = predict(model, images)
    for attack in (FGSM(), PGD(steps=5), DeepFool()):
        assert np.mean(predict(model, attack(model, images, y, threat=LInf(0.2), batch_size=16)) != y) > 0.9


@pytest.mark.usefixtures("eagerly")
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


@pytest.mark.usefixtures("eagerly")
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
