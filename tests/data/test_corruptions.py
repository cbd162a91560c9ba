"""Common corruptions: each against its formula or SciPy, and what holds for all of them."""

import colorsys
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from tfadv.data import corruptions
from tfadv.data.corruptions import CORRUPTIONS, SEVERITIES, blur, corrupt, digital, noise, resampling, weather
from tfadv.errors import TfadvError

RNG = np.random.RandomState(0)
X = np.round(255 * ndimage.gaussian_filter(RNG.uniform(size=(3, 32, 32, 3)), (0, 2, 2, 0))) / 255
X = ((X - X.min()) / (X.max() - X.min())).astype("float32")
BYTES = np.round(255 * X).astype("float32") / 255


@pytest.mark.parametrize("name", CORRUPTIONS)
@pytest.mark.parametrize("shape", [(3, 32, 32, 3), (2, 28, 28, 1)])
def test_every_corruption_gives_other_images_of_the_same_kind(name, shape):
    x = BYTES[: shape[0], : shape[1], : shape[2], : shape[3]]
    found = [corrupt(x, name, severity, seed=1) for severity in SEVERITIES]
    for y in found:
        assert y.shape == x.shape and y.dtype == np.float32 and y.min() >= 0 and y.max() <= 1
        assert np.allclose(255 * y, np.round(255 * y), atol=1e-3)
    assert np.array_equal(found[2], corrupt(x, name, 3, seed=1))
    change = [np.abs(y - x).mean() for y in found]
    # By their constants the first severity moves more corners, and the last keeps less of a frozen image.
    assert change[4] > 0.004 and (change[4] > change[0] or name in ("elastic_transform", "frost"))
    draws = name not in ("defocus_blur", "zoom_blur", "brightness", "contrast", "pixelate", "jpeg_compression")
    assert np.array_equal(found[2], corrupt(x, name, 3, seed=2)) is not draws


@pytest.fixture(scope="module")
def reference():
    """What the published code makes of two images: see corruption_reference.py."""
    with np.load(Path(__file__).with_name("corruption_reference.npz")) as arrays:
        return dict(arrays)


@pytest.mark.parametrize("size", ["small", "large"])
def test_images_are_those_of_the_published_code(reference, size):
    """With the same random numbers, to the last bit of 8; glass smooths what was rounded before."""
    x, published = np.float32(reference[size][None]) / 255, reference[f"{size}_pixels"].astype(float)
    at = np.linspace(0, x.shape[1] - 1, published.shape[2]).astype(int)
    names = [name for name in CORRUPTIONS if name not in ("frost", "impulse_noise", "elastic_transform")]
    for name, by_severity in zip([*names, "elastic_transform"], published, strict=True):
        for severity, pixels in zip(SEVERITIES, by_severity, strict=True):
            rng = np.random.RandomState(severity)
            found = np.rint(255 * corruptions._corrupt(x, CORRUPTIONS[name], severity, rng)[0])[at][:, at]
            away = np.abs(found - pixels)
            assert away.max() <= (2 if name == "glass_blur" else 1) and away.mean() < 0.2, (name, severity)


@pytest.mark.parametrize("size", ["small", "large"])
def test_impulses_and_frost_have_the_statistics_of_the_published_code(reference, size):
    """The mean and the deviation of a pixel; of frost, which is drawn and no photograph, within a few of 255."""
    x, published = np.float32(reference[size][None]) / 255, reference[f"{size}_statistics"]
    for name, by_severity, close in zip(("frost", "impulse_noise"), published, (4, 0.6), strict=True):
        for severity, (mean, deviation) in zip(SEVERITIES, by_severity, strict=True):
            found = 255 * corrupt(np.repeat(x, 200, axis=0), name, severity, seed=1)
            assert found.mean() == pytest.approx(mean, abs=close), (name, severity)
            assert found.var(axis=0).mean() ** 0.5 == pytest.approx(deviation, abs=close), (name, severity)


def test_there_are_fifteen_with_five_constants_each():
    assert len(CORRUPTIONS) == 15
    assert all(len(one.small) == len(one.large) == 5 for one in CORRUPTIONS.values())


def test_large_images_take_other_constants():
    small, large = np.full((1, 63, 63, 1), 0.4, "float32"), np.full((1, 64, 64, 1), 0.4, "float32")
    assert (
        corrupt(small, "brightness", 5).max() == pytest.approx(178 / 255)
        and corrupt(large, "brightness", 5).max() > 0.89
    )


def test_what_is_refused():
    for wrong, word in (
        ((X, "rain", 1), "corruption"),
        ((X, "fog", 6), "severity"),
        ((X[..., :2], "fog", 1), "channels"),
    ):
        with pytest.raises(TfadvError, match=word):
            corrupt(*wrong)


def test_noise_has_the_mean_and_the_spread_that_it_should():
    gray = np.full((1, 200, 200, 1), 0.5)
    assert noise.gaussian_noise(gray, RNG, 0.1).std() == pytest.approx(0.1, rel=0.02)
    shot = noise.shot_noise(gray, RNG, 50)
    assert shot.mean() == pytest.approx(0.5, rel=0.01) and shot.std() == pytest.approx((0.5 / 50) ** 0.5, rel=0.02)
    broken = noise.impulse_noise(gray, RNG, 0.1)
    assert [np.mean(broken == value) for value in (0, 1)] == pytest.approx([0.05, 0.05], rel=0.1)


