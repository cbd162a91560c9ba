import functools

import keras
import numpy as np
import pytest

from tfadv.errors import TfadvError
from tfadv.models import pretrained


def test_a_network_of_keras_takes_pixels_and_returns_logits(monkeypatch):
    """Without its weights, which would have to be downloaded, and small."""
    make = keras.applications.MobileNet
    small = {"alpha": 0.25, "input_shape": (32, 32, 3), "classes": 7}
    monkeypatch.setattr(keras.applications, "MobileNet", functools.wraps(make)(lambda **given: make(**small, **given)))
    monkeypatch.setattr(pretrained, "WEIGHTS", None)
    model = pretrained.load("MobileNet")
    x = np.random.default_rng(0).random((2, 32, 32, 3)).astype(np.float32)
    expected = model.layers[-1](keras.applications.mobilenet.preprocess_input(255 * x))
    assert model.output_shape == (None, 7)
    np.testing.assert_allclose(model(x), expected, atol=1e-5)
    assert not np.allclose(model(x).numpy().sum(axis=1), 1)


def test_without_a_network_one_sentence_says_what_to_do(monkeypatch):
    def unreachable(**_):
        raise Exception("URL fetch failure on https://storage.googleapis.com: None -- [Errno -3] Temporary failure")

    unreachable.__module__ = keras.applications.ResNet50.__module__
    monkeypatch.setattr(keras.applications, "ResNet50", unreachable)
    with pytest.raises(TfadvError, match=r"weights of ResNet50 \(URL fetch failure.*--model FILE.keras"):
        pretrained.load("ResNet50")


def test_what_is_no_network_is_refused_with_the_nearest_name(tmp_path):
    with pytest.raises(TfadvError, match="no network 'ResNet5O': did you mean 'ResNet50'"):
        pretrained.load("ResNet5O")
    with pytest.raises(TfadvError, match="no network 'qqq': give one of its names, a .keras file"):
        pretrained.load("qqq")
    with pytest.raises(TfadvError, match="there is no model"):
        pretrained.load(tmp_path / "mine.keras")
