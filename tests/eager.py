"""Attacks of few steps without compiling them, which takes several times as long as to run them as they are written."""

import pytest

from tfadv.attacks.compiled import Compiled


@pytest.fixture
def eagerly(monkeypatch):
    """A call of an attack gives what it gives when compiled, up to roundings: same batches, same random numbers."""
    monkeypatch.setattr(Compiled, "_traced", lambda self, model, size, parts: self._function(model, parts))
