"""A document as one HTML page that needs nothing else: images and style inside, no script, no request."""

import base64
import re
from functools import cache
from pathlib import Path

from tfadv.reports import document as model

NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"
INTERVAL = re.compile(rf"\[[\d.+-]+,{NO_BREAK_SPACE}[\d.+-]+\]")


def render(document):
    """The page as text.

    >>> "<h1>Demo</h1>" in render(model.Document("Demo"))
    True
    """
    blocks = [(type(block).__name__, block) for block in document.blocks]
    return _template().render(document=document, blocks=blocks)


@cache
def _template():
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for function in (
        model.number,
        model.slug,
        model.measured,
        model.numeric_columns,
        _data_uri,
        _is_long,
        _unbroken,
    ):
        environment.filters[function.__name__.lstrip("_")] = function
    environment.globals["badges"] = model.BADGES
    return environment.get_template("page.html.jinja")


def _data_uri(figure):
    return f"data:image/png;base64,{base64.b64encode(figure.png()).decode('ascii')}"


def _unbroken(cell):
    """A narrow column breaks `87.4 % [86.7, 88.0]` before its interval, a smaller text, and nowhere else; nor `1.2 M`.

    `twin(attack=apgd(steps=100))` it breaks after a parenthesis rather than within a word.
    """
    import markupsafe

    text = re.sub(r"(?<=\d) (?=%|[kMG]\b)|(?<=,) (?=[\d.+-]+\])", NO_BREAK_SPACE, model.number(cell))
    text = str(markupsafe.escape(text))
    if text.count("(") > 1:
        text = text.replace("(", "(<wbr>")
    return markupsafe.Markup(INTERVAL.sub(r'<span class="interval">\g<0></span>', text))


def _is_long(cell):
    """Long cells wrap; short ones, a percentage with its interval say, stay on one line."""
    return len(model.number(cell)) > 24
