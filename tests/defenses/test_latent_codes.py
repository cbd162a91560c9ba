"""Codes, projections, and classifiers behind them, by their formulas."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfadv.attacks import PGD
from tfadv.defenses import defend, encoded, projected
from tfadv.errors import TfadvError
from tfadv.evaluation.evaluate import remarks
from tfadv.evaluation.traits import ModelTraits
from tfadv.graph import inside
from tfadv.layers import RangeProjection
from tfadv.models import autoencoders, build
from tfadv.threat import L2
from toy_models import classifier as toy

RNG = np.random.default_rng(0)
MATRIX = RNG.normal(size=(4, 64)).astype("float32")
IMAGES = RNG.normal(size=(6, 8, 8, 1)).astype("float32")


@pytest.fixture(scope="module")
def decoder():
    """z A + 0.1, a linear one, whose projection is known."""
    bias = keras.initializers.Constant(0.1)
    dense = keras.layers.Dense(64, bias_initializer=bias)
    model = keras.Sequential([keras.Input((4,)), dense, keras.layers.Reshape((8, 8, 1))])
    dense.kernel.assign(MATRIX)
    return model


def test_the_projection_on_a_linear_range_is_least_squares(decoder):
    z = RangeProjection(decoder, steps=200)(IMAGES)
    expected = (IMAGES.reshape(6, -1) - 0.1) @ np.linalg.pinv(MATRIX)
    assert np.allclose(z, expected, atol=1e-3)


def test_the_projection_in_l1_is_nearer_in_l1(decoder):
    far = lambda p: np.abs(decoder(RangeProjection(decoder, p=p, steps=500)(IMAGES)) - IMAGES).sum(axis=(1, 2, 3))  # noqa: E731
    assert (far(1) < far(2)).all()


def test_its_gradient_is_that_of_least_squares(decoder):
    layer, ways = RangeProjection(decoder, steps=50), tf.constant(RNG.normal(size=(6, 4)).astype("float32"))
    with tf.GradientTape() as tape:
        tape.watch(x := tf.constant(IMAGES))
        along = tf.reduce_sum(layer(x) * ways)
    expected = ways.numpy() @ np.linalg.pinv(MATRIX).T
    assert np.allclose(tape.gradient(along, x).numpy().reshape(6, -1), expected, rtol=0.1, atol=0.01)


def test_codes_of_the_mean_are_not_drawn_and_those_of_samples_are(images):
    vae = toy("vae")
    mean, drawn = (autoencoders.encoding(vae, sample=sample) for sample in (False, True))
    assert np.array_equal(mean(images), autoencoders.statistics(vae)(images)[:, :4])
    draws = np.array([drawn(images) for _ in range(50)])
    sigma = np.exp(autoencoders.statistics(vae)(images)[:, 4:] / 2)
    assert np.allclose(draws.mean(axis=0), mean(images), atol=0.7 * sigma.max())
    assert np.std(draws, axis=0).mean() == pytest.approx(sigma.mean(), rel=0.1)


def test_a_classifier_of_codes_gets_codes_and_one_of_images_what_is_decoded_of_them(images):
    encoder, decoder = autoencoders.parts(toy("autoencoder"))
    head = build("linear", (16,), 10)
    assert np.allclose(encoded(head, toy("autoencoder"))(images), head(encoder(images)), atol=1e-5)
    decoded = toy("cnn")(decoder(encoder(images)))
    assert np.allclose(encoded(toy("cnn"), toy("autoencoder"))(images), decoded, atol=1e-5)


def test_the_judge_draws_where_codes_are_drawn(images):
    for sample in (False, True):
        traits = ModelTraits.of(encoded(toy("cnn"), toy("vae"), sample=sample), images)
        assert traits.random is sample and (traits.noise is not None) is sample and traits.differentiable


def test_projections_decode_nearer_than_encodings(images):
    encoder, decoder = autoencoders.parts(toy("autoencoder"))
    codes = autoencoders.projection(toy("autoencoder"), steps=200)
    far = lambda z: np.square(decoder(z) - images).sum(axis=(1, 2, 3)).mean()  # noqa: E731
    assert far(codes(images)) < far(encoder(images))


def test_attacks_follow_the_projection_s_own_gradient(images, labels, predict):
    model = projected(toy("cnn"), toy("autoencoder"), steps=30)
    x_adv = PGD(steps=5)(model, images, labels, threat=L2(1.0))
    noise = RNG.normal(size=images.shape).astype("float32")
    noisy = np.clip(images + noise / np.linalg.norm(noise, axis=(1, 2), keepdims=True), 0, 1)
    right = lambda x: np.mean(predict(model, x) == labels)  # noqa: E731
    assert right(x_adv) < right(noisy) - 0.3


def test_the_judge_can_take_a_projection_apart(images):
    model = projected(toy("cnn"), toy("autoencoder"), steps=30)
    found = inside.contents(model, images.shape[1:], 10)
    assert any("StopGradient" in name for name in found.hard)
    smooth = inside.twin(model)(tf.constant(images))
    assert np.allclose(smooth, model(images), atol=1e-3)


def test_what_a_projection_costs_is_said_before_it_is_judged():
    model = projected(toy("cnn"), toy("autoencoder"), steps=200)
    assert remarks(keras.Sequential([keras.Input((8, 8, 1)), model])) == remarks(model)
    [said] = remarks(model)
    assert "in 200 steps" in said and "fewer" in said and remarks(toy("cnn")) == []


@pytest.mark.parametrize(
    ("members", "text", "message"),
    [
        (["cnn"], "encoded", "the defense 'encoded': expected a classifier, then an autoencoder, received 1"),
        (["cnn", "mlp"], "encoded", "the autoencoder: expected a model of two, 'encoder' and 'decoder'"),
        (["cnn", "autoencoder"], "projected(p=3)", "projection: p: expected 1 or 2, received 3"),
        (["cnn", "autoencoder"], "projected(steps=0)", "projection: steps: expected a whole number of at least 1"),
        (["cnn", "autoencoder"], "projected(step_size=0)", "projection: step_size: expected a number above 0"),
    ],
)
def test_refuses_in_one_sentence(members, text, message):
    with pytest.raises(TfadvError, match=message) as error:
        defend([toy(name) for name in members], text)
    assert "\n" not in str(error.value)


def test_refuses_a_classifier_of_other_codes():
    with pytest.raises(TfadvError, match="expected one of codes of 16 numbers, or of images .8, 8, 1., received"):
        encoded(build("linear", (5,), 10), toy("autoencoder"))
