"""Each check of the attacks objects to what deserves it, and to no honest evaluation."""

import dataclasses
import re

import numpy as np
import pytest
import tensorflow as tf
from evidence_of import case_of, severity, told, with_threat

from tfadv import attacks, losses
from tfadv.evaluation import checks
from tfadv.evaluation.checks import chosen_attacks, controls, model
from tfadv.evaluation.checks.evidence import NO_SINGLE_ATTACK
from tfadv.evaluation.model_noise import Noise
from tfadv.threat import L0, LInf
from trap_models import Noise as NoiseLayer
from trap_models import behind, trap

# Which attacks were run, and what they left.


def test_single_steps_only():
    for specs in (["fgsm"], ["fgsm", "pgd(steps=1)"]):
        assert severity(chosen_attacks.single_step_only(told(specs))) == "warning"
    for specs in (["fgsm", "pgd"], ["deepfool"], ["square"], ["transfer(attack=fgsm)"]):
        assert chosen_attacks.single_step_only(told(specs)) is None


def test_black_box_attacks_only():
    assert severity(chosen_attacks.black_box_only(told(["square", "transfer"]))) == "warning"
    assert chosen_attacks.black_box_only(told(["square", "pgd"])) is None


@pytest.mark.parametrize(
    ("specs", "fooled", "said"),
    [
        (["pgd", "square"], [500, 3], "warning"),
        (["pgd", "square", "eot(attack=square)"], [500, 1, 2], "warning"),
        (["pgd", "transfer(attack=pgd)"], [500, 21], "error"),
        (["pgd", "square"], [500, 2], None),
        (["square", "pgd"], [500, 3], None),
        (["fgsm", "square"], [500, 300], None),
        (["transfer(attack=pgd)", "square"], [500, 300], None),
    ],
)
def test_attacks_that_know_less_and_find_more(specs, fooled, said):
    found = chosen_attacks.black_box_stronger(told(specs, fooled, unadapted="The attacks were given"))
    assert severity(found) == said and (not said or "a longer attack" not in found[1])  # none ran


@pytest.mark.parametrize(("left", "said"), [(0, "info"), (2, "info"), (3, "warning"), (20, "warning"), (21, "error")])
def test_what_a_longer_attack_with_gradients_breaks_misled_none(left, said):
    asked = {"misled": left, "unadapted": "The attacks were given"}
    found = chosen_attacks.black_box_stronger(told(["pgd", "square"], [500, 30], **asked))
    assert severity(found) == said and f"{30 - left if said == 'info' else left} of them" in found[1]


@pytest.mark.parametrize(
    ("left", "chosen", "fooled", "said"),
    [
        (20, [], [], "warning"),  # nothing was tried against it
        (21, ["twin"], [0], "error"),
        (20, ["twin", "rays"], [1, 1], "info"),  # 2 of 1,000 may be chance
        (20, ["twin", "rays"], [2, 1], "warning"),
        (20, ["apgd(steps=200)", "twin"], [3, 0], "info"),  # gradients lead there, after more steps
    ],
)
def test_few_images_are_no_alarm_where_nothing_chosen_against_it_breaks_more(left, chosen, fooled, said):
    case = told(["pgd", "square", *chosen], [500, 30, *fooled], misled=left)
    rows = [row | {"why": "It was chosen." if k > 1 else None} for k, row in enumerate(case.rows)]
    assert severity(chosen_attacks.black_box_stronger(dataclasses.replace(case, rows=tuple(rows)))) == said


@pytest.mark.parametrize(
    ("certified", "said"), [(None, None), (100, None), (98, "info"), (97, "warning"), (70, "error")]
)
def test_attacks_that_leave_more_than_withstands_everything(certified, said):
    # 1,000 images of which 100 are left; all labels are 0, and so are the logits.
    case = told(["apgd"], [900], n=1000, certified=certified)
    found = chosen_attacks.short_of_exact(case)
    assert severity(found) == said and (not said or f"{100 - certified} more" in found[1])


