"""Writes the page of an experiment from what a run of it measured, and its line in the table of contents.

    python docs/results_page.py RUN --commit HASH --minutes M --claim ID      # RUN is the --out of `tfadv reproduce`
    python docs/results_page.py RUN --commit HASH --minutes M --claim mat-rand=ID --claim mat-max=ID

A page of several sections says which claim is whose. The page ends with the section "In plain words", which is written
by hand, and kept where the page is written anew.
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
    spent = f"{minutes:g}, beside other work: at least {minutes / 2:.1f} on two idle cores"
    about = {"commit": commit, "CPU minutes": spent}
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


def contents(result, chosen):
    """The lines of an experiment's sections in the table of contents: the claim, published, measured, verdict.

    Args:
        chosen: `"SECTION=ID"` for each, or an id alone where there is one section.

    Raises:
        SystemExit: unless each section has its claim, one that the run has.
    """
    name, sections = result.name.replace("_", "-"), EXPERIMENTS.get(result.name).ids
    ids = dict(word.split("=") if "=" in word else (sections[0], word) for word in chosen)
    claims, lines = {claim["id"]: claim for claim in result.claims}, {}
    if ids.keys() != set(sections) or not claims.keys() >= set(ids.values()):
        raise SystemExit(f"--claim: expected one for each of {', '.join(sections)}, of {', '.join(claims)}")
    for section, key in ids.items():
        claim = claims[key]
        facts = [claim["statement"], claim["published"], document.measured(claim), document.BADGES[claim["holds"]]]
        lines[section] = f"| [{section}](results/{name}.md) | {' | '.join(map(escape, facts))} |"
    return lines


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
    parser.add_argument("--claim", required=True, action="append", help="what the table of contents shows of a section")
    given = parser.parse_args()
    update_contents(contents(write_page(given.run, given.commit, given.minutes), given.claim))
