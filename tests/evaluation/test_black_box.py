"""What attacks without gradients broke: a longer attack with gradients says whether gradients mislead."""

import types

import numpy as np
import pytest
from eager import eagerly  # noqa: F401

from tfadv import attacks, passes
from tfadv.evaluation import black_box
from tfadv.evaluation.attack_run import AttackRun
from tfadv.evaluation.estimate import Estimate
from tfadv.evaluation.judge import Judge
from tfadv.threat import LInf
from trap_models import trap

HONEST = types.SimpleNamespace(differentiable=True, noise=None)


def run_of(model, x, y, *specs, broken_by):
    """An `AttackRun` of which only the outcomes are known."""
    run = object.__new__(AttackRun)
    run.judge, run.broken_by, run.estimate = Judge(model, x, y, LInf(0.2)), broken_by, Estimate([], passes.counts)
    run.members, run.rows, run.trials = [attacks.get(spec) for spec in specs], [{}] * len(specs), []
    run._write = lambda: None
    return run


def test_only_what_comes_after_gradients_counts():
    specs = ("square", "fgsm", "square", "pgd", "square", "apgd", "rays")
    run = run_of(None, np.zeros((9, 8, 8, 1)), np.zeros(9), *specs, broken_by=np.array([-1, 0, 1, 2, 3, 4, 5, 6, 6]))
    assert black_box.broken(run).tolist() == [5, 7, 8]


@pytest.mark.parametrize(("subject", "most"), [("mlp", 0), ("wrong_sign", 16)])
def test_gradients_lead_there_or_they_mislead(subject, most, classifiers, images, labels, monkeypatch, eagerly):  # noqa: F811
    model = classifiers("mlp") if subject == "mlp" else trap(subject)
    monkeypatch.setattr(black_box, "LONGER", "apgd(steps=5, loss=margin)")
    right = model(images).numpy().argmax(axis=1) == labels
    x, y = images[right][:16], labels[right][:16]
    run = run_of(model, x, y, "pgd", "square", broken_by=np.ones(16, int))
    left = black_box.misled(run, HONEST)
    assert abs(left - most) <= 2 and black_box.misled(run, HONEST) == left == black_box.stronger(run, HONEST)
    (asked,) = run.trials  # once, and what it has cost is known
    assert (asked["attacked"], asked["fooled"]) == (16, 16 - left) and asked["gradients"] >= 16
    blind = types.SimpleNamespace(differentiable=False, noise=None)
    assert black_box.misled(run, blind) is None
    one = run_of(None, x, y, "pgd", "square", broken_by=np.eye(16, dtype=int)[0] * 2 - 1)
    assert black_box.misled(one, HONEST) is None  # nothing is attacked
