"""A document as Markdown: the same content as the page, figures as links to PNG files."""

import re

from tfadv.reports import document as model

# What would be taken for markup in running text: HTML, emphasis, code, links, table cells, entities.
MARKUP = re.compile(r"[\\`*<>|~]|\](?=[(\[:])|&(?=#?\w+;)|(?<!\w)_|_(?!\w)|^[#+-]+(?=\s)|^\d+(?=[.)]\s)")


def render(document, figures_dir="figures"):
    """The text; the PNG of each figure is expected at `figures_dir/figure.file`, relative to it.

    >>> render(model.Document("Demo", blocks=(model.Text("Why", ("Because.",)),)))
    '# Demo\\n\\n## Why\\n\\nBecause.\\n'
    """
    return written(document.blocks, figures_dir, [f"# {escape(document.title)}", escape(document.subtitle)])


def written(blocks, figures_dir="figures", head=()):
    """The text of some blocks, under what is already text.

    >>> written([model.Text("Why", ("Because.",))])
    '## Why\\n\\nBecause.\\n'
    """
    parts = [*head, *(part for block in blocks for part in WRITERS[type(block)](block, figures_dir))]
    return "\n\n".join(part for part in parts if part) + "\n"


def escape(text):
    """A text, number or None as Markdown that shows exactly it, on one line.

    >>> escape("<b> of a_b *c*")
    '\\\\<b\\\\> of a_b \\\\*c\\\\*'
    """
    line = " ".join(model.number(text).split())
    return MARKUP.sub(lambda match: f"\\{match[0]}" if not match[0].isdigit() else f"{match[0]}\\", line)


def _text(block, _):
    heading = f"{'#' * block.level} {escape(block.heading)}" if block.heading else ""
    return [heading, *map(escape, block.paragraphs)]


def _headline(block, _):
    lines = [f"- {escape(label)}: **{escape(value)}** ({escape(detail)})" for label, value, detail in block.items]
    return ["\n".join(lines)]


def _callout(block, _):
    return [f"**{escape(block.title)}.** {escape(block.text)}"]


def _command(block, _):
    return ["\n".join(["```bash", *block.lines, "```"])]


def _table(block, _):
    rules = ["---:" if numeric else "---" for numeric in model.numeric_columns(block)]
    foot = [[f"**{escape(cell)}**" for cell in block.foot]] if block.foot else []
    rows = [map(escape, block.columns), rules, *(map(escape, row) for row in block.rows), *foot]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return [f"**{escape(block.title)}**", "\n".join(lines), escape(block.note)]


def _figure(block, figures_dir):
    link = f"![{escape(block.title)}]({figures_dir}/{block.file})"
    return [link, f"**{escape(block.title)}** {escape(block.caption)}".rstrip()]


def _claims(block, _):
    return ["\n".join(line for claim in block.claims for line in _claim(claim))]


def _claim(claim):
    measured = escape(model.measured(claim))
    yield f"- **{model.BADGES[claim['holds']]}** ({escape(claim['id'])}): {escape(claim['statement'])}"
    yield f"  Published: {escape(claim['published'])}. Measured: {measured}."
    if claim["note"]:
        yield f"  {escape(claim['note'])}"


def _findings(block, _):
    return ["\n".join(map(_finding, block.findings))]


def _finding(finding):
    advice = f" {escape(finding['advice'])}" if finding["advice"] else ""
    where = f"**{escape(finding['severity'])}** ({escape(finding['code'])})"
    return f"- {where}: {escape(finding['message'])}{advice}"


def _facts(block, _):
    return ["\n".join(f"- {escape(name)}: {escape(value)}" for name, value in block.mapping.items())]


WRITERS = {
    model.Text: _text,
    model.Headline: _headline,
    model.Callout: _callout,
    model.Command: _command,
    model.Table: _table,
    model.Figure: _figure,
    model.Claims: _claims,
    model.Findings: _findings,
    model.Facts: _facts,
}
