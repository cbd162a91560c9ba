"""Progress as everything in tfadv tells it: a callable `progress(what, done, total, left=None)`.

`what` is being done, `done` of `total` parts of it are behind, `left` is how many seconds it will take at most, where
that is known. The command line draws a bar, Python prints lines, False is silent.
"""

import math
import sys
import time
from collections.abc import Callable

Progress = Callable[..., None]
PATIENCE = 15.0  # seconds between two lines about the same


class Lines:
    """A line on stderr for whatever begins, and one now and then while it lasts.

    >>> Lines()("attacking", 3, 10)  # doctest: +SKIP
    attacking: 3 of 10
    """

    def __init__(self):
        self.what, self.told = None, 0.0

    def __call__(self, what: str, done: int, total: int, left: float | None = None) -> None:
        if what != self.what or time.monotonic() - self.told > PATIENCE:
            print((f"{what}: {done} of {total}" if done else what) + in_words(left), file=sys.stderr, flush=True)
            self.told = time.monotonic()
        self.what = what


def silent(what: str, done: int, total: int, left: float | None = None) -> None:
    """Progress of which nothing is shown."""


def as_callable(progress: Progress | bool | None) -> Progress:
    """What to call: True prints lines on stderr, None and False show nothing, a callable is called.

    >>> as_callable(False) is silent
    True
    """
    if isinstance(progress, bool) or progress is None:
        return Lines() if progress else silent
    return progress


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
