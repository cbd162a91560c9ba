import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfadv.evaluation.results import EvaluationResult
from tfadv.evaluation.statistics import McNemar, exact_p, mcnemar, paired_interval
from tfadv.reports import page, paired_test
from tfadv.reports.document import Table, Text


def run(right, model="m", n=1000, seed=0, attacks=("fgsm",), **dataset):
    """A run that is right about the first `right` of n images."""
    dataset = {"name": "digits", "source": "here", "split": "test", "n": n, "fingerprint": "ab"} | dataset
    rows = [{"attack": attack, "accuracy": 0.5} for attack in attacks]
    stands = np.arange(n) < right
    labels = np.random.default_rng(seed).integers(0, 3, n)
    return EvaluationResult.of(
        np.ones(n), stands, labels, "abc", model={"name": model}, dataset=dataset, threat="linf:0.1", attacks=rows
    )


def test_runs_on_the_same_images_are_compared():
    a, b = run(600), run(500)
    assert paired_test.objection(a, b) is None and paired_test.differences([a, b]) == []
    assert paired_test.compare(a, b) == mcnemar(np.arange(1000) < 600, np.arange(1000) < 500)
    assert paired_test.compare(a, b, "clean").only_a == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"n": 999}, "number of examples (1,000, 999)"),
        ({"split": "train"}, "split (test, train)"),
        ({"fingerprint": "cd"}, "images (their fingerprints differ)"),
        ({"fingerprint": "cd", "name": "mnist"}, "data set (digits, mnist)"),
        ({"fingerprint": None, "source": "there"}, "data source (here, there)"),
        ({"fingerprint": None, "seed": 1}, "examples (their labels differ)"),
    ],
)
def test_runs_on_other_images_are_not(change, words):
    other = run(500, **change)
    assert words in paired_test.objection(run(600), other)
    assert words in paired_test.differences([run(600), other])[0]


def test_one_fingerprint_is_one_set_of_images_whatever_it_is_called():
    assert paired_test.objection(run(600), run(500, name="copy", source="there")) is None


def test_what_is_not_known_is_not_compared():
    a, b = run(600, fingerprint=None), run(500, fingerprint=None)
    assert paired_test.objection(a, b) is None  # the labels are the same
    object.__setattr__(b, "arrays", {key: b.arrays[key] for key in ("clean", "robust")})
    assert "neither fingerprints nor labels" in paired_test.objection(a, b)
    object.__setattr__(b, "arrays", {})
    assert "per_example.npz is missing" in paired_test.objection(a, b)


def test_the_order_of_attacks_does_not_matter():
    assert not paired_test.attack_lists_differ([run(1, attacks=("fgsm", "pgd")), run(2, attacks=("pgd", "fgsm"))])
    assert paired_test.attack_lists_differ([run(1, attacks=("fgsm", "pgd")), run(2, attacks=("pgd",))])


def test_what_withstands_nothing_would_look_no_worse_under_more_attacks():
    one, both = ("pgd",), ("fgsm", "pgd")
    assert not paired_test.attack_lists_differ([run(0, attacks=one), run(2, attacks=both)])
    assert paired_test.attack_lists_differ([run(2, attacks=one), run(0, attacks=both)])


def of_counts(only_a, only_b, n):
    interval = paired_interval(only_a, only_b, n)
    return McNemar(n, only_a, only_b, (only_a - only_b) / n, interval, exact_p(only_a, only_b))


@pytest.mark.parametrize(
    ("counts", "what", "sentence"),
    [
        (
            (60, 20, 500),
            "robust",
            "A is more robust: only A is robust on 60 images, only B on 20 (p < 0.0001).",
        ),
        (
            (1, 9, 90),
            "clean",
            "B is more accurate on clean images: only B is right on 9 images, only A on 1 (p = 0.021).",
        ),
        (
            (0, 0, 90),
            "robust",
            "No difference in robust accuracy can be shown with 90 images: both are robust on the same ones.",
        ),
        (
            (1, 1, 90),
            "clean",
            "No difference in clean accuracy can be shown with 90 images: only A is right on 1 image, only B on 1 "
            "(p = 1).",
        ),
        (
            (30, 20, 1000),
            "robust",
            "No difference in robust accuracy can be shown with 1,000 images: only A is robust on 30 images, "
            "only B on 20 (p = 0.2); about 4,000 would be needed to show it, if it is as large as it seems here.",
        ),
    ],
)
def test_conclusions(counts, what, sentence):
    assert paired_test.conclusion(of_counts(*counts), "A", "B", what) == sentence


@given(st.integers(0, 300), st.integers(0, 300), st.integers(1, 1000))
def test_more_images_are_asked_for_than_there_were(only_a, only_b, agree):
    test = of_counts(only_a, only_b, only_a + only_b + agree)
    sentence = paired_test.conclusion(test, "A", "B")
    assert ("is more robust" in sentence) == (test.p_value < 0.05)
    if only_a != only_b and test.p_value >= 0.05:
        assert paired_test.needed(test) > test.n


def test_as_many_images_as_there_were_did_not_do():
    """5 of 5 images tell the two apart and p is 0.0625; Connor's formula, an approximation, asks for 4."""
    assert paired_test.needed(of_counts(5, 0, 5)) == 6


def table_of(*runs):
    document = page.evaluation_document(runs)
    return next((block for block in document.blocks if isinstance(block, Table) and block.id == "pairs"), None)


def test_all_pairs_of_a_few_runs_are_table_of(quick):
    table = table_of(run(505, "b"), run(500, "c"), run(700, "a"))
    assert [row[:2] for row in table.rows] == [["a", "b"], ["a", "c"], ["b", "c"]]
    assert [row[-1] for row in table.rows] == ["yes", "yes", "not shown"]
    # 5 against 0 gives p = 0.0625, the largest of three, which Holm leaves as it is.
    assert table.rows[2][2:6] == ["+0.5 [+0.1, +1.2]", 5, 0, "0.062"]
    assert "Holm for the 3 pairs" in table.note and "Left out" not in table.note


def test_holm_is_over_all_pairs(quick):
    """7 against 0 gives p = 0.0156: enough for one pair, not for the three that were tested."""
    assert table_of(run(507, "a"), run(500, "b")).rows[0][-1] == "yes"
    assert table_of(run(507, "a"), run(500, "b"), run(500, "c")).rows[0][-2:] == ["0.047", "yes"]
    rows = table_of(run(507, "a"), run(500, "b"), run(500, "c"), run(500, "d")).rows
    assert [row[-2:] for row in rows[:3]] == [["0.094", "not shown"]] * 3


def test_many_runs_are_tested_against_the_most_robust(quick):
    table = table_of(*(run(500 + 10 * k, f"m{k}") for k in range(7)))
    assert [row[0] for row in table.rows] == ["m6"] * 6 and "the most robust run" in table.note
    assert "Holm for the 21 pairs" in table.note


def test_pairs_on_other_images_are_left_out(quick):
    assert table_of(run(600, "a"), run(500, "b", fingerprint="cd")) is None
    table = table_of(run(600, "a"), run(500, "b"), run(550, "c", fingerprint="cd"))
    assert [row[:2] for row in table.rows] == [["a", "b"]] and "Left out: 2" in table.note


def test_one_run_has_no_pairs(quick):
    assert table_of(run(600)) is None
    assert not any(isinstance(b, Text) and b.heading == "Comparison" for b in page.evaluation_document([run(6)]).blocks)
