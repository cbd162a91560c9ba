"""Models that only look robust: plain PGD leaves them standing, a finding says so, the attack that fits breaks them.

Athalye, Carlini, Wagner 2018. What is asked here is the whole of an evaluation; each check by itself is in
test_checks.py, each attack by itself in tests/attacks.
"""

import functools

import numpy as np
import pytest

from tfadv.data import datasets
from tfadv.errors import TfadvError
from tfadv.evaluation.evaluate import Aftermath, evaluate
from toy_models import classifier
from trap_models import TRAPS, trap

# What hides the gradients: codes of the findings, and what sees through it.
HIDDEN = {
    "saturated": ({"zero_gradients", "saturated_logits", "loss_not_rising"}, "pgd(steps=10, loss=margin)"),
    "wrong_sign": (
        {"misleading_gradients", "loss_not_rising", "noise_stronger"},
        "bpda(attack=pgd(steps=10), layers=trap)",
    ),
    "drowned": ({"misleading_gradients", "not_converged"}, "eot(attack=pgd(steps=10), draws=40)"),
    "noisy": ({"randomized", "not_eot"}, "eot(attack=pgd(steps=10), draws=20)"),
    "noisy_unseeded": ({"randomized", "not_eot"}, "eot(attack=pgd(steps=10), draws=20)"),
}
WITHOUT_GRADIENTS = ("quantized", "thermometer", "cut", "not_a_number")
# What is said of a model whose gradients cannot be trusted.
MISLED = {"zero_gradients", "misleading_gradients", "no_gradients", "randomized", "not_eot", "black_box_stronger"}


@pytest.fixture(scope="module", autouse=True)
def _no_figures():
    """Curves and distances are figures beside the verdict, and take longer than it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Aftermath, "curves", lambda self: [])
        patch.setattr(Aftermath, "rho2", lambda self: None)
        yield


@functools.cache
def judged(name, *attacks):
    """The clean accuracy, the robust accuracy, and the findings by code: their severity."""
    model = classifier("cnn") if name == "honest" else trap(name)
    result = evaluate(model, datasets.load("digits"), threat="linf:0.2", attacks=attacks, n=100)
    return result.clean_accuracy, result.robust_accuracy, {item["code"]: item["severity"] for item in result.findings}


def test_every_trap_is_judged():
    assert {*HIDDEN, *WITHOUT_GRADIENTS} == set(TRAPS)


def test_an_honest_model_falls_and_nothing_is_said():
    clean, robust, found = judged("honest", "pgd(steps=10)", "square(queries=300)")
    assert clean > 0.85 and robust < 0.05 and not MISLED & set(found)


@pytest.mark.parametrize("name", HIDDEN)
def test_plain_gradients_leave_it_standing_and_a_finding_says_so(name):
    clean, robust, found = judged(name, "pgd(steps=10)")
    assert clean > 0.7 and robust > 0.4
    assert set(found) >= HIDDEN[name][0] and "error" in {found[code] for code in HIDDEN[name][0]}


@pytest.mark.parametrize("name", HIDDEN)
def test_the_attack_that_knows_the_trap_breaks_it(name):
    plain, adapted = judged(name, "pgd(steps=10)")[1], judged(name, HIDDEN[name][1])[1]
    assert adapted < 0.3 and adapted < plain - 0.2


@pytest.mark.parametrize("name", ["saturated", "wrong_sign"])
def test_an_attack_without_gradients_breaks_it_and_that_is_told(name):
    _, robust, found = judged(name, "pgd(steps=10)", "square(queries=300)")
    assert robust < 0.3 and found["black_box_stronger"] == "error"


@pytest.mark.parametrize("name", WITHOUT_GRADIENTS)
def test_where_there_are_none_gradient_attacks_are_refused(name):
    for attack in ("pgd(steps=10)", "eot(attack=pgd(steps=10))"):
        with pytest.raises(TfadvError, match="without gradients: .*bpda"):
            judged(name, attack)


@pytest.mark.parametrize("name", WITHOUT_GRADIENTS)
@pytest.mark.parametrize("attack", ["square(queries=300)", "bpda(attack=pgd(steps=10))"])
def test_where_there_are_none_others_and_lent_ones_break_it(name, attack):
    clean, robust, found = judged(name, attack)
    assert clean > 0.85 and robust < 0.3 and np.isfinite(robust)
    assert found["no_gradients"] == ("warning" if "bpda" in attack else "error")
