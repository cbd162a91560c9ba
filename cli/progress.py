"""Progress on stderr: a bar on a terminal, else a line now and then."""

import math
import sys
import time

import click

PATIENCE = 15.0  # seconds between lines where there is no terminal


class Progress:
    """Call it with what is being done, how much of how much is done, and the seconds left at most, where that is known.

    Use it as a context manager.
    """

    def __enter__(self):
        self.what, self.told, self.bar = None, 0.0, None
        if sys.stderr.isatty():
            self._open_bar()
        return self

    def __exit__(self, *exception):
        if self.bar is not None:
            self.bar.stop()

    def __call__(self, what, done, total, left=None):
        if self.bar is not None:
            fresh = {} if what == self.what else {"description": what}
            if fresh:
                self.bar.reset(self.task, total=total)
            self.bar.update(self.task, completed=done, total=total, left=in_words(left), **fresh)
        elif what != self.what or time.monotonic() - self.told > PATIENCE:
            click.echo((f"{what}: {done} of {total}" if done else what) + in_words(left), err=True)
            self.told = time.monotonic()
        self.what = what

    def _open_bar(self):
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}", markup=False),
        )
        self.bar = Progress(*columns, console=Console(file=sys.stderr), transient=True)
        self.bar.start()
        self.task = self.bar.add_task("", total=None, left="")


def in_words(seconds):
    """`, at most 3 min left`: an upper bound, so a rough figure will do.

    >>> in_words(200), in_words(42), in_words(None)
    (', at most 4 min left', ', at most 42 s left', '')
    """
    if seconds is None:
        return ""
    if seconds < 90:
        return f", at most {seconds:.0f} s left"
    return f", at most {math.ceil(seconds / 60):,} min left"
