"""Attack, robustly train, honestly judge and serve Keras 3 image classifiers.

Importing tfadv imports no TensorFlow; the names below load what they need when they are first used.
"""

import importlib

__version__ = "0.1.0"

PLACES = {
    "LInf": "tfadv.threat",
    "L2": "tfadv.threat",
    "L1": "tfadv.threat",
    "FGSM": "tfadv.attacks.fgsm",
    "PGD": "tfadv.attacks.pgd",
    "DeepFool": "tfadv.attacks.deepfool",
    "as_logits_model": "tfadv.graph.logits",
    "load_classifier": "tfadv.models.classifier",
    "load_dataset": "tfadv.data.datasets",
    "build_model": "tfadv.models",
    "train": "tfadv.training.run",
    "evaluate": "tfadv.evaluation.evaluate",
    "export": "tfadv.serving.export",
    "write_report": "tfadv.reports.page",
}
SAME_NAME = {
    "load_classifier": "load",
    "load_dataset": "load",
    "build_model": "build",
    "write_report": "write",
}

__all__ = list(PLACES)


def __getattr__(name):
    if name not in PLACES:
        raise AttributeError(f"module 'tfadv' has no attribute {name!r}")
    return getattr(importlib.import_module(PLACES[name]), SAME_NAME.get(name, name))


def __dir__():
    return sorted([*globals(), *PLACES])
