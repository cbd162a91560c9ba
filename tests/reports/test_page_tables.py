"""How wide tables are, and where their cells break."""

import re
import shutil
import subprocess

import pytest

from tfadv.reports import page

LONG = "eot(attack=twin(attack=apgd_t(steps=100, target_classes=9), networks=(12, 31)), draws=20)"


def test_nested_specs_break_after_a_parenthesis(make, quick, tmp_path):
    rows = [row | {"attack": f"<{LONG}"} for row in make().attacks]
    text = page.write([make(attacks=rows)], tmp_path / "report.html").read_text("utf-8")
    assert "&lt;eot(<wbr>attack=twin(<wbr>attack=apgd_t(<wbr>steps=100" in text


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("chromium"), reason="needs Chromium")
def test_tables_of_attacks_keep_to_the_column_of_the_text(make, quick, tmp_path):
    rows = [row | {"attack": LONG} for row in make().attacks]
    text = page.write([make(attacks=rows)], tmp_path / "report.html").read_text("utf-8")
    widths = "document.title = [...document.querySelectorAll('main, .block')].map(e => e.getBoundingClientRect().width)"
    text = re.sub(r"<meta http-equiv[^>]*>", "", text).replace("</body>", f"<script>{widths}</script></body>")
    (tmp_path / "measured.html").write_text(text, "utf-8")
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--window-size=1280,900", "--dump-dom")
    call = ["chromium", *options, (tmp_path / "measured.html").as_uri()]
    shown = subprocess.run(call, capture_output=True, text=True, check=True).stdout
    column, attacks, *_ = map(float, re.search(r"<title>([\d.,]+)</title>", shown)[1].split(","))
    assert attacks <= column
