"""The larger architectures have the parameters, and the sizes of their last features, of the published ones."""

import keras
import numpy as np
import pytest
from keras import layers

from tfadv import models
from tfadv.layers import ParametricNoise

CIFAR = (32, 32, 3)


def trainable(model):
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


# WRN: Zagoruyko & Komodakis 2016, table 4 (36.5 M), and the WRN-34-10 of TRADES (46.2 M). ResNet-18: He, Rakin, Fan
# 2019, table 4. The others: by count of the published implementations for CIFAR-10.
@pytest.mark.parametrize(
    ("text", "parameters", "features"),
    [
        ("resnet(depth=32)", 464_154, (8, 8, 64)),
        ("resnet18", 11_173_962, (4, 4, 512)),
        ("resnet18(width=1.25)", 17_454_170, (4, 4, 640)),
        ("resnet50", 23_520_842, (4, 4, 2048)),
        ("vgg11", 9_231_114, (1, 1, 512)),
        ("wrn", 36_479_194, (8, 8, 640)),
        ("wrn(depth=34)", 46_160_474, (8, 8, 640)),
    ],
)
def test_parameters_and_features(text, parameters, features):
    with keras.StatelessScope(initialize_variables=False):  # shapes alone
        model = models.build(text, CIFAR, 10)
        assert trainable(model) == parameters
    [pool] = [layer for layer in model.layers if isinstance(layer, layers.GlobalAveragePooling2D)]
    assert pool.input.shape[1:] == features


@pytest.mark.parametrize(("depth", "width"), [(10, 1), (16, 2)])
def test_wide_resnet_by_its_formula(depth, width):
    channels, blocks, before = [16 * width, 32 * width, 64 * width], (depth - 4) // 6, 16
    expected = 27 * 16 + 2 * channels[-1] + 10 * channels[-1] + 10
    for wide in channels:
        for _ in range(blocks):
            shortcut = before * wide if before != wide else 0
            expected += 9 * before * wide + 9 * wide * wide + shortcut + 2 * before + 2 * wide
            before = wide
    assert trainable(models.build(f"wrn(depth={depth}, width={width})", CIFAR, 10)) == expected


@pytest.mark.parametrize("depth", [8, 14])
def test_depth_is_that_of_its_name(depth):
    model = models.build(f"resnet(depth={depth}, widths=(2, 4, 8))", CIFAR, 10)
    assert model.name == f"resnet{depth}"
    assert sum(isinstance(layer, layers.Conv2D | layers.Dense) for layer in model.layers) == depth


@pytest.mark.parametrize(
    ("noise", "alphas", "numbers"),
    [
        ("pni", 8, 8),
        ("pni(by=channel)", 8, 2 + 2 + 2 + 4 + 4 + 8 + 8 + 10),
        ("pni(where=inputs)", 8, 8),
        ("pni(where=(weights, outputs))", 16, 16),
        ("pni(where=image, by=element)", 1, 32 * 32 * 3),
    ],
)
def test_where_noise_is_and_what_it_trains(noise, alphas, numbers):
    plain, noisy = (models.build(f"resnet8(widths=(2, 4, 8){more})", CIFAR, 10) for more in ("", f", noise={noise}"))
    found = [weight for weight in noisy.trainable_weights if weight.name == "alpha"]
    assert len(found) == alphas and sum(int(np.prod(weight.shape)) for weight in found) == numbers
    others = [weight for weight in noisy.trainable_weights if weight.name != "alpha"]
    assert all(np.array_equal(a, b) for a, b in zip(plain.trainable_weights, others, strict=True))
    assert sum(isinstance(part, ParametricNoise) for part in noisy._flatten_layers()) == alphas
