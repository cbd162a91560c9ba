import numpy as np
import pytest

from tfadv.evaluation.results import EvaluationResult
from tfadv.evaluation.statistics import wilson
from tfadv.reports import figures

NAMES = ["cat", "dog", "<script>alert(1)</script>"]


LATER = "pgd(steps=40, step_size=2/255)"


def make_result(name="mlp", threat="linf:0.1", n=30, channels=1, **changes):
    """A small result with everything that a report can show: label 0 stands, 1 falls to the attacks, 2 is wrong."""
    labels = np.arange(n) % 3
    fallen = np.flatnonzero(labels == 1)
    by = np.full(n, -1, np.int8)
    by[fallen[: n // 6]], by[fallen[n // 6 :]] = 0, 1
    left = n - n // 3 - n // 6
    facts = {
        "model": {"name": name, "path": f"runs/{name}/model.keras", "parameters": 650},
        "dataset": {"name": "digits", "source": "scikit-learn", "split": "test", "n": n, "fingerprint": "ab12"},
        "threat": threat,
        "attacks": rows_of(n, left),
        "stochastic": False,
        "control": {"attack": "uniform", "accuracy": 0.625},
        "norms": {"median": 0.0875, "mean": 0.08, "max": 0.1},
        "arrays": {"distance": np.where(labels == 1, 0.05 + 0.05 * (np.arange(n) / n), 0), "broken_by": by},
        "rho2": {"mean": 0.21, "median": 0.2, "not_found": 0},
        "curves": [{"attack": "fgsm", "norm": "linf", "eps": np.linspace(0, 0.3, 4), "accuracy": [1, 0.5, 0.2, 0]}],
        "findings": [{"code": "dead", "severity": "warning", "message": "gradients <b>vanish</b>", "advice": "Look."}],
        "provenance": {"seed": 12345, "command": ["tfadv", "evaluate"], "seconds": 1.5},
        "gallery": gallery_of(channels),
    }
    return EvaluationResult.of(labels < 2, labels < 1, labels, NAMES, **(facts | changes))


def rows_of(n, left):
    """What the result says of two attacks, the second with less known of it."""
    first = {
        "attack": "fgsm",
        "attacked": n - n // 3,
        "fooled": n // 6,
        "accuracy": left / n,
        "interval": wilson(left, n),
        "median_distance": 0.1,
        "max_distance": 0.1,
        "seconds": 0.5,
        "gradients": 20,
        "forwards": 40,
    }
    second = {
        "attack": LATER,
        "attacked": left,
        "fooled": left - n // 3,
        "accuracy": 1 / 3,
        "median_distance": np.nan,
        "seconds": 12.25,
        "gradients": 1_234_567,
    }
    return [first, second]


def gallery_of(channels):
    x = np.random.default_rng(0).random((3, 8, 8, channels), np.float32)
    return {
        "x": x,
        "x_adv": np.clip(x + 0.1, 0, 1),
        "label": np.arange(3),
        "predicted": np.arange(3),
        "confidence": np.full(3, 0.9, np.float32),
        "predicted_adv": np.array([0, 2, 1]),
        "confidence_adv": np.full(3, 0.8, np.float32),
        "attack": np.array(["fgsm", LATER, LATER]),
        "class_names": NAMES,
    }


@pytest.fixture
def make():
    return make_result


@pytest.fixture
def quick(monkeypatch):
    """Reports without drawing, for tests that look at words and tables."""
    png = figures.roc_curves({})
    for name in ("accuracy_curves", "accuracy_bars", "distance_histogram", "gallery"):
        monkeypatch.setattr(figures, name, lambda *args, **options: png)
