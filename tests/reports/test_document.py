import numpy as np
import pytest

from tfadv.reports import html, markdown
from tfadv.reports.document import (
    Document,
    Facts,
    Table,
    Text,
    number,
    numeric_columns,
    percent,
    slug,
    with_interval,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (60000, "60,000"),
        (0.123456, "0.1235"),
        (None, "–"),
        (2.0, "2"),
        (True, "yes"),
        ("x", "x"),
        (1e-9, "1e-09"),
    ],
)
def test_numbers(value, text):
    assert number(value) == text


def test_accuracies_and_intervals():
    assert percent(0.874, (0.867, 0.88)) == "87.4 % [86.7, 88.0]"
    assert percent(0.5, []) == "50.0 %"
    assert percent(None) == "–"
    assert with_interval(2.6, (2.4, 2.81)) == "2.6 [2.4, 2.81]"
    assert number(np.float64(0.25)) == "0.25"


@pytest.mark.parametrize("text", ["../../etc/passwd", "a/b\\c", "..", "", "Table 3.4"])
def test_slugs_are_plain_names(text):
    assert slug(text) and "/" not in slug(text) and "\\" not in slug(text) and slug(text).strip(".")


def test_numeric_columns():
    table = Table("t", ["a", "b", "c"], [["x", "1.0 %", None], ["y", -2, "pgd"]])
    assert numeric_columns(table) == [False, True, False]


@pytest.mark.parametrize("text", ["1. first", "# x", "- x", "a|b", "<b>", "[x](http://y)", "&lt;", "`x`", "_x_", "*x*"])
def test_markdown_escapes_markup(text):
    assert markdown.escape(text) != text
    assert markdown.escape(text).replace("\\", "") == text


@pytest.mark.parametrize(
    "text", ["87.4 % [86.7, 88.0]", "deep_defense", "-3 points", "0.5", "pgd(steps=40, step_size=2/255)"]
)
def test_markdown_leaves_plain_text_alone(text):
    assert markdown.escape(text) == text


def test_a_cell_stays_one_line():
    table = Table("t", ["a\nb"], [["c\nd"]])
    assert "| a b |\n| --- |\n| c d |" in markdown.render(Document("D", blocks=(table,)))


def test_html_escapes_everything():
    hostile = "</style><script>x</script>\"'&"
    blocks = (
        Text(hostile, (hostile,)),
        Table(hostile, [hostile], [[hostile]], hostile, hostile),
        Facts({hostile: hostile}),
    )
    page = html.render(Document(hostile, hostile, blocks))
    assert "<script" not in page and page.count("</style>") == 1


def test_facts_are_readable():
    facts = Facts.of({"train_seconds": 1.5, "seed": 12345, "command": ["tfadv", "train"], "gpu": {"n": 0}})
    assert facts.mapping == {"train seconds": 1.5, "seed": "12345", "command": "tfadv train", "gpu": "n: 0"}
