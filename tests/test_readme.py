"""What the README says works: its Python runs, its commands parse, its names exist."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

README = (Path(__file__).parents[1] / "README.md").read_text()


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.S)


def test_the_python_runs_from_top_to_bottom(tmp_path):
    [script] = blocks("python")
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    assert re.search(r"clean \d+\.\d%, robust \d+\.\d%", done.stdout)
    written = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")}
    assert {
        "digits.html",
        "runs/digits/result.json",
        "runs/digits/model.keras",
        "saved_models/digits/1/saved_model.pb",
    } <= written


def commands():
    text = "\n".join(blocks("bash")).replace("\\\n", " ")
    return [line for line in text.splitlines() if line.startswith("tfadv ")]


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


def test_the_names_in_the_table_are_the_registries():
    from tfadv.attacks import ATTACKS
    from tfadv.data import DATASETS
    from tfadv.models import MODELS
    from tfadv.threat import NORMS
    from tfadv.training import METHODS

    row = next(line for line in README.splitlines() if line.startswith("| `linf:8/255`"))
    cells = [set(re.findall(r"`([\w.-]+)", cell)) for cell in row.split("|")[1:-1]]
    assert {cell.partition(":")[0] for cell in re.findall(r"`(\w+):", row)} == set(NORMS)
    for cell, registry in zip(cells[1:], (ATTACKS, METHODS, MODELS, DATASETS), strict=True):
        assert {name.replace("-", "_") for name in cell} - {".npz"} == set(registry)


def test_every_link_leads_somewhere():
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (Path(__file__).parents[1] / target).is_file(), target
