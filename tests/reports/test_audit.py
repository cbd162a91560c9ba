"""What an auditor asks of an evaluation: believe it or not, who attacked, what was checked, what was not."""

import hashlib

import pytest

from tfadv.evaluation.results import load
from tfadv.reports import page
from tfadv.reports.document import Callout, Command, Facts, Headline, Table


def table(document, title):
    return next(block for block in kinds(document, Table) if block.title.startswith(title))


def kinds(document, kind):
    return [block for block in document.blocks if isinstance(block, kind)]


@pytest.mark.parametrize(
    ("severities", "level", "words"),
    [
        ([], "good", "No check objects"),
        (["info"], "good", "1 check for masked gradients and failed attacks passed, 2 were skipped"),
        (["warning", "info"], "open", "Explain this number"),
        (["error", "warning", "warning"], "bad", "1 error and 2 warnings: c0, c1, c2"),
    ],
)
def test_the_first_screen_says_whether_to_believe_it(make, quick, severities, level, words):
    found = [{"code": f"c{k}", "severity": severity, "message": "m"} for k, severity in enumerate(severities)]
    checks = [
        {"code": code, "outcome": outcome}
        for code, outcome in zip("abc", ("passed", "skipped", "skipped"), strict=True)
    ]
    headline, callout, *_ = page.evaluation_document([make(findings=found, checks=checks)]).blocks
    assert isinstance(headline, Headline) and headline.items[0][:2] == ("robust accuracy, linf:0.1", "33.3 %")
    assert headline.items[2][:2] == ("weakest class: dog", "0.0 %")
    assert callout.level == level and words in f"{callout.title} {callout.text}"


def test_a_verdict_without_checks_is_called_so(make, quick):
    found = [{"code": "not_checked", "severity": "warning", "message": "m"}]
    assert page.evaluation_document([make(findings=found)]).blocks[1].title == "Not checked"


def test_the_attacker_is_described(make, quick):
    attacker = kinds(page.evaluation_document([make()]), Facts)[0].mapping
    assert attacker["knowledge"].startswith("white box") and "by at most 0.1 of the range" in attacker["capability"]
    black = [{"attack": "square", "accuracy": 0.5, "forwards": 3000, "fooled": 10, "attacked": 20}]
    facts = {"attacks": black, "threat": "l0:12", "stochastic": True, "arrays": {}}
    attacker = kinds(page.evaluation_document([make(**facts)]), Facts)[0].mapping
    assert attacker["knowledge"].startswith("black box") and "at most 12 pixels" in attacker["capability"]
    assert "on average 0 backward passes and 100 forward passes an image" in attacker["effort"]
    said = {
        "patch(area=0.05, at=(0, 3))": "one square, 5 % of the image and at the same place in every one, to any color",
        "patch(eps=0.25, area=0.05)": "at the same place in every one, each value by at most 0.25",
        "l2(eps=0.5, box=None)": "at most 0.5 in all, as a Euclidean distance in which white is 1 from black, with no",
        "linf:8/255": "at most 8/255 of the range",
        "new:3": "within new:3",
    }
    for threat, words in said.items():
        facts = kinds(page.evaluation_document([make(threat=threat)]), Facts)[0].mapping
        assert words in facts["capability"]


def test_checks_that_passed_and_were_skipped_stand_beside_those_that_fired(make, quick):
    checks = [
        {"code": "zero_gradients", "outcome": "passed"},
        {"code": "few_draws", "outcome": "skipped", "reason": "the model is not random"},
        {"code": "dead", "outcome": "fired"},
    ]
    blocks = page.evaluation_document([make(checks=checks)]).blocks
    place = next(k for k, block in enumerate(blocks) if getattr(block, "heading", "") == "Checks")
    assert "3 checks" in blocks[place].paragraphs[0] and "1 fired, 1 passed, 1 skipped" in blocks[place].paragraphs[0]
    assert blocks[place + 1].mapping == {
        "fired": "dead",
        "passed": "zero gradients",
        "skipped, as the model is not random": "few draws",
    }


def test_attacks_that_were_chosen_say_why(make, quick):
    rows = [row | {"why": why} for row, why in zip(make().attacks, (None, "It rounds."), strict=True)]
    chosen = table(page.evaluation_document([make(attacks=rows)]), "Attacks chosen for this model")
    assert chosen.rows == [["pgd(steps=40, step_size=2/255)", "It rounds.", 15, 5]]