def test_a_single_image_of_few_is_no_suspicion():
    assert chosen_attacks.black_box_stronger(told(["pgd", "square"], [50, 1], n=100)) is None
    assert severity(chosen_attacks.black_box_stronger(told(["pgd", "square"], [50, 2], n=100))) == "warning"
    tried = {"trials": ({"attack": "twin(neighbors=8)", "why": "It was led to.", "attacked": 12, "fooled": 0},)}
    for fell, said in ((2, "info"), (3, "info"), (4, "error")):  # of 1 %, 3 of 100 are nothing unusual
        found = chosen_attacks.black_box_stronger(told(["pgd", "square"], [50, fell], n=100, **tried))
        assert severity(found) == said and ("no more of 12 images" in found[1]) is (said == "info")


def test_few_classes():
    assert severity(chosen_attacks.few_classes(told(["apgd_t"], classes=3))) == "info"
    for other in (told(["apgd_t"], classes=4), told(["apgd"], classes=3), told(["apgd_t(loss=ce)"], classes=2)):
        assert chosen_attacks.few_classes(other) is None


def test_what_can_be_compared_with_published_figures():
    standard = attacks.get("autoattack").members(10, "linf")
    as_run = tuple(member.until_fooled() for member in standard)
    for members in (standard, as_run):
        assert chosen_attacks.not_standard(dataclasses.replace(told([]), members=members)) is None
    found = chosen_attacks.not_standard(dataclasses.replace(told([]), members=as_run[:-1]))
    assert severity(found) == "info" and str(standard[-1]) in found[1] and str(standard[0]) not in found[1]
    assert severity(chosen_attacks.not_standard(told(["apgd(steps=50)", "apgd_t", "fab_t", "square"]))) == "info"
    random = dataclasses.replace(
        told([], draws=20), members=attacks.get("autoattack(version=rand)").members(10, "linf")
    )
    assert chosen_attacks.not_standard(random) is None
    few_pixels = with_threat(told(["pgd", "sigma_zero"]), L0(24))
    assert "does not know l0: what was run is pgd, sigma_zero" in chosen_attacks.not_standard(few_pixels)[1]


# What was attacked once more.


def test_noise_that_finds_what_attacks_missed(classifiers):
    never_attacked = case_of(classifiers("linear"), threat=LInf(0.5))
    found = controls.noise_stronger(never_attacked)
    assert severity(found) == "error" and re.search(r"fools \d+ of 50 images", found[1])
    assert controls.noise_stronger(with_threat(never_attacked, LInf(1e-3))) is None


def test_an_attack_of_many_steps_that_one_step_beats(classifiers):
    small_steps = case_of(classifiers("mlp"), ("pgd(steps=2, step_size=0.001, random_start=False)",))
    found = controls.single_step_stronger(small_steps)
    assert severity(found) == "error" and "pgd(steps=2" in found[1]
    nearest = case_of(classifiers("mlp"), ("deepfool",))  # it climbs no loss
    assert nearest.single_attack is None and controls.single_step_stronger(nearest) == NO_SINGLE_ATTACK


def test_an_attack_that_does_not_rise():
    downhill = case_of(trap("wrong_sign"), ("pgd(steps=5, random_start=False)",))
    found = controls.loss_not_rising(downhill)
    assert severity(found) == "error" and f"of {len(downhill.single_attack.at)} images" in found[1]


@pytest.mark.parametrize(
    ("more", "changes", "said"),
    [
        ((controls.LONGER,), {}, "info"),
        ((), {}, "error"),  # the longer attack fools what the cross-entropy left
        ((controls.LONGER,), {"unadapted": "The attacks were given"}, "error"),
        ((controls.LONGER,), {"why": "It was chosen."}, "error"),
    ],
)
def test_a_loss_that_saturates_is_no_error_where_the_others_and_those_of_the_judge_agree(
    classifiers, more, changes, said
):
    case = case_of(classifiers("saturated"), ("pgd(steps=10)", *more), n=40)
    rows = (*case.rows[:1], *(row | {"why": changes.get("why")} for row in case.rows[1:]))
    case = dataclasses.replace(case, rows=rows, unadapted=changes.get("unadapted"))
    assert severity(controls.loss_not_rising(case)) == said


