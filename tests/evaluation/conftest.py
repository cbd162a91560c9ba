import pytest
from eager import eagerly  # noqa: F401
from evaluated import ATTACKS, THREAT

from tfadv.data.datasets import Dataset
from tfadv.data.split import Split
from tfadv.evaluation import checks
from tfadv.evaluation.evaluate import Diagnostics, evaluate


@pytest.fixture(scope="session")
def dataset(images, labels):
    split = Split(images, labels)
    return Dataset("some digits", split, split, tuple("0123456789"), "a test", same_split=False)


@pytest.fixture(scope="session")
def result(classifiers, dataset):
    return evaluate(classifiers("mlp"), dataset, threat=THREAT, attacks=ATTACKS, seed=3)


@pytest.fixture
def verdict_only(monkeypatch):
    """What comes after the verdict takes longer than these small verdicts, and has tests of its own."""
    monkeypatch.setattr(checks, "answers", lambda *evidence: {})
    monkeypatch.setattr(Diagnostics, "curves", lambda self: [])
    monkeypatch.setattr(Diagnostics, "noise", lambda self: None)
