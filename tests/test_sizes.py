"""Files and functions that are short enough to be read at once."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILE, FUNCTION = 300, 45


def functions(tree):
    """Every function of a module with the number of its lines, those of the docstring left out."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0]
            said = first.end_lineno - first.lineno + 1 if ast.get_docstring(node) is not None else 0
            yield node.name, node.end_lineno - node.lineno + 1 - said


@pytest.mark.parametrize("folder", ["tfadv", "cli", "tests"])
def test_nothing_is_longer_than_what_is_read_at_once(folder):
    long = []
    for file in sorted((ROOT / folder).rglob("*.py")):
        text = file.read_text("utf-8")
        name = file.relative_to(ROOT)
        counted = [("the file", len(text.splitlines()), FILE)]
        counted += [(function, count, FUNCTION) for function, count in functions(ast.parse(text))]
        long += [f"{name}, {what}: {count} lines" for what, count, most in counted if count > most]
    assert not long
