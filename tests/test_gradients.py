import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from attack_cases import craft
from tfadv import PGD, DeepFool, LInf, gradients, losses, random
from tfadv.attacks.bpda import BPDA
from tfadv.attacks.eot import EOT
from tfadv.training.deep_defense import DeepDefense
from toy_models import digits, trained
from trap_models import trap


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


def layered(policy, factor=1.0):
    """A small network computing in one precision, its logits multiplied in float32."""
    stack = [layers.Conv2D(8, 3, activation="relu", dtype=policy), layers.Flatten(dtype=policy)]
    stack += [layers.Dense(32, activation="relu", dtype=policy), layers.Dense(10, dtype=policy)]
    return keras.Sequential([keras.Input((8, 8, 1)), *stack, layers.Rescaling(factor, dtype="float32")])


@pytest.fixture(scope="module")
def confident():
    """A function from a precision and a factor to the same network, trained until it is sure."""
    random.seed_python(1)
    weights = trained(layered("float32"), 45).get_weights()

    def build(policy, factor=1.0):
        model = layered(policy, factor)
        model.set_weights(weights)
        return model

    return build


X, Y = (array[1000:1300] for array in digits())


def loss_gradient(logits_fn, name="ce"):
    found = gradients.logits_and_gradient(logits_fn, tf.constant(X), lambda z: losses.LOSSES[name](Y, z))[2]
    return found.numpy().reshape(len(X), -1)


def nothing(gradient):
    """The share of pixels without a gradient."""
    return np.mean(gradient == 0)


def cosine(one, other):
    one, other = (g / np.abs(g).max(axis=1, keepdims=True) for g in (one, other))
    return np.sum(one * other, axis=1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)


@pytest.mark.parametrize("policy", ["float16", "mixed_float16"])
def test_gradients_survive_float16(policy, confident):
    model = confident(policy)
    plain, kept = (loss_gradient(gradients.logits_of(model, weights=weights)) for weights in (True, False))
    exact = loss_gradient(gradients.logits_of(confident("float32")))
    assert nothing(exact) == 0 and nothing(plain) > 0.1 and np.mean(~plain.any(axis=1)) > 0.1
    assert nothing(kept) < 0.001 and kept.any(axis=1).all()
    assert np.median(cosine(kept, exact)) > 0.999 and np.mean(cosine(kept, exact) > 0.9) > 0.98
    assert np.allclose(np.linalg.norm(kept, axis=1) / np.linalg.norm(exact, axis=1), 1, atol=0.2)


@pytest.mark.parametrize("factor", [1e3, 1e6])
def test_gradients_that_overflow_float16_are_scaled_down(factor, confident):
    kept, exact = (loss_gradient(gradients.logits_of(confident(p, factor)), "margin") for p in ("float16", "float32"))
    assert np.isfinite(kept).all() and nothing(kept) < 0.001 and np.median(cosine(kept, exact)) > 0.999
    assert (
        factor < 1e6
        or not np.isfinite(loss_gradient(gradients.logits_of(confident("float16", factor), True), "margin")).all()
    )


@pytest.mark.parametrize("policy", ["float32", "bfloat16", "mixed_bfloat16"])
def test_other_precisions_are_left_as_they_are(policy, confident):
    model = confident(policy)
    assert not gradients.computes_in_half(model) and gradients.computes_in_half(confident("mixed_float16"))
    found = loss_gradient(gradients.logits_of(model))
    assert np.array_equal(found, loss_gradient(lambda x: tf.cast(model(x), tf.float32))) and nothing(found) == 0


@pytest.mark.parametrize("policy", ["mixed_float16", "bfloat16"])
def test_attacks_are_as_strong_as_in_float32(policy, confident):
    def left(policy, attack):
        model = confident(policy)
        return np.mean(model(craft(attack, model, X, Y, LInf(0.1))).numpy().argmax(axis=1) == Y)

    # DeepFool oversteps by 2%, little more than bfloat16 rounds.
    for attack in (PGD(steps=10), *[DeepFool(steps=10, classes=3)] * (policy != "bfloat16")):
        assert abs(left(policy, attack) - left("float32", attack)) < 0.04, attack


def test_gradients_of_weights_are_to_be_had(confident):
    model = confident("mixed_float16")
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(losses.cross_entropy(Y, gradients.logits_of(model, weights=True)(X)))
    assert all(g is not None for g in tape.gradient(loss, model.trainable_variables))
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(losses.cross_entropy(Y, gradients.logits_of(model)(X)))
    assert all(g is None for g in tape.gradient(loss, model.trainable_variables))


def test_deep_defense_still_reaches_the_weights_of_a_float16_model(confident):
    """It derives the gradients of logits by the weights, which scaled gradients do not allow."""
    trainer = DeepDefense(confident("mixed_float16"), lam=1)
    with tf.GradientTape() as tape:
        penalty = tf.reduce_sum(trainer.penalty({"x": tf.constant(X[:20])}, Y[:20], None))
    kernels = [w for w in trainer.classifier.trainable_variables if len(w.shape) > 1]
    assert all(g is not None and np.any(g) for g in tape.gradient(penalty, kernels))


@pytest.mark.parametrize("compiled", [True, False])
def test_a_function_with_a_pullback_of_its_own(compiled):
    matrix = tf.reshape(tf.range(12, dtype=tf.float32), [4, 3])
    seen = []

    def run(x):
        seen.append(x)
        return tf.square(tf.reshape(x, [-1, 4])) @ matrix, lambda d: tf.reshape(d @ tf.transpose(matrix), tf.shape(x))

    def twice(x):
        z, pullback = gradients.logits_and_pullback(gradients.from_pullback(run), x)
        return z, pullback(tf.eye(3)[:2]), pullback(2 * tf.eye(3)[1:])

    x = tf.reshape(tf.range(8, dtype=tf.float32), [2, 2, 2, 1])
    z, first, second = (tf.function(twice) if compiled else twice)(x)
    assert np.allclose(z, tf.square(tf.reshape(x, [2, 4])) @ matrix) and len(seen) == 1
    assert np.allclose(tf.reshape(first, [2, 4]), tf.transpose(matrix)[:2])
    assert np.allclose(tf.reshape(second, [2, 4]), 2 * tf.transpose(matrix)[1:])


@pytest.mark.parametrize(
    "name", ["linear", "mlp", "cnn", "batchnorm_dropout", "two_classes", "nan_gradients", "saturated"]
)
def test_differentiable_models(name, classifiers, images):
    assert gradients.differentiable(classifiers(name), images)


@pytest.mark.parametrize("name", ["quantized", "thermometer", "cut", "not_a_number"])
def test_models_that_are_not_differentiable(name, images):
    assert not gradients.differentiable(trap(name), images, EOT().logits_fn)
    assert not gradients.differentiable(trap(name), images) and gradients.differentiable(
        trap(name), images, BPDA().logits_fn
    )


def test_half_precision_models_are_differentiable(confident, images):
    assert gradients.differentiable(confident("float16"), images)
