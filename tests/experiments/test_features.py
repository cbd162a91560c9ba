"""Features of linear SVMs, a filter and a pooling, against loops."""

import colorsys
import math
import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfadv import models
from tfadv.errors import TfadvError
from tfadv.experiments.cifar_svm_resnet import features, nn_3layer, svm_hog
from tfadv.models import classifier

RNG = np.random.default_rng(0)
X = RNG.random((3, 8, 12, 3)).astype("float32")


def histograms(image, cell, bins):
    """HOG of one image (h, w, 3), pixel by pixel."""
    gray = image @ np.array(features.GRAY)
    h, w = gray.shape
    cells = np.zeros((h // cell, w // cell, bins))
    for i in range(h):
        for j in range(w):
            across = gray[i, j + 1] - gray[i, j - 1] if 0 < j < w - 1 else 0.0
            down = gray[i + 1, j] - gray[i - 1, j] if 0 < i < h - 1 else 0.0
            place = math.atan2(down, across) % math.pi / math.pi * bins - 0.5
            share = place - math.floor(place)
            size = max(math.hypot(across, down) - 1e-4, 0) / cell**2
            cells[i // cell, j // cell, math.floor(place) % bins] += (1 - share) * size
            cells[i // cell, j // cell, (math.floor(place) + 1) % bins] += share * size
    found = []
    for i in range(h // cell - 1):
        for j in range(w // cell - 1):
            block = np.concatenate([cells[i, j], cells[i, j + 1], cells[i + 1, j], cells[i + 1, j + 1]])
            block = np.minimum(block / np.sqrt((block**2).sum() + 1e-10), 0.2)
            found.append(block / np.sqrt((block**2).sum() + 1e-10))
    return np.concatenate(found)


def test_histograms_of_oriented_gradients(tmp_path):
    model = models.build("hog_svm(cell=4)", (8, 12, 3), 5)
    flat = keras.Model(model.input, model.layers[-1].input)
    assert flat(X).numpy() == pytest.approx(np.stack([histograms(image, 4, 9) for image in X]), abs=1e-4)
    assert models.build("hog_svm", (32, 32, 3), 10).count_params() == 3250
    model.save(tmp_path / "model.keras")
    assert np.array_equal(classifier.load(tmp_path)(X), model(X))
    with pytest.raises(TfadvError, match="at most half of 8 pixels"):
        models.build("hog_svm(cell=5)", (8, 12, 3), 5)


def hues(image, bins):
    """The histogram of hues of one image (h, w, 3), pixel by pixel."""
    found = np.zeros(bins)
    for pixel in image.reshape(-1, 3):
        hue, saturation, _ = colorsys.rgb_to_hsv(*map(float, pixel))
        if saturation:
            place = hue * bins - 0.5
            share = place - math.floor(place)
            found[math.floor(place) % bins] += 1 - share
            found[(math.floor(place) + 1) % bins] += share
    return found / image[..., 0].size


def test_histograms_of_hues():
    x = X.copy()
    x[0, 0] = 0.3  # gray
    x[1, 0, 0], x[1, 0, 1], x[1, 0, 2] = (0.7, 0.7, 0.1), (0.1, 0.6, 0.6), (0.9, 0.1, 0.1)
    model = models.build("hog_svm(cell=4, hues=10)", (8, 12, 3), 5)
    features_of = keras.Model(model.input, model.layers[-1].input)
    found = features_of(x).numpy()
    assert found[:, :-10] == pytest.approx(np.stack([histograms(image, 4, 9) for image in x]), abs=1e-4)
    assert found[:, -10:] == pytest.approx(np.stack([hues(image, 10) for image in x]), abs=1e-4)
    with tf.GradientTape() as tape:
        variable = tf.constant(x)
        tape.watch(variable)
        votes = features_of(variable)[:, -10:]
    gradient = tape.gradient(votes, variable, output_gradients=tf.constant(RNG.random((3, 10)), tf.float32)).numpy()
    assert np.isfinite(gradient).all() and gradient[2].any() and not gradient[0, 0].any()
    assert not features_of(np.repeat(x[..., :1], 3, axis=-1)).numpy()[:, -10:].any()


def test_gradients_pass_through_histograms_and_are_finite_where_an_image_is_flat():
    model, x = models.build("hog_svm(cell=4)", (8, 12, 3), 5), X.copy()
    x[1] = 0.5
    x[2, :, :6] = 0.25
    variable = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(variable)
        logits = model(variable)
    gradient = tape.gradient(logits, variable).numpy()
    assert np.isfinite(gradient).all() and gradient[0].any() and not gradient[1].any() and gradient[2].any()


@pytest.mark.parametrize("kind", ["uint8", "float32"])
def test_principal_components_have_deviation_1(kind):
    images = RNG.integers(0, 256, (200, 4, 4, 3), dtype="uint8")
    images[:, 0] //= 8
    images = images if kind == "uint8" else np.float32(images / 255)
    model = models.build("pca_svm(components=6)", (4, 4, 3), 10, images=images)
    x = images / np.float32(255) if kind == "uint8" else images
    found = keras.Model(model.input, model.get_layer("components").output)(x).numpy()
    assert found.mean(axis=0) == pytest.approx(0, abs=1e-4) and np.cov(found.T) == pytest.approx(np.eye(6), abs=0.02)
    assert len(model.trainable_weights) == 2
    for components, given in ((60, images), (6, None)):
        with pytest.raises(TfadvError, match="components need as many|mean of its training images"):
            models.build(f"pca_svm(components={components})", (4, 4, 3), 10, images=given)


def test_images_in_the_plane():
    y = np.repeat([0, 1], 30)
    x = 0.1 * RNG.random((60, 4, 4, 1)) + 0.8 * y[:, None, None, None]
    found = svm_hog.Embedded(60)(types.SimpleNamespace(x=x, y=y, seed=0))
    assert found["tsne"].shape == found["lle"].shape == (60, 2) and found["value"].mean() > 0.9


def test_a_filter_and_a_pooling_are_those_of_loops():
    image, kernel = RNG.random((6, 7, 2)), RNG.normal(size=(3, 3, 2))
    found, padded = nn_3layer.convolve(image, kernel), np.pad(image, ((1, 1), (1, 1), (0, 0)))
    for i in range(6):
        for j in range(7):
            expected = sum(
                padded[i + a, j + b, c] * kernel[a, b, c] for a in range(3) for b in range(3) for c in range(2)
            )
            assert found[i, j] == pytest.approx(expected, abs=1e-5)
    pooled = nn_3layer.max_pool(image)
    assert pooled.shape == (3, 3, 2)
    assert all(
        pooled[i, j, c] == image[2 * i : 2 * i + 2, 2 * j : 2 * j + 2, c].max() for i, j, c in np.ndindex(3, 3, 2)
    )


def test_the_illustration_is_what_the_network_computes():
    model = models.build("cnn_maxpool(filters=(4, 4), hidden=8)", (8, 8, 1), 10)
    network = types.SimpleNamespace(model=model, x=RNG.random((2, 8, 8, 1)).astype("float32"))
    found = nn_3layer.Illustrated()(network)
    assert found["value"] < 1e-5 and found["response"].shape == (8, 8) and found["pooled"].shape == (4, 4)
    assert np.array_equal(found["pooled"], nn_3layer.max_pool(found["response"]))
