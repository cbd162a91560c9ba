import numpy as np
import pytest
import tensorflow as tf

from tfadv import FGSM, LInf


@pytest.mark.parametrize("eps", [0.007, 0.1])
def test_is_the_formula(eps, classifiers, images, labels):
    """x' = clip(x + eps * sign(grad CE)), written once more with Keras' own loss."""
    model, x = classifiers("cnn"), tf.constant(images)
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="sum")(labels, model(x))
    expected = np.clip(images + np.float32(eps) * np.sign(tape.gradient(loss, x)), 0, 1)
    found = FGSM()(model, images, labels, threat=LInf(eps))
    assert np.mean(np.abs(found - expected) > 1e-6) < 1e-3
