"""Progress as everything in tfadv tells it: a callable `progress(what, done, total, left=None)`.

`what` is being done, `done` of `total` parts of it are behind, `left` is how many seconds it will take at most, where
that is known. Where `total` is 0, `what` is a sentence that stays to be read. The command line draws a bar, a notebook
shows one line that changes, Python prints lines, and False is silent.
"""

import math
import sys
import time
from collections.abc import Callable

Progress = Callable[..., None]
PATIENCE = 15.0  # seconds between two lines about the same
OFTEN = 0.5  # and between two changes of a line


class Lines:
    """A line on stderr for whatever begins, and one now and then while it lasts.

    >>> Lines()("attacking", 3, 10)  # doctest: +SKIP
    attacking: 3 of 10
    """

    def __init__(self):
        self.what, self.told = None, 0.0

    def __call__(self, what: str, done: int, total: int, left: float | None = None) -> None:
        if what != self.what or time.monotonic() - self.told > PATIENCE:
            print(_line(what, done, total, left), file=sys.stderr, flush=True)
            self.told = time.monotonic()
        self.what = what


class Cell:
    """One line beneath a notebook's cell, which always says what is being done.

    >>> Cell()("attacking", 3, 10)  # doctest: +SKIP
    attacking: 3 of 10
    """

    def __init__(self):
        self.line, self.what, self.told = None, None, 0.0

    def __call__(self, what: str, done: int, total: int, left: float | None = None) -> None:
        if what == self.what and done < total and time.monotonic() - self.told < OFTEN:
            return
        from IPython.display import Pretty, display

        text = Pretty(_line(what, done, total, left if done < total else None))  # the last line stays
        if not total:
            display(text)
        elif self.line is None:
            self.line = display(text, display_id=True)
        else:
            self.line.update(text)
        self.what, self.told = what, time.monotonic()


def silent(what: str, done: int, total: int, left: float | None = None) -> None:
    """Progress of which nothing is shown."""


def as_callable(progress: Progress | bool | None) -> Progress:
    """What to call: True tells of it in lines or in a notebook's cell, None and False show nothing.

    A callable is called.

    >>> as_callable(False) is silent
    True
    """
    if isinstance(progress, bool) or progress is None:
        return silent if not progress else Cell() if in_notebook() else Lines()
    return progress


def in_notebook() -> bool:
    """Whether this runs in the kernel of a notebook, which shows what is displayed."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")


def _line(what, done, total, left):
    return (f"{what}: {done:,} of {total:,}" if done else what) + in_words(left)


def in_words(seconds: float | None) -> str:
    """`, at most 3 min left`: an upper bound, so a rough figure will do.

    >>> in_words(200), in_words(42), in_words(None)
    (', at most 4 min left', ', at most 42 s left', '')
    """
    if seconds is None:
        return ""
    if seconds < 90:
        return f", at most {seconds:.0f} s left"
    return f", at most {math.ceil(seconds / 60):,} min left"
