import io
import subprocess
import sys

import matplotlib
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from tfadv.errors import TfadvError
from tfadv.reports import figures
from tfadv.reports.heatmap import heatmap
from tfadv.reports.lines import line_chart

CURVE = {"eps": [0.2, 0.0, 0.1], "accuracy": [0.1, 0.9, 0.5], "low": [0, 0.8, 0.4], "high": [0.2, 1, 0.6]}
RNG = np.random.default_rng(0)


def draw(name):
    x = RNG.random((6, 8, 8, 1), np.float32)
    return {
        "plane": lambda: figures.accuracy_plane(
            {f"$\\no{k}$": {"natural": [0.9, 0.8], "robust": [0.1, 0.2], "joined": k % 2 == 0} for k in range(9)}
        ),
        "curves": lambda: figures.accuracy_curves({f"$\\no{k}$": CURVE for k in range(9)}, vertical_lines={"eps": 0.1}),
        "roc": lambda: figures.roc_curves({"l2": ([0, 0.5, 1], [0, 0.8, 1], 0.7)}),
        "bars": lambda: figures.accuracy_bars({"a": {"clean": (0.9, (0.8, 1)), "robust": (0.1, None)}, "b": {}}),
        "distances": lambda: figures.distance_histogram({"a": [0.1, 0.2], "$b": [0.2]}, vertical_lines={"l2:1": 0.25}),
        "gallery": lambda: figures.gallery(x, x[::-1], ["猫"] * 6, ["$"] * 6, title="six in two bands"),
        "grid": lambda: figures.image_grid(x, list("abcdef")),
        "lines": lambda: line_chart({f"$\\no{k}$": ([0, 1], [9.0, 0.1]) for k in range(9)}, logarithmic=True),
        "heatmap": lambda: heatmap([[1.0, 0.2, np.nan], [0.2, 1.0, 0.5]], "ab", "abc", title="$"),
    }[name]


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", ["plane", "curves", "roc", "bars", "distances", "gallery", "grid", "lines", "heatmap"])
def test_same_arguments_same_bytes(name):
    before = dict(matplotlib.rcParams)
    function = draw(name)
    png = function()
    assert png == function()
    assert pixels(png).shape[1] == 1050
    assert dict(matplotlib.rcParams) == before


def test_an_interval_is_told_from_a_minus_and_from_its_bar(monkeypatch):
    """It has ends, a white edge on a dark bar, and the number begins well after it."""
    drawn = []
    monkeypatch.setattr(figures.canvas, "png", lambda figure, path: drawn.append(figure))
    figures.accuracy_bars({"a": {"x": (0.5, (0.4, 0.6)), "y": (0.3, None)}})
    [axes], agg = drawn[0].axes, FigureCanvasAgg(drawn[0])
    agg.draw()
    [line], [interval, bare] = axes.lines, axes.texts
    assert line.get_marker() == "|" and line.get_path_effects()
    for text, x in ((interval, 0.6), (bare, 0.3)):
        gap = text.get_window_extent(agg.get_renderer()).x0 - axes.transData.transform((x, 0))[0]
        assert 12 < gap < 30  # of 1,050 pixels


def test_one_series_of_bars_needs_no_legend(monkeypatch):
    drawn = []
    monkeypatch.setattr(figures.canvas, "png", lambda figure, path: drawn.append(figure))
    figures.accuracy_bars({"a": {"natural": (0.5, None)}})
    figures.accuracy_bars({"a": {"natural": (0.5, None), "PGD": (0.3, None)}})
    one, two = drawn
    assert not one.legends and one.axes[0].get_xlabel() == "accuracy, natural"
    assert two.legends and two.axes[0].get_xlabel() == "accuracy"


def test_a_group_of_bars_is_as_high_as_it_has_bars(monkeypatch):
    seen = []
    monkeypatch.setattr(figures, "_bars", lambda axes, number, label, places, *_: seen.append((axes, places)))
    one = (0.5, None)
    figures.accuracy_bars({"a": {"x": one, "y": one}, "b": {"y": one}, "c": {"x": one, "y": one}})
    (axes, of_x), (_, of_y) = seen
    assert of_x == pytest.approx([0, 1.6]) and of_y == pytest.approx([0.4, 1.0, 2.0])
    assert axes.get_yticks() == pytest.approx([0.2, 1.0, 1.8])


def test_long_names_reach_into_no_neighbor():
    lines = figures._short("harmonica, mouth organ, harp, mouth harp\n100%", 4).split("\n")
    assert (
        lines == ["harmonica, mouth\N{HORIZONTAL ELLIPSIS}", "100%"] and figures._short("tiger cat", 4) == "tiger cat"
    )


@pytest.mark.parametrize("size", [8, 28, 32])
@pytest.mark.parametrize("channels", [1, 3])
def test_gallery_shows_the_sign_of_the_difference(size, channels):
    x = np.full((1, size, size, channels), 0.5, np.float32)
    x_adv = x.copy()
    x_adv[:, : size // 2] += 0.1
    image = pixels(figures.gallery(x, x_adv, [""], [""])).astype(int)
    # Brighter is red in gray images and white in color images; each is nowhere else in the picture.
    red = (image[..., 0] > image[..., 2] + 60).sum()
    assert (red > 1000) == (channels == 1)


def test_gallery_magnifies_as_far_as_nothing_is_lost(monkeypatch):
    seen = []
    monkeypatch.setattr(figures, "_signed", lambda difference: seen.append(difference) or np.zeros((1, 2, 2, 3)))
    x = np.zeros((1, 2, 2, 1), np.float32)
    figures.gallery(x, x + np.float32(0.1), [""], [""])
    assert np.allclose(seen[0], 1)


@pytest.mark.parametrize("function", [figures.image_grid, lambda x: figures.gallery(x, x, [], [])])
def test_no_images(function):
    with pytest.raises(TfadvError, match="m >= 1"):
        function(np.zeros((0, 8, 8, 1)))


def test_path_is_written(tmp_path):
    png = figures.roc_curves({}, path=tmp_path / "new" / "roc.png")
    assert (tmp_path / "new" / "roc.png").read_bytes() == png


def test_reports_import_no_tensorflow_and_no_pyplot(tmp_path):
    code = f"""
import sys
from tfadv.evaluation.results import EvaluationResult
from tfadv.reports import page
assert not {{"matplotlib", "scipy", "jinja2"}} & set(sys.modules)
facts = dict(model={{"name": "m"}}, dataset={{"name": "d", "n": 2}}, threat="l2:1")
curve = dict(attack="a", norm="l2", eps=[0], accuracy=[1])
run = EvaluationResult.of([1, 0], [1, 0], [0, 1], "ab", curves=[curve], **facts)
page.write([run], {str(tmp_path / "r.html")!r})
assert not {{"tensorflow", "keras", "matplotlib.pyplot"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_titles_of_two_lines_have_room_above_each_row(monkeypatch):
    drawn = []
    monkeypatch.setattr(figures.canvas, "png", lambda figure, path: drawn.append(figure))
    for titles in (None, ["a", "b"], ["a\n1 %", "b\n2 %"]):
        figures.image_grid(np.zeros((2, 4, 4, 3)), titles, columns=1)
    without, one, two = (figure.get_figheight() for figure in drawn)
    assert without == one and two == pytest.approx(one + 2 * 0.25)
