"""The tool that writes the pages of docs/results: each section of a page has its own claim."""

import io
import types

import numpy as np
import pytest
import results_page

from tfadv.experiments import EXPERIMENTS


def result(name, *ids):
    facts = {"published": None, "measured": 1.0, "interval": None, "holds": True}
    return types.SimpleNamespace(name=name, claims=[{"id": id, "statement": f"says {id}", **facts} for id in ids])


def test_each_section_has_its_own_claim():
    lines = results_page.contents(result("mat", "rand", "max"), ["mat-rand=rand", "mat-max=max"])
    assert lines.keys() == {"mat-rand", "mat-max"}
    assert all(f"says {section[4:]} |" in line and "(results/mat.md)" in line for section, line in lines.items())
    assert results_page.contents(result("slwta", "masked"), ["masked"]).keys() == {"slwta"}


@pytest.mark.parametrize("chosen", [["rand"], ["mat-rand=rand"], ["mat-rand=rand", "mat-max=unknown"]])
def test_a_section_without_a_claim_is_refused(chosen):
    with pytest.raises(SystemExit, match="one for each of mat-rand, mat-max"):
        results_page.contents(result("mat", "rand", "max"), chosen)


def test_figures_of_photographs_become_small(tmp_path):
    from PIL import Image

    noise = np.random.default_rng(0).integers(0, 256, (400, 1050, 3), dtype=np.uint8)
    for name, pixels in (("noise", noise), ("flat", noise // 255)):
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    assert results_page.small(tmp_path / "flat.png") == (tmp_path / "flat.png").read_bytes()
    found = results_page.small(tmp_path / "noise.png")
    assert len(found) < 0.3 * (tmp_path / "noise.png").stat().st_size
    assert Image.open(io.BytesIO(found)).size == (700, 267)


def test_a_page_says_how_long_its_run_took():
    text = "- commit: 35bda07 (a: b)\n- CPU minutes: 4.5, beside other work\n- seeds: 0 1 2\n"
    assert results_page.ran(text) == results_page.Ran(3, 4.5, "35bda07 (a: b)") and results_page.ran("# None\n") is None
    assert results_page.Ran(3, 12.0, "").agrees(2.0) and not results_page.Ran(3, 12.0, "").agrees(4.0)


@pytest.mark.parametrize("name", results_page.runs())
def test_runs_took_what_the_list_says_and_none_over_25_minutes_a_seed(name):
    minutes, (_, ran) = EXPERIMENTS.build(name).scale.minutes, results_page.runs()[name]
    assert ran.agrees(minutes) and minutes <= results_page.LIMIT
