import sys

import pytest

from tfadv.attacks import ATTACKS
from tfadv.errors import TfadvError
from tfadv.registry import Registry

PLACES = {"fraction": "fractions:Fraction", "counter": "collections:Counter", "deep_copy": "copy:deepcopy"}
NUMBERS = Registry("number", PLACES)


def test_lists_names_without_importing():
    assert list(Registry("thing", {"never": "no_such_module:Thing"})) == ["never"] and "fraction" in NUMBERS
    assert "no_such_module" not in sys.modules


def test_names_that_no_list_shows_are_known():
    numbers = Registry("number", PLACES)
    assert "complex" not in numbers
    numbers.add("complex", "builtins:complex")
    assert "complex" in numbers and "complex" not in list(numbers)


def test_names_are_shown_as_commands_are_written():
    with pytest.raises(TfadvError, match="'deep-cop': did you mean 'deep-copy'[?] known are counter, deep-copy, fr"):
        Registry("number", PLACES, hyphens=True).build("deep_cop")


def test_builds_from_a_spec_and_fixed_arguments():
    assert NUMBERS.build("fraction(numerator=3)", denominator=4) == 0.75
    assert NUMBERS.get("fraction").__name__ == "Fraction"


def test_a_spec_may_come_first_without_its_name():
    assert ATTACKS.build("eot(pgd(steps=10), draws=3)") == ATTACKS.build("eot(attack=pgd(steps=10), draws=3)")
    with pytest.raises(TfadvError, match="attack 'eot' takes no 'pgd' without a name"):
        ATTACKS.build("eot(pgd, attack=fgsm)")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "fracton",
            "unknown number 'fracton': did you mean 'fraction'.*known are counter, deep_copy, fraction",
        ),
        ("zzz", "unknown number 'zzz': known are"),
        ("deep-cop", "did you mean 'deep_copy'"),
        ("fraction(top=1)", "number 'fraction' has no option 'top': it takes numerator"),
        ("fraction(denominator=1)", "has no option 'denominator'"),
        ("fraction(", "cannot read"),
        ("fraction(counter)", "number 'fraction' takes no 'counter' without a name"),
    ],
)
def test_refuses(text, message):
    with pytest.raises(TfadvError, match=message):
        NUMBERS.build(text, denominator=4)
