"""What `tfadv evaluate` can be asked: a quick verdict, whether enough is robust, several threats, corruptions."""

import json
from types import SimpleNamespace

import pytest

from tfadv import runs
from tfadv.errors import TfadvError
from tfadv.evaluation import results
from tfadv_cli import target

BRIEF = ("--attack", "fgsm", "--verdict-only")


@pytest.fixture
def judge(tfadv, robust, tmp_path):
    """A function from further arguments to what judging 100 digits ends with."""
    return lambda *given: tfadv("evaluate", robust, "--n", 100, "--out", tmp_path, *given)


def test_a_quick_verdict_says_what_it_is_not(judge, tmp_path):
    result = judge("--quick", "--threat", "linf:0.05")
    assert result.exit_code == 0, result.output
    assert "A quick verdict, not AutoAttack" in result.stdout and "Leave out --quick" in result.stdout
    assert [row["attack"] for row in results.load(tmp_path).attacks] == [
        "quick(steps=65, target_classes=9, queries=700)"
    ]


@pytest.mark.parametrize(("share", "code", "answer"), [("1%", 0, "yes"), ("0.999", 1, "no")])
def test_enough_or_not_is_the_exit_code(judge, tmp_path, share, code, answer):
    result = judge("--at-least", share, *BRIEF)
    assert result.exit_code == code, result.output
    assert f"{answer}: of all 100 images" in result.stdout
    assert results.load(tmp_path).gate["holds"] is (code == 0)
    assert f'robust?</dt><dd class="value">{answer}</dd>' in (tmp_path / runs.REPORT).read_text()
    assert not [path for path in tmp_path.iterdir() if path.is_dir()]


def test_some_images_or_a_quick_verdict_never_take_the_place_of_a_whole_one(tfadv, evaluated):
    run, _ = evaluated
    before = (run / runs.RESULT).read_bytes()
    assert tfadv("evaluate", run, "--at-least", "1%", "--n", 20, *BRIEF).exit_code == 0
    assert tfadv("evaluate", run, "--quick", "--n", 20, "--verdict-only").exit_code == 0
    assert results.load(run / "at-least").gate["holds"] and results.load(run / "quick")
    assert (run / runs.RESULT).read_bytes() == before


def test_a_threat_is_the_same_however_it_is_written(evaluated):
    run, _ = evaluated
    subject, (threat,) = SimpleNamespace(home=run, path=run / runs.MODEL), [results.load(run).threat]
    same = threat + "0"
    assert target.results_of(subject, [same]) == target.results_of(subject, [threat]) == run
    assert target.results_of(subject, ["l2:0.50"]) == run / "l2-0.5"


def test_results_of_a_file_are_not_put_into_the_run_of_another_model(evaluated, tmp_path):
    run, _ = evaluated
    subject = SimpleNamespace(home=run, path=tmp_path / f"{run.name}.keras")
    with pytest.raises(TfadvError, match="is the run of another model: say where results go with --out"):
        target.results_of(subject, ["linf:0.1"])


def test_several_threats_and_their_union(judge, tmp_path):
    result = judge("--threat", "linf:0.05", "--threat", "l2:0.5", "--json", *BRIEF)
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["threat"] == "linf:0.05 and l2:0.5"
    assert [one["threat"] for one in told["results"]] == ["linf:0.05", "l2:0.5"]
    for folder in ("linf-0.05", "l2-0.5", "."):
        assert results.load(tmp_path / folder) and (tmp_path / folder / runs.REPORT).is_file()
    assert {path.name for path in tmp_path.iterdir() if path.is_dir()} == {"linf-0.05", "l2-0.5"}


def test_the_threats_are_told_one_after_the_other(judge, tmp_path):
    result = judge("--threat", "linf:0.05", "--threat", "l2:0.5", *BRIEF)
    assert result.stdout.count("Written to ") == 3 and "all attacks under l2:0.5" in result.stdout


def test_corruptions_are_in_result_and_report(judge, tmp_path):
    result = judge("--corruptions", "--json", *BRIEF)
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)["corruptions"]
    assert len(found["accuracy"]) == 15 and all(len(values) == 5 for values in found["accuracy"].values())
    assert found["accuracy"]["gaussian_noise"][0] > 0.5
    assert "jpeg compression" in (tmp_path / runs.REPORT).read_text()


REFUSED = [
    (("--quick", "--attack", "fgsm"), ["--quick runs the attack quick alone"]),
    (("--quick", "--at-least", "50%"), ["never that enough are"]),
    (("--at-least", "50%", "--threat", "linf:0.1", "--threat", "l2:1"), ["one threat model", "linf:0.1 and l2:1"]),
    (("--at-least", "50%", "--corruptions"), ["without it"]),
    (("--threat", "linf:0.1", "--threat", "linf:0.1"), ["two or more, each once"]),
    *(((("--at-least", wrong)), ["50% or 0.5", repr(wrong)]) for wrong in ("50", "0", "half", "50%%", "nan")),
]


@pytest.mark.parametrize(("given", "words"), REFUSED)
def test_questions_that_do_not_go_together(judge, is_refused, tmp_path, given, words):
    is_refused(judge(*given), *words)
    assert not list(tmp_path.iterdir())
