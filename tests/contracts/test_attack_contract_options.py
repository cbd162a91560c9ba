"""What holds for every option of every registered attack. Newcomers are enrolled by name.

Each option of a newcomer must change its result; where another value of it alone does not, `OPTIONS` says what does.
"""

import dataclasses
import functools
import inspect
import tempfile

import numpy as np
import pytest

from attack_cases import (
    NAMES,
    SMALL,
    ball,
    brief,
    craft,
    is_long,
    usual,
)
from tfadv import attacks, models
from tfadv.attacks import ATTACKS, substitute
from tfadv.attacks.base import MinimumNormAttack
from tfadv.attacks.wrapper import AttackWrapper
from tfadv.errors import TfadvError
from toy_models import classifier, digits
from trap_models import drawing_anew, trap

FOLDER = tempfile.TemporaryDirectory()
SAVED = f"{FOLDER.name}/model.keras"
models.build("linear", (8, 8, 1), 10).save(SAVED)
# Every option has an effect: the attack with another value of it (`variations`) gives another result on some fixture.
# Where three steps show too little, or the effect needs other options beside it, this says what shows it.
BASES = {
    "deepfool": "deepfool(steps=8)",
    "ddn": "ddn(steps=20)",
    "cw": "cw(steps=10, searches=2)",
    "sigma_zero": "sigma_zero(steps=20)",
    "goal": "goal(steps=20)",
    "gradient_descent": "gradient_descent(steps=50)",
    "autoattack": "autoattack(steps=1, queries=1, target_classes=1)",
    "transfer": "transfer(attack=fgsm, rounds=1)",
    "eot": "eot(attack=fgsm, draws=2)",
    "bpda": "bpda(attack=fgsm)",
    "twin": "twin(attack=fgsm)",
}
OPTIONS = {
    "deepfool": {
        "variant": ("deepfool(steps=3)", "deepfool(steps=3, variant=deepdefense)"),
        "classes": ("deepfool(steps=8)", "deepfool(steps=8, classes=2)"),
        "clip": ("deepfool", "deepfool(clip=True)"),
    },
    "quick": {
        "queries": ("quick(steps=1, target_classes=2, queries=40)", "quick(steps=1, target_classes=2, queries=0)"),
    },
    "pgd": {
        "keep_best": ("pgd(steps=6, step_size=0.4)", "pgd(steps=6, step_size=0.4, keep_best=False)"),
    },
    "autoattack": {"queries": ("autoattack(steps=1, queries=1)", "autoattack(steps=1, queries=40)")},
    "apgd": {"rho": ("apgd(steps=20)", "apgd(steps=20, rho=0)")},
    "apgd_t": {"rho": ("apgd_t(steps=20, target_classes=1)", "apgd_t(steps=20, target_classes=1, rho=0)")},
    "sigma_zero": {
        "sigma": ("sigma_zero(steps=20)", "sigma_zero(steps=20, sigma=0.1)"),
        "threshold": ("sigma_zero(steps=20)", "sigma_zero(steps=20, threshold=0.6)"),
        "rate": ("sigma_zero(steps=20)", "sigma_zero(steps=20, rate=0.1)"),
    },
    "sparse_rs": {"alpha_init": ("sparse_rs(queries=200)", "sparse_rs(queries=200, alpha_init=1)")},
    "transfer": {
        "attack": ("transfer(attack=fgsm, rounds=0)", "transfer(attack=pgd(steps=2), rounds=0)"),
        "source": ("transfer(attack=fgsm, rounds=0)", f"transfer(attack=fgsm, source={SAVED!r}, rounds=0)"),
    },
    "cw": {
        "early_stop": ("cw(steps=20, searches=3)", "cw(steps=20, searches=3, early_stop=True)"),
        "abort_early": ("cw(steps=40, searches=1)", "cw(steps=40, searches=1, abort_early=False)"),
    },
    "gradient_descent": {
        "floor": (
            "gradient_descent(steps=50, keep_nearest=False)",
            "gradient_descent(steps=50, keep_nearest=False, floor=False)",
        ),
    },
    "eot": {"attack": ("eot(attack=fgsm)", "eot(attack=pgd(steps=2))")},
    "bpda": {
        "attack": ("bpda(attack=fgsm)", "bpda(attack=pgd(steps=2))"),
        "layers": ("bpda(attack=fgsm)", "bpda(attack=fgsm, layers=trap)"),
    },
    "twin": {
        "attack": ("twin(attack=fgsm)", "twin(attack=pgd(steps=2))"),
        "networks": ("twin(attack=fgsm)", "twin(attack=fgsm, networks=6)"),  # the logits without their bias
        "skip": ("twin(attack=fgsm)", "twin(attack=fgsm, skip=1)"),
    },
}