def test_brightness_is_the_value_of_hsv():
    found = digital.brightness(X, None, 0.2)
    for pixel, bright in zip(X[0, ::8, ::8].reshape(-1, 3), found[0, ::8, ::8].reshape(-1, 3), strict=True):
        hue, saturation, value = colorsys.rgb_to_hsv(*pixel.astype(float))
        assert np.allclose(bright, colorsys.hsv_to_rgb(hue, saturation, min(1, value + 0.2)), atol=1e-5)
    assert (digital.brightness(np.zeros((1, 2, 2, 3)), None, 0.2) == 0.2).all()


def test_contrast_keeps_the_mean_of_each_channel():
    found = digital.contrast(X, None, 0.3)
    assert np.allclose(found.mean(axis=(1, 2)), X.mean(axis=(1, 2)), atol=1e-5)
    assert np.allclose(found.std(axis=(1, 2)), 0.3 * X.std(axis=(1, 2)), atol=1e-5)


@pytest.mark.parametrize("factor", [1.0, 1.06, 1.25, 2.25])
def test_zoom_is_that_of_scipy(factor):
    cut = int(np.ceil(32 / factor))
    first = (32 - cut) // 2
    whole = ndimage.zoom(X[0, first : first + cut, first : first + cut], (factor, factor, 1), order=1)
    trim = (len(whole) - 32) // 2
    assert np.allclose(resampling.zoomed(X, factor)[0], whole[trim : trim + 32, trim : trim + 32], atol=1e-5)


@pytest.mark.parametrize("edge", ["mirror", "reflect"])
def test_looking_between_pixels_is_that_of_scipy(edge):
    rows, columns = RNG.uniform(-40, 70, (2, 3, 32, 32))
    found = resampling.sampled(X, rows, columns, edge)
    expected = ndimage.map_coordinates(X[1, :, :, 2], [rows[1], columns[1]], order=1, mode=edge)
    assert np.allclose(found[1, :, :, 2], expected, atol=1e-5)


def test_warping_without_moving_changes_nothing():
    assert np.allclose(digital.elastic_transform(X, RNG, 0, 0, 0), X, atol=1e-5)
    assert np.allclose(digital.elastic_transform(X, RNG, 0.1, 0.04, 0), X, atol=0.5)


def test_a_disk_weighs_one_and_is_round():
    for radius, softness in ((0.3, 0.4), (1.5, 0.1), (6, 0.5), (10, 0.5)):
        kernel = blur.disk(radius, softness)
        assert (
            kernel.sum() == pytest.approx(1, rel=0.02)
            and np.allclose(kernel, kernel.T)
            and np.allclose(kernel, kernel[::-1])
        )
    assert np.allclose(blur.disk(1.5, 0.1)[1:-1, 1:-1], 1 / 9)  # the pixel and its eight neighbors


def test_motion_along_a_row_leaves_rows_alone():
    rows = np.repeat(RNG.uniform(size=(1, 8, 1, 1)), 8, axis=2)
    assert np.allclose(resampling.motion_blurred(rows, 3, 2, np.array([0.0])), rows)
    assert not np.allclose(resampling.motion_blurred(rows, 3, 2, np.array([90.0])), rows)
    point = np.zeros((1, 1, 9, 1))
    point[0, 0, 4] = 1
    weights = np.exp(-(np.arange(5) ** 2) / 8)
    assert np.allclose(resampling.motion_blurred(point, 2, 2, np.array([0.0]))[0, 0, 4::-1, 0], weights / weights.sum())


def test_glass_takes_values_from_nearby():
    found = blur.glass_blur(np.tile(np.arange(8.0).reshape(1, 1, 8, 1) / 255, (1, 8, 1, 1)), RNG, 1e-9, 1, 1)
    moved = np.abs(255 * found[0, :, :, 0] - np.arange(8))
    assert moved.max() == pytest.approx(1) and moved[:, :2].max() < 1e-6  # the edge stays


def test_fractals_fill_the_interval_and_differ():
    found = weather.fractal(RNG, 4, 28, 2)
    assert found.shape == (4, 32, 32) and (found.min(axis=(1, 2)) == 0).all() and (found.max(axis=(1, 2)) == 1).all()
    rough, smooth = (np.abs(np.diff(weather.fractal(RNG, 20, 32, r), axis=1)).mean() for r in (1.2, 3))
    assert rough > 2 * smooth


def test_fog_hides_and_what_is_brightest_stays_the_limit():
    found = weather.fog(X, RNG, 1.5, 1.75)
    assert (found.max(axis=(1, 2, 3)) <= X.max(axis=(1, 2, 3)) + 1e-6).all() and found.std() < X.std()


def test_snow_and_frost_brighten_dark_images():
    dark = np.full((5, 32, 32, 3), 0.1)
    assert weather.snow(dark, RNG, 0.3, 0.3, 1.25, 0.65, 14, 12, 0.8).mean() > 0.2
    ice = (weather.frost(dark, RNG, 0.75, 0.45) - 0.075) / 0.45
    assert np.allclose(ice.std(axis=(1, 2)), weather.FROST_CONTRAST, atol=0.02) and 0.4 < ice.mean() < 0.8
