"""What the README says works: its Python runs, its commands parse; all pages' links lead somewhere."""

import json
import re
import shlex
from pathlib import Path

import pytest

from tfadv.evaluation.diagnostics import Diagnostics

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
NOTEBOOK = ROOT / "notebooks" / "quickstart.ipynb"
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "saved_models" / "README.md",
    *sorted(ROOT.glob("docs/*.md")),
]


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.S)


def test_the_python_runs_from_top_to_bottom(tmp_path, monkeypatch, capsys):
    [script] = blocks("python")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Diagnostics, "facts", Diagnostics.without_checks)  # as long as all the rest
    exec(compile(script, "README.md", "exec"), {})
    assert re.search(r"clean \d+\.\d%, robust \d+\.\d%", capsys.readouterr().out)
    written = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")}
    assert {
        "digits.html",
        "runs/digits/result.json",
        "runs/digits/model.keras",
        "saved_models/digits/1/saved_model.pb",
    } <= written


def commands():
    """Those of the README and of the notebook."""
    text = "\n".join(blocks("bash")).replace("\\\n", " ")
    cells = "".join(line for cell in json.loads(NOTEBOOK.read_text())["cells"] for line in [*cell["source"], "\n"])
    return re.findall("^tfadv .*", text, re.M) + re.findall("^!(tfadv .*)", cells, re.M)


@pytest.mark.parametrize("command", commands())
def test_the_commands_and_their_options_exist(command):
    from tfadv_cli.main import commands as cli

    words = shlex.split(command, comments=True)[1:]
    context = cli.make_context("tfadv", words[:1], obj={})
    found = cli.get_command(context, words[0])
    while hasattr(found, "get_command"):
        words = words[1:]
        found = found.get_command(context, words[0])
    known = {option for parameter in found.params for option in (*parameter.opts, *parameter.secondary_opts)}
    used = {word for word in words[1:] if word.startswith("-")}
    assert used <= known, used - known


def test_it_is_a_front_page():
    assert len(README.splitlines()) <= 130


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    prose = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(), flags=re.S)
    for target in re.findall(r"\]\(([^)#:]+)\)", prose) + re.findall(r'src="([^"]+)"', prose):
        assert (page.parent / target).exists(), target