# Paths within a model differ from model to model: tests/attacks/test_twin.py.
ELSEWHERE = {"twin": {"held"}}


def variations(name):
    """Option -> (the attack, the same with another value of the option), as specs."""
    base = attacks.get(BASES[name]) if name in BASES else brief(name)
    special = OPTIONS.get(name, {})
    options = [f.name for f in dataclasses.fields(base) if f.name not in ELSEWHERE.get(name, ())]
    return {o: special.get(o) or (str(base), str(dataclasses.replace(base, **{o: another(base, o)}))) for o in options}


def another(attack, option):
    """The other flag, another of the known words, half a number (or 2 for 1, 1 for 0); for None the least, or 0.1."""
    value = getattr(attack, option)
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return (value // 2 if value > 1 else value + 1) if isinstance(value, int) else value / 2 or 1.0
    with pytest.raises(TfadvError) as error:
        dataclasses.replace(attack, **{option: "nonsense"})
    expected = str(error.value).partition("expected ")[2].partition(", received")[0]
    if expected.startswith("one of "):
        return next(word for word in expected.removeprefix("one of ").split(", ") if word != value)
    return int(expected.split()[-1]) if "whole number" in expected else 0.1


@pytest.mark.parametrize("name", NAMES)
def test_every_option_has_an_effect(name, monkeypatch):
    monkeypatch.setattr(substitute, "STEPS", 3)
    assert set(OPTIONS.get(name, ())) <= {f.name for f in dataclasses.fields(attacks.get(name))}
    wrapper = issubclass(ATTACKS.get(name), AttackWrapper)
    for option, specs in variations(name).items():
        subjects = ["noisy", "bent"] if wrapper else ["mlp", "cnn"]
        assert any(not np.array_equal(*(found(spec, subject) for spec in specs)) for subject in subjects), option
        # A random model whose seeds begin anew answers alike, so that it is the option that makes the difference.
        assert not wrapper or np.array_equal(found.__wrapped__(specs[0], "noisy"), found(specs[0], "noisy")), option


@functools.cache
def found(spec, subject):
    """What an attack finds on a model in a small ball, or the nearest point that it finds."""
    attack, (x, y) = attacks.get(spec), (part[1000:1032] for part in digits())
    norm = usual(attack.name)
    if isinstance(attack, AttackWrapper):
        return craft(attack, drawing_anew(trap(subject)), x, y, ball("l2", SMALL["l2"]))
    if not isinstance(attack, MinimumNormAttack):
        return craft(attack, classifier(subject), x, y, ball(norm, SMALL[norm]))
    if attack.black_box or is_long(attack, 100):  # each step of these is dear
        return attack.minimal(classifier(subject), x, y)
    return craft(attack, classifier(subject), x, y, ball(norm, 1e3))


@pytest.mark.parametrize("name", NAMES)
def test_spec_strings_round_trip(name):
    assert attacks.get(name) == ATTACKS.get(name)() == attacks.get(str(attacks.get(name)))
    for specs in variations(name).values():
        for attack in map(attacks.get, specs):
            again = attacks.get(str(attack))
            assert again == attack and hash(again) == hash(attack) and str(again) == str(attack)
            assert eval(repr(attack), {type(attack).__name__: type(attack)}) == attack


@pytest.mark.parametrize("name", NAMES)
def test_refuses_bad_options_in_one_sentence(name):
    make = ATTACKS.get(name)
    for option, default in {k: p.default for k, p in inspect.signature(make).parameters.items()}.items():
        of_model = any(f.name == option and f.metadata.get("of_model") for f in dataclasses.fields(make))
        bad = [] if of_model else [("x",), "nonsense"]
        if not isinstance(default, bool | str):
            bad += [-1, float("nan"), float("inf"), True]
        for value in bad + [0, 1] * isinstance(default, bool):
            with pytest.raises(TfadvError, match=rf"{name}: {option}: expected .*, received") as error:
                make(**{option: value})
            assert "\n" not in str(error.value)
    for text, message in (
        (f"{name}(nonsense=1)", "has no option 'nonsense'"),
        (f"{name}x", f"did you mean '{name}'"),
    ):
        with pytest.raises(TfadvError, match=message):
            attacks.get(text)
