"""A linear model of centered images."""

import numpy as np
import pytest

from tfadv import models
from tfadv.graph.linear import is_linear
from tfadv.models import classifier

BYTES = np.random.default_rng(0).integers(0, 256, (50, 4, 4, 3), dtype="uint8")


@pytest.mark.parametrize("images", [BYTES, np.float32(BYTES / 255)], ids=["uint8", "float32"])
def test_it_subtracts_the_mean_of_the_training_images(images, tmp_path):
    plain = models.build("linear", (4, 4, 3), 10, seed=3)
    model = models.build("linear(center=True)", (4, 4, 3), 10, seed=3, images=images)
    x = np.float32(BYTES[:5] / 255)
    expected = plain(x - np.float32(BYTES.mean(axis=0) / 255))
    assert np.allclose(model(x), expected, atol=1e-5) and not np.allclose(plain(x), expected, atol=1e-2)
    assert is_linear(model) and [w.shape for w in model.weights] == [w.shape for w in plain.weights]
    model.save(tmp_path / "model.keras")
    assert "tfadv" not in model.to_json() and np.array_equal(classifier.load(tmp_path)(x), model(x))
