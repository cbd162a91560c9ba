"""Trainings of autoencoders, and of classifiers behind them."""

import numpy as np
import pytest
import tensorflow as tf

from tfadv import training
from tfadv.data.datasets import load
from tfadv.errors import TfadvError
from tfadv.models import autoencoders, build
from tfadv.training import latent_codes
from tfadv.training.reconstruction import PSNR, PixelCrossEntropy, Reconstruction

pytestmark = pytest.mark.usefixtures("without_xla")
OPTIONS = {"progress": False, "batch_size": 50, "optimizer": "adam(learning_rate=0.01)"}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def vae(runs):
    options = {"model": "vae(latent=8, hidden=32)", "method": "reconstruction", "epochs": 4}
    return training.train(load("digits"), out=runs / "vae", **options, **OPTIONS)


def test_an_autoencoder_is_a_run_like_any_other(vae):
    assert vae.history[-1]["val_psnr"] > vae.history[0]["val_psnr"] > 5 and vae.remarks == ()
    assert "accuracy" not in vae.history[0]
    assert autoencoders.parts(vae.classifier)[0].output_shape == (None, 8)


@pytest.mark.parametrize("codes", ["encoding", "encoding, sample=False", "projection, steps=20"])
def test_a_classifier_of_codes_is_judged_on_images(codes, vae, runs):
    data, out = load("digits"), runs / codes.replace("=", "")
    method = f"latent_codes(codes={codes}, head=mlp(hidden=32, init=glorot))"
    options = {**OPTIONS, "epochs": 10, "batch_size": 20}
    run = training.train(data, out=out, model=str(vae.directory), method=method, **options)
    least = 0.15 if codes == "encoding" else 0.5  # draws are noisy after so few epochs; by chance it is 0.1
    assert np.mean(run.classifier(data.test.x).numpy().argmax(axis=1) == data.test.y) > least
    encoder, _ = autoencoders.parts(vae.classifier)
    assert run.history[-1]["val_accuracy"] > least  # on codes of held-out images, computed once
    kept = [weight.numpy() for weight in run.classifier.weights]
    assert all(any(np.array_equal(w, k) for k in kept) for w in encoder.get_weights()) or "projection" in codes


def test_codes_are_computed_once(vae):
    def prepared(**options):
        return latent_codes.LatentCodes(vae.classifier, classes=10, **options).prepare(load("digits").train).x

    codes = prepared(head="linear", sample=False)
    assert codes.shape[1:] == (8,) and prepared(head="mlp", sample=False) is codes
    drawn, mean = prepared(), autoencoders.encoding(vae.classifier, sample=False)
    assert not np.array_equal(drawn, mean(load("digits").train.x))


def test_the_objective_of_a_variational_autoencoder():
    model = build("vae(latent=2, hidden=4)", (8, 8, 1), 10)
    x = np.random.default_rng(0).uniform(size=(5, 8, 8, 1)).astype("float32")
    mean, log_variance = np.split(autoencoders.statistics(model)(x).numpy(), 2, axis=1)
    kl = (mean**2 + np.exp(log_variance) - 1 - log_variance).sum(axis=1) / 2
    penalty = Reconstruction(model, beta=3.0).penalty({"x": tf.constant(x)}, None, None)
    assert np.allclose(penalty, 3 * kl, atol=1e-5)
    assert Reconstruction(build("ae", (8, 8, 1), 10)).penalty({"x": x}, None, None) is None


def test_the_loss_is_summed_over_pixels_and_psnr_is_a_mean_over_images():
    x, y = np.random.default_rng(1).uniform(0.1, 0.9, (2, 3, 8, 8, 2)).astype("float32")
    each = -(x * np.log(y) + (1 - x) * np.log(1 - y)).sum(axis=(1, 2, 3))
    assert np.allclose(PixelCrossEntropy()(x, y), each.mean(), rtol=1e-4)
    psnr = PSNR()
    psnr.update_state(x, y)
    assert float(psnr.result()) == pytest.approx(np.mean(-10 * np.log10(((x - y) ** 2).mean(axis=(1, 2, 3)))), rel=1e-4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "mlp", "method": "reconstruction"}, "the autoencoder: expected a model of two"),
        ({"model": "ae", "method": "reconstruction", "loss": "hinge"}, "reconstruction: loss: expected ce"),
        ({"model": "ae", "method": "reconstruction(beta=-1)"}, "reconstruction: beta: expected a number of at least 0"),
        ({"model": "ae", "method": "standard"}, "logits|classes"),
        ({"model": "mlp", "method": "latent_codes"}, "the autoencoder: expected a model of two"),
        ({"model": "ae", "method": "latent_codes(codes=pca)"}, "codes: expected encoding or projection"),
        ({"model": "ae", "method": "latent_codes(classes=3)"}, "has no option 'classes'"),
        ({"model": "ae", "method": "latent_codes", "augment": "crop_flip"}, "augment: expected none, as this method"),
        ({"model": "ae", "method": "latent_codes", "threat": "l2:1"}, "latent_codes: expected no attack, as codes are"),
        ({"model": "ae(latent=0)", "method": "reconstruction"}, "ae: latent: expected a whole number of at least 1"),
    ],
)
def test_refuses_in_one_sentence(options, message, tmp_path):
    with pytest.raises(TfadvError, match=message) as error:
        training.train(load("digits"), out=tmp_path / "run", epochs=1, **options, **OPTIONS)
    assert "\n" not in str(error.value)
