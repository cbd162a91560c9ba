import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tfadv import PGD, LInf
from tfadv.graph.xla import xla_pays

pytestmark = pytest.mark.skipif(bool(tf.config.list_logical_devices("GPU")), reason="the rule is one for CPUs")


class Python(keras.Model):
    """Dense layers, and a call that XLA cannot compile."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(10)

    def call(self, x):
        same = tf.ensure_shape(tf.grad_pass_through(lambda x: tf.numpy_function(np.copy, [x], tf.float32))(x), x.shape)
        return self.dense(tf.reshape(same, [-1, 64]))


def test_only_dense_layers_all_the_way_down(classifiers):
    assert (
        xla_pays(classifiers("linear")) and xla_pays(classifiers("mlp")) and xla_pays(classifiers("batchnorm_dropout"))
    )
    assert xla_pays(keras.Sequential([keras.Input((8, 8, 1)), classifiers("mlp"), layers.Rescaling(2.0)]))
    assert not xla_pays(classifiers("cnn"))
    assert not xla_pays(keras.Sequential([keras.Input((8, 8, 1)), classifiers("cnn"), layers.Rescaling(2.0)]))
    assert not xla_pays(lambda x: x)


def test_operations_and_calls_of_ones_own_are_not_trusted():
    x = keras.Input((8, 8, 1))
    convolved = keras.ops.conv(x, np.ones((3, 3, 1, 2), "float32"))
    assert not xla_pays(keras.Model(x, layers.Dense(10)(layers.Flatten()(convolved))))
    assert not xla_pays(Python())


def test_a_model_that_xla_cannot_compile_is_attacked_all_the_same(images, labels):
    x_adv = PGD(steps=2)(Python(), images, labels, threat=LInf(0.1), batch_size=16)
    assert np.abs(x_adv - images).max() > 0.05
