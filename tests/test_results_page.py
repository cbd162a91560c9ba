"""The tool that writes the pages of docs/results: each section of a page has its own claim."""

import importlib.util
import types
from pathlib import Path

import pytest

PATH = Path(__file__).parents[1] / "docs" / "results_page.py"


@pytest.fixture
def page():
    """The tool as a module."""
    spec = importlib.util.spec_from_file_location("results_page", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def result(name, *ids):
    facts = {"published": None, "measured": 1.0, "interval": None, "holds": True}
    return types.SimpleNamespace(name=name, claims=[{"id": id, "statement": f"says {id}", **facts} for id in ids])


def test_each_section_has_its_own_claim(page):
    lines = page.contents(result("mat", "rand", "max"), ["mat-rand=rand", "mat-max=max"])
    assert lines.keys() == {"mat-rand", "mat-max"}
    assert all(f"says {section[4:]} |" in line and "(results/mat.md)" in line for section, line in lines.items())
    assert page.contents(result("slwta", "masked"), ["masked"]).keys() == {"slwta"}


@pytest.mark.parametrize("chosen", [["rand"], ["mat-rand=rand"], ["mat-rand=rand", "mat-max=unknown"]])
def test_a_section_without_a_claim_is_refused(page, chosen):
    with pytest.raises(SystemExit, match="one for each of mat-rand, mat-max"):
        page.contents(result("mat", "rand", "max"), chosen)
