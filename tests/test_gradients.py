import numpy as np
import pytest
import tensorflow as tf

from tfadv import gradients, losses


@pytest.mark.parametrize("name", ["linear", "mlp", "cnn", "batchnorm_dropout", "constant"])
def test_jacobian_is_batch_jacobian(name, classifiers, images):
    logits_fn = gradients.logits_of(classifiers(name))
    x = tf.constant(images[:4])
    with tf.GradientTape() as tape:
        tape.watch(x)
        z = logits_fn(x)
    expected = tape.batch_jacobian(z, x)
    logits, jacobian = gradients.logits_and_jacobian(logits_fn, x)
    assert np.array_equal(logits, z) and jacobian.shape == (4, 10, 8, 8, 1)
    assert np.allclose(jacobian, expected, atol=1e-4 * np.abs(expected).max())
    directions = tf.random.stateless_normal([4, 3, 10], [1, 2])
    _, rows = gradients.logits_and_jacobian(logits_fn, x, directions)
    assert np.allclose(rows, tf.einsum("nrk,nkhwc->nrhwc", directions, expected), atol=1e-3)


def test_jacobian_is_the_limit_of_differences(classifiers, images):
    logits_fn = gradients.logits_of(classifiers("saturated"))
    x, step = images[:2].copy(), 1e-3
    _, jacobian = gradients.logits_and_jacobian(logits_fn, tf.constant(x))
    for pixel in ((3, 4, 0), (5, 2, 0)):
        shift = np.zeros_like(x)
        shift[(slice(None), *pixel)] = step
        difference = (logits_fn(x + shift) - logits_fn(x - shift)) / (2 * step)
        assert np.allclose(difference, jacobian.numpy()[(slice(None), slice(None), *pixel)], rtol=2e-2, atol=500)


def test_loss_gradient_of_each_example_is_its_own(classifiers, images, labels):
    logits_fn = gradients.logits_of(classifiers("cnn"))
    loss_of = lambda y: lambda z: losses.cross_entropy(y, z)  # noqa: E731
    logits, values, gradient = gradients.logits_and_gradient(logits_fn, tf.constant(images), loss_of(labels))
    assert np.allclose(values, losses.cross_entropy(labels, logits))
    for k in (0, 5):
        one = gradients.logits_and_gradient(logits_fn, tf.constant(images[k : k + 1]), loss_of(labels[k : k + 1]))
        assert np.allclose(one[2][0], gradient[k], atol=1e-5)


def test_a_constant_model_has_gradient_zero(labels):
    logits_fn = lambda x: tf.ones([tf.shape(x)[0], 10])  # noqa: E731
    x = tf.zeros([3, 2, 2, 1])
    assert not np.any(gradients.logits_and_gradient(logits_fn, x, lambda z: losses.margin(labels[:3], z))[2])
    assert not np.any(gradients.logits_and_jacobian(logits_fn, x)[1])
