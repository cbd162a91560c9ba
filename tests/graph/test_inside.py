"""What a traced model holds."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from tfadv.errors import UnreadableModel
from tfadv.graph import inside
from tfadv.graph.smooth import SMOOTH
from toy_models import classifier
from trap_models import behind


class Votes(keras.Model):
    """A subclassed ensemble that counts votes."""

    def __init__(self, members):
        super().__init__()
        self.members = members

    def call(self, x):
        return sum(ops.one_hot(ops.argmax(member(x), axis=-1), 10) for member in self.members)


@pytest.mark.parametrize("name", ["linear", "mlp", "cnn", "batchnorm_dropout"])
def test_an_honest_network_holds_nothing(name):
    found = inside.contents(classifier(name), (8, 8, 1), 10)
    assert (found.hard, found.random, found.networks, found.images) == ((), (), (), ())


def test_the_members_of_an_ensemble_are_found_in_a_subclassed_model(images):
    members = [classifier("mlp"), classifier("linear")]
    model = Votes(members)
    model(images)
    found = inside.contents(model, (8, 8, 1), 10)
    numbers = tuple(place.number for place in found.networks if place.kind == "BiasAdd")  # votes have as many columns
    assert len(numbers) == 2 and any("ArgMax" in name for name in found.hard)
    z = inside.tensors(model, (8, 8, 1), numbers)(images)
    for member, found in zip(members, z[:2], strict=True):
        np.testing.assert_allclose(found, member(images), atol=1e-4)
    joint = inside.twin(model, ends=numbers)(tf.constant(images))
    np.testing.assert_allclose(joint, sum(tf.nn.log_softmax(member(images)) for member in members) / 2, atol=1e-4)


def test_logits_behind_a_squashing_tail_are_a_network_and_the_mean_of_members_is_none(images):
    z = classifier("mlp").output
    clipped = keras.Model(classifier("mlp").input, ops.maximum(z, -1.0))
    [place] = inside.contents(clipped, (8, 8, 1), 10).networks
    np.testing.assert_allclose(
        inside.tensors(clipped, (8, 8, 1), (place.number,))(images)[0], classifier("mlp")(images), atol=1e-4
    )
    x = keras.Input((8, 8, 1))
    mean = keras.Model(x, layers.Average()([classifier("mlp")(x), classifier("linear")(x)]))
    assert not inside.contents(mean, (8, 8, 1), 10).networks


def test_an_image_made_of_the_image_is_found_and_passed_by(images):
    model = behind(layers.Activation("tanh"), classifier("mlp"))
    [place] = inside.contents(model, (8, 8, 1), 10).images
    x = tf.constant(images)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = inside.twin(model, skip=place.number)(x)
        bent = tf.tanh(x)
        tape.watch(bent)
        z = classifier("mlp")(bent)
    np.testing.assert_allclose(y, z, atol=1e-4)
    np.testing.assert_allclose(tape.gradient(y, x), tape.gradient(z, bent), atol=1e-4)


class Looped(layers.Layer):
    """Three times what `step` makes of an image, in a loop that Keras does not see."""

    def __init__(self, step):
        super().__init__()
        self.step = step

    def call(self, x):
        return tf.while_loop(lambda k, _: k < 3, lambda k, x: (k + 1, self.step(x)), (0, x))[1]


def test_hard_and_random_operations_are_found_in_loops_and_honest_loops_hold_none():
    found = {
        name: inside.contents(behind(Looped(step), classifier("mlp")), (8, 8, 1), 10)
        for name, step in {
            "rounded": lambda x: tf.round(9 * x) / 9,
            "noisy": lambda x: x + tf.random.normal(tf.shape(x)),
            "honest": lambda x: 0.9 * tf.nn.relu(x),
        }.items()
    }
    assert [len(one.hard) for one in found.values()] == [1, 0, 0]
    assert [len(one.random) for one in found.values()] == [0, 1, 0]
    assert all(len(one.images) == 1 for one in found.values())  # what the loop makes of the image


class OnlyEager(keras.Model):
    def call(self, x):
        return classifier("mlp")(x) * float(ops.max(x))


def test_a_model_that_cannot_be_traced_is_told_from_a_fault_of_our_own(monkeypatch):
    model = OnlyEager()
    with pytest.raises(UnreadableModel, match="cannot be traced: "):
        inside.contents(model, (8, 8, 1), 10)
    monkeypatch.setitem(SMOOTH, "MatMul", lambda replay, op, inputs: {}["a fault"])
    with pytest.raises(KeyError, match="a fault"):
        inside.tensors(classifier("mlp"), (8, 8, 1), ())


def test_leaky_parts_keep_a_slope(images):
    flat = keras.Model(classifier("mlp").input, ops.minimum(classifier("mlp").output, -1e3))
    x = tf.constant(images)
    slopes = []
    for leaky in (False, True):
        with tf.GradientTape() as tape:
            tape.watch(x)
            z = inside.twin(flat, leaky=leaky)(x)
        slopes.append(np.abs(tape.gradient(z, x)).max())
        np.testing.assert_array_equal(z, flat(x))
    assert slopes[0] == 0 < slopes[1]
