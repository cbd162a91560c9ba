"""Writes the page of an experiment from what a run of it measured, and its line in the table of contents.

    python docs/results_page.py RUN --commit HASH --claim ID      # RUN is the --out of `tfadv reproduce`

The page ends with the section "In plain words", which is written by hand, and kept where the page is written anew.
"""

import argparse
import dataclasses
import re
from pathlib import Path

from tfadv.evaluation import results
from tfadv.experiments import EXPERIMENTS
from tfadv.reports import document
from tfadv.reports.experiments import experiment_document, write_markdown
from tfadv.reports.markdown import escape

DOCS = Path(__file__).parent
WORDS = "\n## In plain words\n"
CONTENTS = re.compile(r"(?<=<!-- runs -->\n).*?(?=<!-- end -->)", re.S)
HEAD = ("| Section | Claim | Published | Measured | Verdict |", "| --- | --- | --- | --- | --- |")
KEPT = ("tensorflow", "keras", "processor", "cores", "seeds", "measured")


def write_page(run, commit, minutes):
    """docs/results/NAME.md with its figures; returns the result."""
    result, known = results.load(run), EXPERIMENTS.places
    name = result.name.replace("_", "-")
    page = DOCS / "results" / f"{name}.md"
    before = page.read_text() if page.is_file() else ""
    about = {"commit": commit, "CPU minutes": minutes}
    facts = {**about, **{key: result.provenance[key] for key in KEPT if key in result.provenance}}
    shown = dataclasses.replace(result, provenance={"document": result.provenance.get("document"), **facts})
    figures = [
        document.Figure(figure["title"], Path(run) / figure["file"], figure["caption"], f"{name}-{figure['id']}")
        for figure in result.figures
    ]
    if result.name not in known:
        raise SystemExit(f"no experiment is called {result.name}")
    write_markdown(experiment_document(shown, figures), page, "images")
    words = before.partition(WORDS)[2] or "\nTo be written.\n"
    page.write_text(page.read_text() + WORDS + words)
    return result


def contents(result, claim_id):
    """The lines of an experiment's sections in the table of contents: the claim, published, measured, verdict."""
    claim = next(claim for claim in result.claims if claim["id"] == claim_id)
    name, ids = result.name.replace("_", "-"), EXPERIMENTS.get(result.name).ids
    facts = [claim["statement"], claim["published"], document.measured(claim), document.BADGES[claim["holds"]]]
    return {section: f"| [{section}](results/{name}.md) | {' | '.join(map(escape, facts))} |" for section in ids}


def update_contents(lines):
    """docs/results.md with these lines, in the order of their sections."""
    path = DOCS / "results.md"
    text = path.read_text()
    old = re.findall(r"^\| \[([^]]+)\].*$", CONTENTS.search(text)[0], re.M)
    known = dict(zip(old, re.findall(r"^\| \[.*$", CONTENTS.search(text)[0], re.M), strict=True)) | lines
    table = "\n".join([*HEAD, *(known[section] for section in sorted(known))]) + "\n"
    path.write_text(CONTENTS.sub(lambda _: table, text))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("run")
    parser.add_argument("--commit", required=True)
    parser.add_argument("--minutes", required=True, type=float, help="CPU minutes that the run took")
    parser.add_argument("--claim", required=True, help="the claim that the table of contents shows")
    given = parser.parse_args()
    update_contents(contents(write_page(given.run, given.commit, given.minutes), given.claim))
