"""What the benchmarks hand to programs that know no Keras."""

import json
from pathlib import Path

import keras
import numpy as np

from tfadv import LInf


def test_a_sequential_model_is_written_layer_by_layer(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "benchmarks")
    from network_npz import write

    model = keras.Sequential([keras.Input((2, 2, 1)), keras.layers.Flatten(), keras.layers.Dense(3)])
    x, y = np.ones((2, 2, 2, 1), np.float32), np.array([0, 2])
    with np.load(write(tmp_path / "network.npz", model, x, y, LInf(0.1))) as arrays:
        assert [layer["type"] for layer in json.loads(str(arrays["network"]))] == ["InputLayer", "Flatten", "Dense"]
        kernel = next(arrays[name] for name in arrays if arrays[name].shape == (4, 3))
        np.testing.assert_allclose(arrays["logits"], x.reshape(2, 4) @ kernel, rtol=1e-5)
