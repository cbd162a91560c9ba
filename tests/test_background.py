import threading

import pytest

from tfadv.background import Outcome


def test_what_it_returns_or_raises_comes_out_where_it_is_asked_for():
    assert Outcome(lambda: 7).result() == 7
    with pytest.raises(ZeroDivisionError):
        Outcome(lambda: 1 / 0).result()


def test_waiting_says_whether_it_is_done():
    go = threading.Event()
    outcome = Outcome(go.wait)
    assert not outcome.wait(0.01)
    go.set()
    assert outcome.wait() and outcome.result() is True
