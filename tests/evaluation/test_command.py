"""The line that takes an evaluation further: it parses, and names what was found."""

import dataclasses
import shlex

import pytest
from evidence_of import told

from tfadv import attacks
from tfadv.data import datasets
from tfadv.evaluation import checks, command
from tfadv.threat import LInf
from tfadv_cli.evaluate import evaluate

TWIN = "twin(attack=apgd_t(steps=100, target_classes=9), networks=(1, 3))"


@pytest.fixture
def line(tmp_path):
    digits = datasets.load("digits")
    return command.without_attacks(tmp_path / "my model.keras", digits, LInf(0.1), 50, tmp_path)


def test_the_advice_is_a_line_that_the_command_line_understands(line, tmp_path):
    rows = [("apgd(steps=100, loss=ce)", 5, None), ("fab_t", 0, None), (TWIN, 9, "Inside is a network.")]
    rows = tuple({"attack": spec, "attacked": 20, "fooled": k, "why": why} for spec, k, why in rows)
    case = dataclasses.replace(told([], command=line), rows=rows)
    *_, advice = checks._with_tried(case, "zero_gradients", ("error", "", ""))
    program, name, *words = shlex.split(advice[advice.index("tfadv evaluate") :])
    given = evaluate.make_context(name, words).params
    assert program == "tfadv" and given["model"] == str(tmp_path / "my model.keras")
    assert (given["dataset"], given["threats"], given["n"]) == ("digits", ("linf:0.1",), 50)
    assert given["out"] == str(tmp_path / "longer")
    assert given["attacks"] == ("apgd(steps=100, loss=ce)", TWIN.replace("100", "500"))
    *_, without = checks._with_tried(dataclasses.replace(case, command=None), "zero_gradients", ("error", "", ""))
    assert f'--attack "{TWIN}": give that more steps' in without


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("apgd(steps=20)", "apgd(steps=100)"),
        ("square(queries=500)", "square(queries=2500)"),
        ("eot(attack=bpda(attack=pgd(steps=2)), draws=5)", "eot(attack=bpda(attack=pgd(steps=10)), draws=5)"),
        ("fgsm", None),
        ("twin(attack=fgsm)", None),
    ],
)
def test_attacks_get_longer(spec, expected):
    assert command.longer(attacks.get(spec)) == (expected and attacks.get(expected))


def test_there_is_no_line_without_a_file_or_with_data_that_no_shell_knows(tmp_path):
    digits = datasets.load("digits")
    assert command.without_attacks(None, digits, LInf(0.1), None, None) is None
    mine = dataclasses.replace(digits, name="of my own")
    assert command.without_attacks("model.keras", mine, LInf(0.1), None, None) is None
    scaled = command.without_attacks("model.keras", digits, LInf(0.1), None, None, 50, True, ["--data-dir", "my data"])
    assert scaled.endswith("--batch-size 50 --any-scale --data-dir 'my data'")
    assert command.without_attacks("model.keras", digits, LInf(8 / 255), None, None).endswith("--threat linf:8/255")
