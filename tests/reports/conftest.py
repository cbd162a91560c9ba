import numpy as np
import pytest

from tfadv.evaluation.results import EvaluationResult, wilson

NAMES = ["cat", "dog", "<script>alert(1)</script>"]


def make_result(name="mlp", threat="linf:0.1", n=30, channels=1, **changes):
    """A small result with everything in it that a report can show."""
    rng = np.random.default_rng(0)
    labels = np.arange(n) % 3
    x = rng.random((3, 8, 8, channels), np.float32)
    facts = {
        "model": {"name": name, "path": f"runs/{name}/model.keras", "parameters": 650},
        "dataset": {"name": "digits", "source": "scikit-learn", "split": "test", "n": n},
        "threat": threat,
        "attacks": [
            {"attack": "fgsm", "accuracy": 0.5, "interval": wilson(n // 2, n), "median_distance": np.nan},
            {"attack": "pgd(steps=40, step_size=2/255)", "accuracy": 1 / 3, "gradients": 40},
        ],
        "rho2": {"mean": 0.21, "median": 0.2, "not_found": 0},
        "curves": [{"attack": "fgsm", "norm": "linf", "eps": np.linspace(0, 0.3, 4), "accuracy": [1, 0.5, 0.2, 0]}],
        "findings": [{"code": "dead", "severity": "warning", "message": "gradients <b>vanish</b>", "advice": "Look."}],
        "provenance": {"seed": 12345, "command": ["tfadv", "evaluate"], "seconds": 1.5},
        "gallery": {
            "x": x,
            "x_adv": np.clip(x + 0.1, 0, 1),
            "label": np.arange(3),
            "predicted": np.arange(3),
            "confidence": np.full(3, 0.9, np.float32),
            "predicted_adv": np.array([0, 2, 1]),
            "confidence_adv": np.full(3, 0.8, np.float32),
            "class_names": NAMES,
        },
    }
    return EvaluationResult.of(labels < 2, labels < 1, labels, NAMES, **(facts | changes))


@pytest.fixture
def make():
    return make_result
