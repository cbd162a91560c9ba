"""Patches against loops, and against a linear network, whose best patch is known."""

import dataclasses

import keras
import numpy as np
import pytest

from tfadv.errors import TfadvError
from tfadv.physical import LaVAN, paste

RNG = np.random.default_rng(0)
X = RNG.random((4, 6, 5, 1)).astype(np.float32)
Y, TARGETS = np.int32([0, 1, 2, 0]), np.int32([1, 2, 0, 2])


@pytest.fixture(scope="module")
def model():
    """z = W x with weights of both signs."""
    model = keras.Sequential([keras.Input((6, 5, 1)), keras.layers.Flatten(), keras.layers.Dense(3, use_bias=False)])
    model.set_weights([RNG.normal(size=(30, 3)).astype(np.float32)])
    return model


@pytest.mark.parametrize("shared", [False, True])
def test_patches_are_put_where_they_are_asked_for(shared):
    patch, places = RNG.random((1 if shared else 4, 2, 2, 1)).astype(np.float32), [[0, 0], [4, 3], [2, 1], [0, 3]]
    expected = X.copy()
    for k, (top, left) in enumerate(places):
        expected[k, top : top + 2, left : left + 2] = patch[0 if shared else k]
    assert np.array_equal(paste(X, patch, places), expected)


def test_the_patch_against_a_linear_network_of_two_classes_is_a_corner_of_the_box():
    model = keras.Sequential([keras.Input((6, 5, 1)), keras.layers.Flatten(), keras.layers.Dense(2, use_bias=False)])
    weights = RNG.normal(size=(30, 2)).astype(np.float32)
    model.set_weights([weights])
    y, targets = np.int32([0, 1, 0, 1]), np.int32([1, 0, 1, 0])
    found = LaVAN(area=0.14, at=(2, 1), steps=60, confidence=1.0)(model, X, y, targets)
    uphill = (weights[:, 1] - weights[:, 0]).reshape(6, 5, 1)[2:4, 1:3]
    assert all(
        np.array_equal(patch, uphill > 0 if target else uphill < 0)
        for patch, target in zip(found.patch, targets, strict=True)
    )
    assert found.confidences.shape == (60, 4) and (found.confidences[-1] >= found.confidences[0]).all()


def test_a_shared_patch_serves_the_sum(model):
    found = LaVAN(area=0.14, at=(2, 1), steps=60, shared=True)(model, X, Y, TARGETS)
    weights = model.get_weights()[0].reshape(6, 5, 1, 3)[2:4, 1:3]
    assert np.array_equal(found.patch[0], (weights[..., TARGETS] - weights[..., Y]).sum(axis=-1) > 0)


def test_it_ends_when_all_targets_are_reached_and_keeps_what_reached_them(model):
    attack = LaVAN(area=1.0, steps=200, bounded=False, rate=0.2)
    found = attack(model, X, Y, TARGETS)
    side = attack.side(X.shape[1:])
    assert side == 5 and found.patch.shape == (4, 5, 5, 1) and len(found.confidences) < 200
    z = model(paste(X, found.patch, found.places)).numpy()
    reached = (np.exp(z) / np.exp(z).sum(axis=1, keepdims=True))[np.arange(4), TARGETS]
    assert reached == pytest.approx(found.confidences.max(axis=0), abs=1e-5) and reached.min() >= 0.9
    assert found.patch.max() > 1 or found.patch.min() < 0


def test_places_are_drawn_all_over_the_image_and_the_seed_tells_them(model):
    attack = LaVAN(area=0.14, at=None, steps=2)
    places = attack.draw_places((6, 5, 1), 500, np.random.default_rng(0))
    assert {*map(tuple, places.tolist())} == {(top, left) for top in range(5) for left in range(4)}
    first, again, other = (attack(model, X, Y, TARGETS, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first.patch, again.patch) and not np.array_equal(first.places, other.places)


@pytest.mark.parametrize(
    ("options", "said"),
    [({"area": 0}, "area"), ({"at": (0, -1)}, "at"), ({"steps": 0}, "steps"), ({"rate": 0}, "rate"),
     ({"confidence": 2}, "confidence")],
)  # fmt: skip
def test_options_are_checked(options, said):
    with pytest.raises(TfadvError, match=said):
        dataclasses.replace(LaVAN(), **options)


@pytest.mark.parametrize(
    ("options", "given", "said"),
    [
        ({}, (X, Y, Y + 475), "LaVAN: targets: expected class indices from 0 to 2, received the label 477"),
        ({}, (X, Y + 9, TARGETS), "LaVAN: y: expected class indices from 0 to 2, received the label 11"),
        ({}, (X, Y, 2), r"LaVAN: targets: expected .* \(\). Give one for each image, np.full\(n, y\) for the same"),
        ({"area": 0.5, "at": (3, 2)}, (X, Y, TARGETS), r"place for 4 x 4 pixels, 0.5 of images of 6 x 5, received \(3"),
        ({}, (np.repeat(X, 3, axis=-1), Y, TARGETS), r"6 x 5 x 3. Make their 3 channels 1 with x.mean\(axis=-1"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(model, options, given, said):
    with pytest.raises(TfadvError, match=said) as error:
        LaVAN(steps=1, **options)(model, *given)
    assert "\n" not in str(error.value)
