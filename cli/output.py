"""Results on stdout: plain aligned text that reads the same on a terminal, in a file and through a pipe."""

import json

import click

from tfadv.reports import document
from tfadv.reports.document import number, percent

__all__ = ["as_json", "claim", "facts", "findings", "heading", "line", "number", "percent", "table"]


def line(text=""):
    click.echo(text)


def heading(text):
    click.echo(click.style(text, bold=True))


def as_json(mapping):
    """The one thing on stdout."""
    from tfadv import files  # here, for it imports NumPy and help should not wait

    click.echo(json.dumps(files.plain(mapping), indent=2, ensure_ascii=False, allow_nan=False))


def table(columns, rows):
    """Columns as wide as their widest cell, numbers flush right; nothing is wrapped or cut."""
    shown = [list(map(str, columns)), *(list(map(number, row)) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    right = document.numeric_columns(document.Table("", tuple(columns), tuple(map(tuple, rows))))
    for i, row in enumerate(shown):
        cells = zip(row, widths, right, strict=True)
        text = "  ".join(cell.rjust(width) if flush else cell.ljust(width) for cell, width, flush in cells).rstrip()
        heading(text) if i == 0 else line(text)


def facts(mapping):
    """Names and values, one a line; None is left out."""
    shown = {name: value for name, value in mapping.items() if value is not None}
    width = max(map(len, shown))
    for name, value in shown.items():
        line(f"{name.ljust(width)}  {number(value)}")


def findings(found):
    """What the checks object to, each with its advice."""
    if not found:
        line("The checks found nothing suspicious.")
    for finding in found:
        color = {"error": "red", "warning": "yellow"}.get(finding["severity"])
        severity = click.style(finding["severity"], fg=color, bold=True)
        line(f"{severity}: {finding['message']} {finding['advice'] or ''}".rstrip())


def claim(claim):
    """What was published, what was measured, whether it holds: as loud if it does not."""
    color = {True: "green", False: "red", None: "yellow"}[claim["holds"]]
    badge = click.style(document.BADGES[claim["holds"]].upper(), fg=color, bold=True)
    line(f"\n{badge}: {claim['statement']}")
    published = "" if claim["published"] is None else f"published {number(claim['published'])}, "
    line(f"  {published}measured {document.measured(claim)}")
    if claim["note"]:
        line(f"  {claim['note']}")
