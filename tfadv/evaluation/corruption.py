"""Accuracy under the fifteen common corruptions, which no attacker chooses."""

import functools
from collections.abc import Callable

import numpy as np

from tfadv.data.corruptions import CORRUPTIONS, SEVERITIES, corrupt
from tfadv.evaluation.judge import Judge
from tfadv.progress import silent


def accuracies(judge: Judge, part: Callable = lambda name, compute: compute(), progress: Callable = silent) -> dict:
    """Accuracy on the judged images after each corruption at each severity.

    Args:
        part: calls `compute`, or knows already what it returned, under a name: `Journal.part`.
        progress: called with what is being done, how much of how much is done, and the seconds left.

    Returns:
        `mean` over all, and `accuracy`: name -> one for each severity, in [0, 1].
    """
    found = {}
    for done, name in enumerate(CORRUPTIONS):
        progress("common corruptions", done, len(CORRUPTIONS))
        found[name] = part(f"corruption {name}", functools.partial(_by_severity, judge, name))
    progress("common corruptions", len(CORRUPTIONS), len(CORRUPTIONS))
    return {"mean": float(np.mean(list(found.values()))), "accuracy": found}


def _by_severity(judge, name):
    changed = (corrupt(judge.x, name, severity, judge.seed) for severity in SEVERITIES)
    return [judge.correct(x, attacked=False).mean() for x in changed]
