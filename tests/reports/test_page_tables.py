"""How wide tables are, and where their cells break."""

import re
import shutil
import subprocess

import pytest

from tfadv.evaluation.results import ExperimentResult
from tfadv.reports import page
from tfadv.reports.experiments import write_experiment

LONG = "eot(attack=twin(attack=apgd_t(steps=100, target_classes=9), networks=(12, 31)), draws=20)"


def test_nested_specs_break_after_a_parenthesis(make, quick, tmp_path):
    rows = [row | {"attack": f"<{LONG}"} for row in make().attacks]
    text = page.write([make(attacks=rows)], tmp_path / "report.html").read_text("utf-8")
    assert "&lt;eot(<wbr>attack=twin(<wbr>attack=apgd_t(<wbr>steps=100" in text


def widths(page):
    """Those of the text's column and of the blocks of a page, as a browser lays them out, in pixels."""
    boxes = "[...document.querySelectorAll('main, .block')].map(e => e.getBoundingClientRect().width)"
    text = re.sub(r"<meta http-equiv[^>]*>", "", page.read_text("utf-8"))
    measured = page.with_name("measured.html")
    measured.write_text(text.replace("</body>", f"<script>document.title = {boxes}</script></body>"), "utf-8")
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--window-size=1280,900", "--dump-dom")
    shown = subprocess.run(["chromium", *options, measured.as_uri()], capture_output=True, text=True, check=True).stdout
    main, *blocks = map(float, re.search(r"<title>([\d.,]+)</title>", shown)[1].split(","))
    return main - 2 * 1.25 * 16, blocks  # the padding of `main`


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("chromium"), reason="needs Chromium")
def test_tables_of_attacks_keep_to_the_column_of_the_text(make, quick, tmp_path):
    rows = [row | {"attack": LONG} for row in make().attacks]
    column, (attacks, *_) = widths(page.write([make(attacks=rows)], tmp_path / "report.html"))
    assert attacks <= column


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("chromium"), reason="needs Chromium")
def test_seven_accuracies_of_a_study_keep_to_the_column_of_the_text(tmp_path):
    columns = ["Network", "", "Natural", *[f"l_{norm} PGD" for norm in ("inf", "2", "inf", "1")], "both PGD", "FGSM"]
    rows = [
        ["l_2 PGD training, eps_2 0.83", "measured", *["47.5 % [46.1, 48.9]"] * 7],
        ["l_2 PGD training, eps_2 0.83", "published", *["79.6 %"] * 7],
    ]
    result = ExperimentResult(
        name="mat", title="", tables=[{"id": "t", "title": "Table 2", "columns": columns, "rows": rows}]
    )
    column, [block] = widths(write_experiment(result, [], tmp_path))
    assert block <= column
