import pytest

from tfadv.training import trainer


@pytest.fixture
def without_xla(monkeypatch):
    """XLA pays in a training, and takes a second to compile what these tests run once."""
    monkeypatch.setattr(trainer, "xla_pays", lambda model: False)
