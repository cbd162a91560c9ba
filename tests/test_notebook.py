"""The notebook runs from top to bottom, and what it shows is of the code and the API of today."""

import ast
import base64
import importlib.util
import re

import execute
import nbformat
import pytest

# Of 8x8 digits, few of them: the same cells in seconds.
SMALL = {"DATASET": "digits", "EPOCHS": 3, "JUDGED": 40}
LIMIT = 300_000  # bytes of the notebook, pictures and all


@pytest.fixture(scope="module")
def notebook():
    return nbformat.read(execute.QUICKSTART, as_version=4)


def python_of(notebook):
    """The Python of the cells, without lines for IPython and the shell: one tree a cell."""
    cells = [cell.source for cell in execute.code_of(notebook)]
    return [ast.parse(re.sub(r"^( *)[%!].*", r"\1pass", source, flags=re.M)) for source in cells if source[:2] != "%%"]


def shown(notebook):
    """What the cells show, as text: what they print, and tables."""
    for cell in execute.code_of(notebook):
        for output in cell.outputs:
            yield from (
                [output.text]
                if "text" in output
                else [text for kind, text in output.data.items() if kind.startswith("text/")]
            )


def test_it_was_run_as_it_is(notebook):
    nbformat.validate(notebook)
    assert notebook.metadata[execute.RECORD]["sha256"] == execute.digest(notebook), "run python notebooks/execute.py"
    counts = [cell.execution_count for cell in execute.code_of(notebook)]
    assert counts == [*range(1, len(counts) + 1)]


def test_other_code_is_noticed(notebook):
    assert execute.digest(execute.with_parameters(notebook, EPOCHS=99)) != execute.digest(notebook)
    with pytest.raises(KeyError):
        execute.with_parameters(notebook, EPOCH=1)


def test_it_is_small_and_shows_pictures_and_no_place_of_the_machine_it_ran_on(notebook):
    pictures = [
        output.data["image/png"]
        for cell in execute.code_of(notebook)
        for output in cell.outputs
        if "image/png" in output.get("data", {})
    ]
    assert len(pictures) == 2 and all(base64.b64decode(png).startswith(b"\x89PNG") for png in pictures)
    assert execute.QUICKSTART.stat().st_size < LIMIT
    text = "\n".join(shown(notebook))
    assert "robust accuracy" in text
    assert not re.findall(r"(?<![\w.:/])/\w+/\w+", text)


def test_the_names_it_uses_are_public(notebook):
    used = set()
    for node in (node for tree in python_of(notebook) for node in ast.walk(tree)):
        if isinstance(node, ast.ImportFrom) and node.module.startswith("tfadv"):
            used |= {(node.module, alias.name) for alias in node.names}
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "tfadv":
            used.add(("tfadv", node.attr))
    assert len(used) > 6
    for module, name in used:
        assert not name.startswith("_")
        found = hasattr(importlib.import_module(module), name) or importlib.util.find_spec(f"{module}.{name}")
        assert found, f"{module}.{name}"


@pytest.mark.smoke
def test_every_cell_runs_on_digits(notebook, tmp_path):
    ran = execute.run(execute.with_parameters(notebook, **SMALL), tmp_path)
    text = "\n".join(shown(ran))
    assert "robust: 40 images of digits" in text and "tfadv was imported: False" in text
    written = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")}
    assert {"report.html", "robust.keras", "runs/plain/result.json", "saved_models/robust/1/card.json"} <= written
