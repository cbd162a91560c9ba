"""Models that only look robust: plain PGD leaves them standing, a finding says so, the attack that fits breaks them.

Athalye, Carlini, Wagner 2018. What is asked here is the whole of an evaluation; each check by itself is in
test_checks.py, each attack by itself in tests/attacks.
"""

import functools

import pytest

from tfadv.data import datasets
from tfadv.errors import TfadvError
from tfadv.evaluation import checks
from tfadv.evaluation.evaluate import Diagnostics, evaluate
from trap_models import TRAPS, trap

# Codes of the findings that give the trap away, the attack that sees through it, and what a plain one leaves at least.
HIDDEN = {
    "saturated": ({"zero_gradients", "saturated_logits", "loss_not_rising"}, "pgd(steps=10, loss=margin)", 0.4),
    "wrong_sign": ({"misleading_gradients", "loss_not_rising"}, "bpda(attack=pgd(steps=10), layers=trap)", 0.4),
    "drowned": ({"misleading_gradients", "not_converged"}, "eot(attack=pgd(steps=10), draws=40)", 0.4),
    "noisy": ({"randomized", "not_eot"}, "eot(attack=pgd(steps=10), draws=20)", 0.1),
}
WITHOUT_GRADIENTS = ("quantized", "thermometer", "cut", "not_a_number")


@functools.cache
def judged(name, *attacks, looked_for=()):
    """The clean accuracy, the robust accuracy, and of the findings that are looked for, by code, the severity."""
    with pytest.MonkeyPatch.context() as patch:
        # Figures beside the verdict take longer than it.
        patch.setattr(Diagnostics, "curves", lambda self: [])
        patch.setattr(Diagnostics, "rho2", lambda self: None)
        patch.setattr(Diagnostics, "noise", lambda self: None)
        patch.setattr(checks, "CHECKS", [check for check in checks.CHECKS if check.__name__ in looked_for])
        options = {"threat": "linf:0.2", "attacks": attacks, "n": 60, "diagnostics": bool(looked_for)}
        result = evaluate(trap(name), datasets.load("digits"), **options)
    return result.clean_accuracy, result.robust_accuracy, {item["code"]: item["severity"] for item in result.findings}


def test_every_trap_is_judged():
    assert {*HIDDEN, *WITHOUT_GRADIENTS} == set(TRAPS) - {"noisy_unseeded", "bent"}


@pytest.mark.parametrize("name", HIDDEN)
def test_plain_gradients_leave_it_standing_a_finding_says_so_and_the_attack_that_fits_breaks_it(name):
    codes, fitting, least = HIDDEN[name]
    clean, plain, found = judged(name, "pgd(steps=10)", looked_for=frozenset(codes))
    assert clean > 0.7 and plain > least
    assert set(found) == codes and "error" in found.values()
    adapted = judged(name, fitting)[1]
    assert adapted < 0.3 and adapted < plain - 0.1


def test_an_attack_without_gradients_breaks_it_and_that_is_told():
    _, robust, found = judged("wrong_sign", "pgd(steps=10)", "square(queries=300)", looked_for=("black_box_stronger",))
    assert robust < 0.3 and found["black_box_stronger"] == "error"


@pytest.mark.parametrize("name", WITHOUT_GRADIENTS)
def test_where_there_are_no_gradients_attacks_that_follow_them_are_refused(name):
    with pytest.raises(TfadvError, match="without gradients: .*bpda"):
        judged(name, "pgd(steps=10)")


# Of the others the logits are those of `quantized`; tests/attacks/test_bpda.py breaks each of them.
@pytest.mark.parametrize("name", ["quantized", "thermometer"])
def test_where_there_are_no_gradients_others_break_it_and_surrogate_gradients_do(name):
    for attack in ("square(queries=300)", "bpda(attack=pgd(steps=10))"):
        clean, robust, _ = judged(name, attack)
        assert clean > 0.85 and robust < 0.3


@pytest.mark.parametrize(
    ("attack", "severity"), [("square(queries=300)", "error"), ("bpda(attack=pgd(steps=10))", "warning")]
)
def test_where_there_are_no_gradients_that_is_told(attack, severity):
    assert judged("quantized", attack, looked_for=("no_gradients",))[2]["no_gradients"] == severity
