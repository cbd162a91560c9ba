"""What every figure is drawn on: our style, our width, and PNG bytes that depend on the picture only."""

import contextlib
import io
import warnings

from tfadv import files

WIDTH = 7  # inches; at 150 dpi the 1,050 pixels that fill a phone's screen
STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 14,
    "axes.titlesize": 15,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.8,
    "legend.fontsize": 13,
    "legend.handlelength": 3.2,
    "figure.facecolor": "white",
    "figure.dpi": 150,
    "text.usetex": False,
    "text.parse_math": False,  # a class called "$" is not mathematics
}


@contextlib.contextmanager
def style():
    """Our style while one function draws; matplotlib's global state is not changed."""
    import matplotlib

    with matplotlib.rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # a name in another script shows as boxes
        yield


def figure(height):
    """An empty matplotlib figure of our width, `height` inches high."""
    from matplotlib.figure import Figure

    return Figure(figsize=(WIDTH, height), layout="constrained")


def halo():
    """A white edge, for lines that are seen on dark ground too."""
    from matplotlib.patheffects import withStroke

    return withStroke(linewidth=3.5, foreground="white")


def png(figure, path=None):
    """A figure as the bytes of a PNG image, written to `path` too where there is one."""
    with io.BytesIO() as stream:
        # Without the version of matplotlib in them, the bytes depend on the picture only.
        figure.savefig(stream, format="png", metadata={"Software": None})
        content = stream.getvalue()
    if path is not None:
        files.write_bytes(path, content)
    return content
