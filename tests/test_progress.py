"""Progress where it is shown: in lines, or in a notebook's cell."""

import io
import sys
import types

import pytest

from tfadv import progress
from tfadv_cli import progress as command_line


class Display:
    """IPython's `display`, that remembers what it showed: texts that change, and those that are kept."""

    def __init__(self):
        self.texts, self.kept, self.shown = [], [], 0

    def __call__(self, text, display_id=False):
        if not display_id:
            self.kept.append(text.data)
            return None
        self.shown += 1
        self.update(text)
        return self

    def update(self, text):
        self.texts.append(text.data)


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def shell(monkeypatch):
    """As in the kernel of a notebook."""
    import IPython.display

    monkeypatch.setattr(IPython, "get_ipython", lambda: types.SimpleNamespace(kernel=None))
    monkeypatch.setattr(IPython.display, "display", Display())
    return IPython.display.display


def test_a_notebook_shows_one_line_that_changes(shell, capsys):
    tell = progress.as_callable(True)
    for done in range(1001):
        tell("attacking", done, 1000, 30.0)
    tell("checking", 0, 5)
    assert shell.shown == 1 and capsys.readouterr() == ("", "")
    # What lasts for less than a moment is not shown one by one.
    assert shell.texts[0] == "attacking, at most 30 s left" and shell.texts[-1] == "checking"
    assert shell.texts[-2] == "attacking: 1,000 of 1,000" and len(shell.texts) < 100


def test_a_sentence_stays(shell, monkeypatch, capsys):
    tell = progress.as_callable(True)
    for what, done, total in (("training", 1, 9), ("This is too short.", 0, 0), ("training", 9, 9)):
        tell(what, done, total)
    assert shell.kept == ["This is too short."] and shell.texts == ["training: 1 of 9", "training: 9 of 9"]
    progress.Lines()("This is too short.", 0, 0)
    assert capsys.readouterr() == ("", "This is too short.\n")
    # Above the bar, which goes when the work is done.
    monkeypatch.setattr("sys.stderr", terminal := Terminal())
    with command_line.Progress() as bar:
        bar("training", 1, 9)
        bar("This is [too] short.", 0, 0)
    assert "This is [too] short.\n" in terminal.getvalue()


def test_elsewhere_lines_are_printed(capsys, monkeypatch):
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    tell = progress.as_callable(True)
    tell("attacking", 3, 10)
    tell("attacking", 4, 10)
    assert capsys.readouterr() == ("", "attacking: 3 of 10\n")


def test_silence(shell):
    for said in (False, None):
        progress.as_callable(said)("attacking", 3, 10)
    assert not shell.shown and progress.as_callable(print) is print
