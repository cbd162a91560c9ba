"""Against algorithm 1 of the paper, written with Keras' own loss."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfadv import FGSM, L1, L2, PGD, LInf
from tfadv.attacks.mi_fgsm import MIFGSM

pytestmark = pytest.mark.usefixtures("eagerly")


def published(model, x0, y, eps, norm, steps, decay, sign=1):
    x, g = tf.constant(x0), 0.0
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="sum")
    for _ in range(steps):
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = sign * loss(y, model(x))
        gradient = tape.gradient(value, x).numpy()
        g = decay * g + gradient / np.abs(gradient).sum(axis=(1, 2, 3), keepdims=True)
        step = np.sign(g) if norm == "linf" else g / np.sqrt((g**2).sum(axis=(1, 2, 3), keepdims=True))
        x = tf.clip_by_value(x + np.float32(eps / steps) * step, 0.0, 1.0)
    return x.numpy()


@pytest.mark.parametrize("norm", [LInf, L2])
@pytest.mark.parametrize(("steps", "decay"), [(10, 1.0), (4, 0.5)])
def test_is_the_published_algorithm(norm, steps, decay, classifiers, images, labels):
    model, eps = classifiers("cnn"), {LInf: 0.1, L2: 1.0}[norm]
    found = MIFGSM(steps=steps, decay=decay)(model, images, labels, threat=norm(eps))
    expected = published(model, images, labels, eps, norm.norm, steps, decay)
    assert np.mean(np.abs(found - expected) > 1e-5) < 0.01
    targets = (labels + 1) % 10
    found = MIFGSM(steps=steps, decay=decay)(model, images, labels, threat=norm(eps), targets=targets)
    expected = published(model, images, targets, eps, norm.norm, steps, decay, sign=-1)
    assert np.mean(np.abs(found - expected) > 1e-5) < 0.01


def test_momentum_changes_the_way_and_one_step_is_fgsm(classifiers, images, labels):
    model = classifiers("cnn")
    run = lambda attack, norm: attack(model, images, labels, threat=norm)  # noqa: E731
    for norm in (LInf(0.1), L2(0.5), L1(4)):
        assert np.allclose(run(MIFGSM(steps=1), norm), run(FGSM(), norm), atol=1e-6)
        plain = PGD(steps=10, step_size="eps/T", random_start=False, keep_best=False)
        assert np.array_equal(run(MIFGSM(decay=0), norm), run(plain, norm))
        assert not np.allclose(run(MIFGSM(), norm), run(plain, norm), atol=1e-3)


def test_early_stop_leaves_what_is_fooled(classifiers, images, labels, predict):
    model = classifiers("mlp")
    x_adv = MIFGSM(early_stop=True)(model, images, labels, threat=LInf(0.1))
    wrong = predict(model, images) != labels
    assert wrong.any() and np.array_equal(x_adv[wrong], images[wrong])
    assert MIFGSM().until_fooled() == MIFGSM(early_stop=True) and not MIFGSM(early_stop=True).xla_compatible
