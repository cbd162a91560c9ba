"""What a report says, before anybody decides how it looks: a title and a row of blocks."""

import re
from dataclasses import dataclass, field
from pathlib import Path

MISSING = "\N{EN DASH}"
BADGES = {True: "holds", False: "does not hold", None: "not resolvable by this run"}


@dataclass(frozen=True)
class Text:
    """A heading (level 2 or 3) and paragraphs. All headings of a document are such blocks."""

    heading: str
    paragraphs: tuple = ()
    level: int = 2


@dataclass(frozen=True)
class Headline:
    """The few numbers that a reader came for: (label, value, detail) each, all texts."""

    items: tuple


@dataclass(frozen=True)
class Callout:
    """Whether to believe what the headline says: `level` is `"good"`, `"open"` or `"bad"`."""

    level: str
    title: str
    text: str


@dataclass(frozen=True)
class Command:
    """Lines to type into a shell."""

    lines: tuple


@dataclass(frozen=True)
class Table:
    """Rows of cells; a cell is a text, a number or None. The first cell of a row names the row; `foot` sums them up."""

    title: str
    columns: tuple
    rows: tuple
    note: str = ""
    id: str = ""
    foot: tuple = ()


@dataclass(frozen=True)
class Figure:
    """A PNG image, as bytes or as the path of a file."""

    title: str
    image: bytes | Path = field(repr=False)
    caption: str = ""
    id: str = ""

    def png(self):
        """The bytes of the image."""
        return self.image if isinstance(self.image, bytes) else Path(self.image).read_bytes()

    @property
    def file(self):
        """The name of its file where figures are files: `accuracy-against-eps.png`."""
        return f"{slug(self.id or self.title)}.png"


@dataclass(frozen=True)
class Claims:
    """What was published, what was measured, whether it holds: mappings as in `ExperimentResult.claims`."""

    claims: tuple


@dataclass(frozen=True)
class Findings:
    """What the checks object to: mappings with `code`, `severity`, `message`, `advice`."""

    findings: tuple


@dataclass(frozen=True)
class Facts:
    """Names and values: where the numbers come from."""

    mapping: dict

    @classmethod
    def of(cls, provenance):
        """A result's provenance: `train_seconds` becomes `train seconds`, lists and mappings one line."""
        return cls({key.replace("_", " "): _flat(value) for key, value in provenance.items()})


@dataclass(frozen=True)
class Document:
    """A report."""

    title: str
    subtitle: str = ""
    blocks: tuple = ()


def slug(text):
    """A text as a file name and an HTML id: letters, digits, `-`, `_` and `.`, never empty, never a path.

    >>> slug("../Table 3.4: rho_2"), slug("???")
    ('table-3.4-rho_2', 'untitled')
    """
    return re.sub(r"[^a-z0-9_.]+", "-", str(text).lower()).strip("-.") or "untitled"


def number(value):
    """A cell as text: None as a dash, whole numbers with separators, others with four significant digits.

    >>> number(60000), number(0.123456), number(None), number("pgd"), number(True)
    ('60,000', '0.1235', '–', 'pgd', 'yes')
    """
    if value is None:
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer() and abs(value) < 1e15):
        return f"{int(value):,}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def short(count):
    """A large count as a few characters: 12,345 as it is, 13,704,400 as 13.7 M.

    >>> short(12345), short(884_800), short(13_704_400), short(2_500_000_000), short(None)
    ('12,345', '885 k', '13.7 M', '2.5 G', '–')
    """
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count is not None and count >= max(unit, 1e5) * 0.9995:
            return f"{count / unit:.3g} {name}"
    return number(count)


def percent(accuracy, interval=None):
    """An accuracy in [0, 1] with its interval, in percent.

    >>> percent(0.874, (0.867, 0.88)), percent(0.5), percent(None)
    ('87.4 % [86.7, 88.0]', '50.0 %', '–')
    """
    if accuracy is None:
        return MISSING
    bounds = f" [{100 * interval[0]:.1f}, {100 * interval[-1]:.1f}]" if interval else ""
    return f"{100 * accuracy:.1f} %{bounds}"


def with_interval(value, interval=None):
    """A measured value, a number or a text, with its interval.

    >>> with_interval(2.6, (2.4, 2.81)), with_interval("12 of 30")
    ('2.6 [2.4, 2.81]', '12 of 30')
    """
    return f"{number(value)} [{number(interval[0])}, {number(interval[-1])}]" if interval else number(value)


def measured(claim):
    """What a claim measured: as the experiment shows it, in percent say, or else the number with its interval."""
    return claim.get("shown") or with_interval(claim["measured"], claim["interval"])


def points(difference, interval):
    """A difference of two accuracies with its interval, in percentage points.

    >>> points(0.2, (0.171, 0.232)), points(-0.0001, (-0.0101, 0.01))
    ('+20.0 [+17.1, +23.2]', '+0.0 [-1.0, +1.0]')
    """
    shown = [f"{round(100 * share, 1) + 0.0:+.1f}" for share in (difference, interval[0], interval[-1])]
    return f"{shown[0]} [{shown[1]}, {shown[2]}]"


def probability(p):
    """A p value: two digits, and no more zeros than mean something.

    >>> probability(0.0524), probability(1.0), probability(3e-9)
    ('0.052', '1', '< 0.0001')
    """
    return "< 0.0001" if p < 1e-4 else f"{p:.2g}"


def numeric_columns(table):
    """For each column whether it holds only numbers and dashes, and so is set flush right: a list of bool."""
    return [all(_is_numeric(row[j]) for row in table.rows if j < len(row)) for j in range(len(table.columns))]


def _is_numeric(cell):
    return not isinstance(cell, bool) and bool(
        re.match(rf"[-+<>≥≤~\N{{MINUS SIGN}}]?\s?[\d.]|{MISSING}$", number(cell))
    )


def _flat(value):
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_flat(item)}" for key, item in value.items())
    if isinstance(value, list):
        return " ".join(str(_flat(item)) for item in value)
    return str(value) if isinstance(value, int) else value
