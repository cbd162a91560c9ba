import threading

import pytest

from tfadv.threads import Future


def test_what_it_returns_or_raises_comes_out_where_it_is_asked_for():
    assert Future(lambda: 7).result() == 7
    with pytest.raises(ZeroDivisionError):
        Future(lambda: 1 / 0).result()


def test_waiting_says_whether_it_is_done():
    go = threading.Event()
    outcome = Future(go.wait)
    assert not outcome.wait(0.01)
    go.set()
    assert outcome.wait() and outcome.result() is True
