"""What a notebook shows of an evaluation."""

from tfadv.reports import inline


def test_a_notebook_shows_the_accuracies_and_whether_to_believe_them(make):
    text = make()._repr_markdown_()
    assert text.startswith(
        "**mlp: 30 images of digits (test), linf:0.1**\n\n|  | attacked | fooled | accuracy so far |"
    )
    clean, fgsm, pgd, robust = text.split("\n\n")[1].splitlines()[2:]
    assert "| clean images | – | – | 66.7 % [" in clean and "| fgsm | 20 | 5 | 50.0 % [" in fgsm
    assert (
        "pgd(steps=40, step_size=2/255)" in pgd and robust.startswith("| **robust accuracy** |") and "33.3 %" in robust
    )
    assert "**Explain this number before you quote it.**" in text
    # Whatever a finding or a model is called: nothing in it is markup.
    assert text.rstrip().endswith(r"- **warning** (dead): gradients \<b\>vanish\</b\> Look.")


def test_without_findings_there_is_no_list(make):
    text = inline.markdown_of(make(findings=[], checks=[{"code": "dead", "outcome": "passed"}]))
    assert "No check objects" in text and not text.rstrip().splitlines()[-1].startswith("-")


def test_in_a_shell_a_result_is_one_line(make):
    assert repr(make(n=3000)) == (
        "<EvaluationResult of 'mlp': clean 66.7%, robust 33.3% (linf:0.1, 3,000 images of digits)>"
    )
