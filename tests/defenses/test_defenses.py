"""Defenses by their formulas."""

import keras
import numpy as np
import pytest

from tfadv import models
from tfadv.defenses import defend, ensemble, with_dropout, with_low_rank, with_noise
from tfadv.defenses.low_rank import kernels_of
from tfadv.errors import TfadvError
from toy_models import classifier as toy


def softmax(z):
    return np.exp(z) / np.exp(z).sum(axis=-1, keepdims=True)


def joined(z, mean):
    """Of answers, (n, votes, classes)."""
    if mean == "votes":
        return np.eye(z.shape[-1])[z.argmax(axis=-1)].sum(axis=1)
    return z.mean(axis=1) if mean == "logits" else np.log(softmax(z).mean(axis=1))


@pytest.mark.parametrize("mean", ["logits", "probabilities", "votes"])
def test_noise_is_the_mean_answer_to_noisy_copies(mean, images):
    draws = keras.random.SeedGenerator(4)
    eta = keras.random.normal((3 * len(images), 8, 8, 1), seed=draws).numpy()
    z = toy("cnn")(np.repeat(images, 3, axis=0) + 0.1 * eta).numpy().reshape(len(images), 3, 10)
    model = with_noise(toy("cnn"), sigma=0.1, votes=3, mean=mean, seed=4)
    assert np.allclose(model(images), joined(z, mean), atol=1e-4)


def test_one_vote_is_one_noisy_answer(images):
    model = with_noise(toy("cnn"), sigma=0.1, mean="probabilities")
    assert model(images).numpy().max() > 0.1  # logits as they are, not their log-softmax
    assert np.allclose(with_noise(toy("cnn"), sigma=0)(images), toy("cnn")(images), atol=1e-5)


@pytest.mark.parametrize("mean", ["logits", "probabilities", "votes"])
def test_ensemble_is_the_mean_answer_of_its_members(mean, images):
    members = [toy("cnn"), toy("mlp")]
    z = np.stack([member(images).numpy() for member in members], axis=1)
    assert np.allclose(ensemble(members, mean=mean)(images), joined(z, mean), atol=1e-4)


def test_mc_dropout_draws_other_networks_for_each_vote(images):
    base = toy("batchnorm_dropout")
    model = with_dropout(base, votes=200, mean="logits")
    many, one = model(images).numpy(), with_dropout(base, votes=1, mean="logits")
    assert np.abs(many - base(images)).max() < np.abs(one(images) - base(images)).max() / 3
    assert not np.allclose(model(images), many, atol=1e-6)
    assert base.layers[-2].__class__ is keras.layers.Dropout


def test_mc_dropout_in_nested_networks(images):
    inputs = keras.Input((8, 8, 1))
    nested = keras.Model(inputs, models.build("basicnet(dropout=0.4)", (32, 32, 3), 10)(
        keras.layers.Concatenate()([keras.layers.UpSampling2D(4)(inputs)] * 3)
    ))  # fmt: skip
    model = with_dropout(nested, votes=1)
    assert not np.array_equal(model(images), model(images))


@pytest.mark.parametrize(("share", "factor", "rank"), [(0.4, 0.0, 6), (0.29, 0.0, 8), (1, 0.0, 0), (0.4, 0.1, 10)])
def test_low_rank_cuts_the_smallest_singular_values_of_each_kernel(share, factor, rank):
    base = toy("cnn")
    for kernel, other in zip(
        kernels_of(base), kernels_of(with_low_rank(base, share=share, factor=factor)), strict=True
    ):
        before, after = (
            np.linalg.svd(np.reshape(part, (-1, part.shape[-1])), compute_uv=False) for part in (kernel, other)
        )
        few = int(share * len(before) + 1e-9)
        expected = np.concatenate([before[: len(before) - few], factor * before[len(before) - few :]])
        assert np.allclose(after, expected, atol=1e-5)
    assert np.sum(after > 1e-5) == rank  # of the last one, which has 10


@pytest.mark.parametrize(
    ("classifiers", "text", "message"),
    [
        (["cnn"], "noise", "required.*'sigma'|sigma"),
        (["cnn"], "noise(sigma=-1)", "prediction noise: sigma: expected a number of at least 0"),
        (["cnn"], "noise(sigma=1, votes=0)", "votes: expected a whole number of at least 1"),
        (
            ["cnn", "mlp"],
            "noise(sigma=1)",
            "the defense 'noise': expected one classifier, received 2. Several",
        ),
        (["cnn"], "mc_dropout", "mc_dropout: the classifier: expected layers of keras.layers.Dropout, received none"),
        (["cnn"], "ensemble", "an ensemble: expected at least two classifiers, each once, received .'cnn'.."),
        (["cnn", "cnn"], "ensemble", "an ensemble: expected at least two classifiers, each once"),
        (
            ["linear", "two_classes"],
            "ensemble",
            "received 1. 'linear' for 8 x 8 x 1 with 10; 2. .* for 8 x 8 x 1 with 2",
        ),
        (["autoencoder"], "noise(sigma=0.1)", "images of 8 x 8 x 1, which an autoencoder gives. Put a classifier"),
        (["cnn", "autoencoder"], "ensemble", "images of 8 x 8 x 1, which an autoencoder gives. Put a classifier"),
        (["autoencoder", "cnn"], "encoded", "defend CLASSIFIER AUTOENCODER"),
        (["cnn"], "low_rank(share=2)", "low_rank: share: expected a number from 0 to 1, received 2"),
        (["cnn"], "low_rank(factor=-1)", "low_rank: factor: expected a number from 0 to 1"),
        (["cnn"], "majority", "unknown defense 'majority'"),
    ],
)
def test_refuses_in_one_sentence(classifiers, text, message):
    with pytest.raises(TfadvError, match=message) as error:
        defend([toy(name) for name in classifiers], text)
    assert "\n" not in str(error.value)


def test_members_of_other_images_are_told():
    with pytest.raises(TfadvError, match="images of one shape .*2. 'linear' for 28 x 28 x 1 with 10. Leave out those"):
        ensemble([toy("linear"), models.build("linear", (28, 28, 1), 10)])
