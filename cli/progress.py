"""Progress on stderr: a bar on a terminal, else a line now and then."""

import sys

from tfadv.progress import Lines, in_words


class Progress:
    """A `tfadv.progress` callable. Use it as a context manager."""

    def __enter__(self):
        self.what, self.bar, self.lines = None, None, Lines()
        if sys.stderr.isatty():
            self._open_bar()
        return self

    def __exit__(self, *exception):
        if self.bar is not None:
            self.bar.stop()

    def __call__(self, what, done, total, left=None):
        if self.bar is None:
            self.lines(what, done, total, left)
            return
        if not total:
            self.bar.console.print(what, markup=False, highlight=False, soft_wrap=True)
            return
        fresh = {} if what == self.what else {"description": what}
        if fresh:
            self.bar.reset(self.task, total=total)
        self.bar.update(self.task, completed=done, total=total, left=in_words(left), **fresh)
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