def test_attacks_that_more_steps_would_beat(classifiers):
    never_attacked = case_of(classifiers("mlp"))
    found = controls.not_converged(never_attacked)
    assert severity(found) == "error" and "points of accuracy" in found[1]
    left = never_attacked.right & (np.arange(100) % 10 == 0)  # worth a tenth
    points = lambda said: float(re.search(r"about ([\d.]+) points", said[1])[1])  # noqa: E731
    fewer = controls.not_converged(dataclasses.replace(never_attacked, robust=left))
    assert points(fewer) <= 10 < 30 < points(found)


def test_a_classifier_that_stands_where_none_can():
    assert severity(controls.stands_large_eps(case_of(trap("wrong_sign")))) == "error"


@pytest.mark.parametrize(
    ("specs", "said"), [(["pgd(steps=10)"], "error"), (["pgd(steps=10)", "deepfool"], "warning"), ([], "warning")]
)
def test_logits_that_float32_cannot_compare(classifiers, specs, said):
    found = controls.saturated_logits(case_of(classifiers("saturated"), specs, n=40))
    assert severity(found) == said and "for 100.0% of the images" in found[1]


def test_confident_is_not_saturated(classifiers):
    assert controls.saturated_logits(case_of(classifiers("mlp"))) is None
    margin = case_of(classifiers("saturated"), members=(attacks.get("pgd(loss=margin)"),), rows=({"attack": ""},))
    assert severity(controls.saturated_logits(margin)) == "info"


@pytest.mark.parametrize("known", [None, Noise(40)])
def test_models_of_strong_noise_are_not_attacked_again(known):
    case = case_of(trap("noisy"), draws=20, noise=known)
    again = (controls.noise_stronger, controls.not_converged, controls.stands_large_eps)
    assert case.single_attack is None and all(isinstance(check(case), str) for check in again)


def test_models_of_slight_noise_are_attacked_in_expectation():
    attack = "eot(attack=pgd(steps=5), draws=2, firm=True)"
    # Few enough not to be attacked in halves, whose threads draw in any order.
    case = case_of(behind(NoiseLayer(0.01), trap("wrong_sign")), (attack,), n=60, draws=20, noise=Noise(2))
    assert severity(controls.loss_not_rising(case)) == severity(model.misleading_gradients(case)) == "error"
    assert not isinstance(controls.single_step_stronger(case), str)  # it is not skipped
    assert str(case.expected("fgsm")) == "eot(attack=fgsm, draws=2, firm=True)"


def test_slight_noise_is_said_to_be_attacked_by_more_than_is_published():
    noise = Noise(3)
    members = noise.expected("autoattack").members(10, "linf")
    found = chosen_attacks.not_standard(dataclasses.replace(told([], draws=20, noise=noise), members=members))
    assert severity(found) == "info" and "mean of 3 draws" in found[1]


def test_a_gap_of_24_bits_is_where_the_cross_entropy_ends():
    z = np.array([[0, -controls.ONE_HOT - 0.1], [0, -controls.ONE_HOT + 0.1]], "float32")
    loss = losses.cross_entropy(tf.constant([0, 0]), z).numpy()
    assert loss[0] == 0 < loss[1]
    assert (controls._cross_entropy(z, np.zeros(2, int)) > 0).all()


def test_what_cannot_be_left_out_is_not_advised():
    assert "Leave out --attack" in chosen_attacks.not_standard(told(["square"]))[2]
    assert "follow gradients" in chosen_attacks.not_standard(told(["square"], differentiable=False))[2]


def test_a_quick_verdict_is_that_of_quick_alone():
    asked = {"unadapted": "The attacks were given"}
    assert not checks.fired(chosen_attacks.not_adapted(told(["quick"], **asked)))
    assert severity(chosen_attacks.not_adapted(told(["quick", "pgd"], **asked))) == "info"
    said = [chosen_attacks.not_standard(told(specs, **asked))[1] for specs in (["quick"], ["quick", "pgd"])]
    assert [text.startswith("A quick verdict") for text in said] == [True, False]
