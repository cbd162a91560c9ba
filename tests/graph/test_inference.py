"""Layers called with training=True stay active wherever tfadv asks a model, as in `model(x)` and Keras' export."""

import gc
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tfadv import gradients
from tfadv.evaluation import metrics
from tfadv.evaluation.traits import ModelTraits
from tfadv.graph import architecture
from tfadv.graph.inference import augmentation_layers, batch_layers, inference_model
from tfadv.graph.xla import dense_only

SHAPE = (8, 8, 1)


def ending(inputs, hidden):
    return keras.Model(inputs, layers.Dense(10)(layers.Flatten()(hidden)))


def with_layer(layer, **call):
    inputs = keras.Input(SHAPE)
    return ending(inputs, layer(inputs, **call))


def shared():
    inputs, dropout = keras.Input(SHAPE), layers.Dropout(0.5)
    return ending(inputs, dropout(dropout(inputs, training=True), training=True))


def nested_and_called():
    inner = keras.Sequential([keras.Input(SHAPE), layers.Dropout(0.5)])
    inputs = keras.Input(SHAPE)
    return ending(inputs, inner(inputs, training=True))


RANDOM = {
    "dropout": lambda: with_layer(layers.Dropout(0.5), training=True),
    "noise": lambda: with_layer(layers.GaussianNoise(0.5), training=True),
    "within": lambda: keras.Sequential([keras.Input(SHAPE), with_layer(layers.Dropout(0.5), training=True)]),
    "called several times": shared,
    "nested model": nested_and_called,
}


@pytest.mark.parametrize("name", RANDOM)
def test_layers_called_with_training_are_random_for_judge_and_attack(name, images):
    model, few = RANDOM[name](), tf.constant(images[:4])
    logits_fn = tf.function(lambda x: gradients.logits_of(model)(x), autograph=False)
    assert np.ptp([logits_fn(few) for _ in range(2)], axis=0).max() > 0
    assert np.ptp([metrics.logits(model, few) for _ in range(2)], axis=0).max() > 0
    assert ModelTraits.of(model, images).random
    assert not dense_only(model)
    assert architecture.forward(model, SHAPE)[1] is None
    # The model itself is what Keras makes of it.
    assert np.ptp([model.predict(few, verbose=0) for _ in range(2)], axis=0).max() == 0


@pytest.mark.parametrize("call", [{}, {"training": False}])
def test_other_models_are_asked_as_they_are(call):
    model = with_layer(layers.Dropout(0.5), **call)
    assert inference_model(model) is model


def test_the_weights_are_the_models():
    model = RANDOM["dropout"]()
    model.layers[-1].set_weights([np.zeros((64, 10)), np.arange(10)])
    np.testing.assert_array_equal(metrics.logits(model, np.ones((1, *SHAPE), "float32")), [np.arange(10)])


def test_batch_statistics_are_left_to_a_finding(images):
    model = with_layer(layers.BatchNormalization(name="norm"), training=True)
    assert inference_model(model) is model and batch_layers(model) == ("norm",)
    assert batch_layers(RANDOM["dropout"]()) == ()


def test_augmentation_is_left_out_as_in_predict(images):
    model = with_layer(layers.RandomTranslation(0.3, 0.3, name="shift"))
    assert inference_model(model) is model and augmentation_layers(model) == ("shift",)
    assert not ModelTraits.of(model, images).random
    assert augmentation_layers(RANDOM["dropout"]()) == ()


def test_it_is_freed_with_the_model():
    gc.freeze()  # what other tests have left is not looked through
    model = RANDOM["dropout"]()
    metrics.logits(model, np.zeros((1, *SHAPE), "float32"))
    kept = weakref.ref(model), weakref.ref(inference_model(model))
    del model
    for _ in range(2):  # what is made of it goes after it
        gc.collect()
    assert [one() for one in kept] == [None, None]
