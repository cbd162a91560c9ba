"""Classifiers in attributes, whether or not the traced model shows them."""

import keras
import pytest
import tensorflow as tf
from keras import layers

from tfadv.errors import TfadvError
from tfadv.graph import held, inside
from toy_models import classifier

IMAGE = (8, 8, 1)


class Holder:
    """An object of the user's own, no layer."""

    def __init__(self, **parts):
        self.parts = parts


class Service(layers.Layer):
    """Answers of a network that is called through Python."""

    def __init__(self, network, *others):
        super().__init__()
        self._network, self.others = network, others
        self.holder = Holder(deep=[network, self])
        self.loss = lambda x: network(x)

    def call(self, x):
        answer = lambda x: self._network(x).numpy()  # noqa: E731
        return tf.ensure_shape(tf.numpy_function(answer, [x], tf.float32), (None, 10))

    def compute_output_shape(self, shape):
        return (shape[0], 10)


def served(*networks):
    x = keras.Input(IMAGE)
    return keras.Model(x, Service(*networks)(x), name="served")


def test_they_are_found_by_a_path_that_leads_to_them():
    network, wrong = classifier("mlp"), classifier("two_classes")
    model = served(network, wrong)
    assert not inside.contents(model, IMAGE, 10).networks
    found = held.held(model, IMAGE, {10})
    assert list(found.values()) == [network]
    [path] = found
    assert held.find(model, path) is network
    assert list(held.held(model, IMAGE, {2}).values()) == [wrong]


def test_a_network_that_was_never_called_is_none_yet_and_is_left_alone():
    network, unbuilt = classifier("mlp"), keras.Sequential([layers.Flatten(), layers.Dense(10)])
    model = served(network)
    model.layers[-1].holder.parts["new"] = unbuilt
    assert list(held.held(model, IMAGE, {10}).values()) == [network]
    assert not unbuilt.built


@pytest.mark.parametrize("path", ["", "nowhere", "served"])
def test_a_path_that_leads_nowhere_is_refused(path):
    with pytest.raises(TfadvError, match="twin: held: expected the path to a classifier"):
        held.find(served(classifier("mlp")), path)


def test_a_plain_network_holds_none():
    assert not held.held(classifier("cnn"), IMAGE, {10})
