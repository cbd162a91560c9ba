"""`tfadv report`."""

import click

from . import failures, output


@click.command()
@click.argument("runs", metavar="RUN...", nargs=-1, required=True)
@click.option("-o", "--out", default="report.html", show_default=True, metavar="FILE", help="An .html or .md file.")
def report(runs, out):
    """Compare evaluated runs on one page that needs nothing else.

    RUN is a directory that `tfadv evaluate` wrote to, or the directory of one experiment.

    \b
    tfadv report runs/plain runs/robust -o report.html
    """
    from tfadv.reports import page

    with failures.when_interrupted(lambda: "no report was written."):
        path = page.write(list(runs), out)
    output.line(f"Written: {path}")