def test_attacks_that_were_tried_in_vain_are_told_and_cost_what_they_cost(make, quick):
    trial = {"attack": "twin", "why": "It was tried.", "attacked": 8, "fooled": 0, "seconds": 1, "gradients": 300}
    tried = make(trials=[trial | {"forwards": 600}, trial | {"attack": "rays", "gradients": 0, "forwards": 900}])
    document = page.evaluation_document([tried])
    assert table(document, "Attacks tried on a few images").rows[0] == ["twin", "It was tried.", 8, 0]
    attacks = table(document, "Attacks under")
    assert attacks.rows[-1] == ["trials on a few images", None, None, None, None, 2, "300", "1,500"]
    assert attacks.foot[3:6] == [10, 0.0875, 14.75]
    effort = kinds(document, Facts)[0].mapping["effort"]
    assert "2 attacks and 2 trials on a few images; " in effort and "51 forward passes an image" in effort


def test_what_was_not_tested_and_how_to_verify_it_are_said(make, quick, tmp_path):
    run = make(fingerprints={"weights": "ab"}).save(tmp_path / "a run")
    document = page.evaluation_document([load(run)])
    [command] = kinds(document, Command)
    assert command.lines == (f"tfadv verify '{run}'",)
    said = {key: value for facts in kinds(document, Facts) for key, value in facts.mapping.items()}
    assert said[f"sha256 of {run / 'SHA256SUMS'}"] == hashlib.sha256((run / "SHA256SUMS").read_bytes()).hexdigest()
    assert "linf:0.1" in said["other changes"] and said["other changes"].endswith("rotations, blur, weather")
    measured = page.evaluation_document([make(corruptions={"mean": 0.5, "accuracy": {"fog": [0.5]}})])
    assert "blur" not in str([facts.mapping.get("other changes") for facts in kinds(measured, Facts)])
    assert "linf:0.1" in said["other changes"] and "30 images" in said["other images"]
    assert "is proven" in str(
        page.evaluation_document([make(certificate={"method": "linear", "accuracy": 0.2})]).blocks
    )
    bracket = make(certificate={"method": "interval bounds", "accuracy": 0.2, "exact": False})
    assert "but none that is certified" in str(page.evaluation_document([bracket]).blocks)
    proof = {"method": "randomized smoothing", "accuracy": 0.2, "exact": False, "confidence": 0.999}
    vote = page.evaluation_document([make(certificate=proof)])
    assert "the proof is of a vote of infinitely many" in str(vote.blocks) and "no attack" not in str(vote.blocks[:2])
    assert "```bash\ntfadv verify" in page.write([run], tmp_path / "r.md").read_text()
    assert not kinds(page.evaluation_document([make()]), Command)


def test_the_answer_of_at_least_comes_first(make, quick):
    gate = {"at_least": 0.25, "holds": True, "interval": [0.26, 0.4], "of": 1000}
    headline, _, how, *_ = page.evaluation_document([make(gate=gate)]).blocks
    assert headline.items[0] == ("at least 25.0 % robust?", "yes", "95 % interval 26.0 % to 40.0 % of all 1,000 images")
    assert "30 of 1,000 images, drawn at random" in how.paragraphs[0] and "error" not in how.paragraphs[0]
    said = lambda **changes: page.evaluation_document([make(gate=gate | changes)]).blocks  # noqa: E731
    assert said(interval=[0.3, 0.3])[0].items[0][2] == "exactly 30.0 % of all 1,000 images"
    assert "however often" not in said(interval=[0.3, 0.3])[2].paragraphs[0]
    near = said(interval=[0.26001, 0.26004], of=100_000)[0].items[0][2]
    assert near == "95 % interval 26,001 to 26,004 of all 100,000 images"
    assert "a proof certifies 260, which no attack" in said(proven=260)[2].paragraphs[0]
    spoilt = page.evaluation_document([make(gate=gate | {"holds": False})]).blocks
    assert spoilt[0].items[0][1] == "no" and "a check found an error" in spoilt[2].paragraphs[0]


def test_of_several_runs_the_first_screen_says_which_not_to_believe(make, quick):
    error = [{"code": "c", "severity": "error", "message": "m"}]
    runs = [make("a", findings=[]), make("b", findings=error)]
    [callout] = [block for block in page.evaluation_document(runs).blocks[:2] if isinstance(block, Callout)]
    assert callout.level == "bad" and callout.text.startswith("The checks raise 1 error for b.")
    calm = page.evaluation_document([make("a", findings=[]), make("b", findings=[])]).blocks[:2]
    assert not [block for block in calm if isinstance(block, Callout)]


def test_the_page_of_a_union_speaks_of_threat_models(make, quick):
    found = [{"code": "c", "severity": "error", "message": m} for m in ("Under linf:0.1: m", "Under l2:1: n")]
    document = page.evaluation_document([make(threat="linf:0.1 and l2:1", findings=found, arrays={})])
    assert "2 errors: c." in document.blocks[1].text
    attacks = table(document, "Attacks under linf:0.1 and l2:1")
    assert "in the folder linf-0.1 or l2-1 beside this page" in attacks.note and "no attack above" not in attacks.note
    assert kinds(document, Facts)[0].mapping["effort"].startswith("attacks under 2 threat models; ")
