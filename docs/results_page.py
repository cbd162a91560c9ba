"""Writes the page of an experiment from what a run of it measured, and its line in the table of contents.

    python docs/results_page.py RUN --commit HASH --minutes M --claim ID      # RUN is the --out of `tfadv reproduce`
    python docs/results_page.py RUN --commit HASH --minutes M --claim mat-rand=ID --claim mat-max=ID

A page of several sections says which claim is whose. The page ends with the section "In plain words", which is written
by hand, and kept where the page is written anew. M, the CPU minutes of the run, is held against the minutes that the
study's preset says (`tfadv reproduce --list`); docs/results/minutes.md, which is written too, has both.
"""

import argparse
import dataclasses
import io
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
# Minutes that no seed of a laptop preset should exceed, and how far minutes may be from those of another run.
LIMIT, APART = 25, 0.15
# Bytes of a figure above which the page has a smaller one, how many pixels wide that is, and its colors.
HEAVY, LIGHT, COLORS = 250_000, 700, 256


@dataclasses.dataclass(frozen=True)
class Ran:
    """What a page says of its run; `cpu_minutes` are of all seeds."""

    seeds: int
    cpu_minutes: float
    commit: str

    def agrees(self, minutes):
        """Whether it took about these minutes a seed on two cores, its CPU minutes being half of them each."""
        return minutes is not None and abs(self.cpu_minutes / (2 * self.seeds) - minutes) <= max(0.1, APART * minutes)


def ran(page):
    """The `Ran` of a page's text; None where it is of another form."""
    facts = dict(re.findall(r"^- (commit|CPU minutes|seeds): (.*)$", page, re.M))
    if len(facts) < 3:
        return None
    return Ran(len(facts["seeds"].split()), float(re.match(r"[0-9.]+", facts["CPU minutes"])[0]), facts["commit"])


def runs():
    """The experiments whose page tells of a run: name -> (the page's path, its `Ran`)."""
    pages = {name: page_of(name) for name in EXPERIMENTS}
    told = {name: (path, ran(path.read_text())) for name, path in pages.items() if path.is_file()}
    return {name: (path, of) for name, (path, of) in told.items() if of}


def page_of(name):
    return DOCS / "results" / f"{name.replace('_', '-')}.md"


def write_page(run, commit, minutes):
    """docs/results/NAME.md with its figures; returns the result."""
    result, known = results.load(run), EXPERIMENTS.places
    name = result.name.replace("_", "-")
    page = page_of(result.name)
    before = page.read_text() if page.is_file() else ""
    spent = f"{minutes:g}, beside other work: at least {minutes / 2:.1f} on two idle cores"
    about = {"commit": commit, "CPU minutes": spent}
    facts = {**about, **{key: result.provenance[key] for key in KEPT if key in result.provenance}}
    shown = dataclasses.replace(result, provenance={"document": result.provenance.get("document"), **facts})
    figures = [
        document.Figure(figure["title"], small(Path(run) / figure["file"]), figure["caption"], f"{name}-{figure['id']}")
        for figure in result.figures
    ]
    if result.name not in known:
        raise SystemExit(f"no experiment is called {result.name}")
    scale = EXPERIMENTS.build(result.name).scale
    if not Ran(len(result.provenance["seeds"]), minutes, commit).agrees(scale.minutes):
        raise SystemExit(f"--minutes: {spent}, and the laptop preset says {scale.minutes} a seed: mend `minutes` there")
    write_markdown(experiment_document(shown, figures), page, "images")
    words = before.partition(WORDS)[2] or "\nTo be written.\n"
    page.write_text(page.read_text() + WORDS + words)
    return result


def small(path):
    """The PNG of a figure; one of photographs, which takes megabytes, with fewer pixels and colors."""
    from PIL import Image

    if path.stat().st_size <= HEAVY:
        return path.read_bytes()
    with Image.open(path) as image, io.BytesIO() as stream:
        size = (LIGHT, round(image.height * LIGHT / image.width))
        less = image.convert("RGB").resize(size, Image.Resampling.LANCZOS)
        dithered = less.quantize(palette=less.quantize(COLORS, kmeans=3), dither=Image.Dither.FLOYDSTEINBERG)
        dithered.save(stream, "PNG", optimize=True)
        return stream.getvalue()


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
    import generate  # imports this file, and TensorFlow

    generate.main()
