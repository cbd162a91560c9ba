"""Each check objects to a model or an evaluation that deserves it, and to no honest one."""

import dataclasses
import re
from pathlib import Path

import keras
import numpy as np
import pytest
from evidence_of import case_of, severity, told
from keras import layers, ops

from tfadv import attacks
from tfadv.evaluation import checks, model_noise
from tfadv.evaluation.checks import chosen_attacks, controls, model, outputs
from tfadv.evaluation.checks.evidence import NO_ATTACK, NONE_RIGHT, NONE_ROBUST, NOT_RANDOM, RANDOM, TOO_FEW
from tfadv.evaluation.diagnostics import NOT_CHECKED
from tfadv.graph.reject import with_reject
from tfadv.threat import L1, L2, LInf
from trap_models import Noise, SeededNoise, WrongSignOffTheData, behind, network, trap


def test_an_honest_evaluation_raises_nothing(classifiers):
    said = []
    case = case_of(classifiers("mlp"), ("apgd", "apgd_t", "square(queries=200)"), progress=lambda *e: said.append(e))
    assert case.robust.sum() >= 20
    assert [(item["code"], item["severity"]) for item in checks.findings(checks.answers(case))] in (
        [],
        [("not_standard", "info")],
    )
    assert said[0] == ("checks", 0, len(checks.CHECKS)) and said[-1] == ("checks",) + 2 * (len(checks.CHECKS),)


@pytest.mark.parametrize(("threat", "name"), [(L2(0.5), "cnn"), (L1(2.0), "linear")])
def test_nor_does_one_in_another_norm(classifiers, threat, name):
    case = case_of(classifiers(name), ("apgd",), threat=threat, n=40)
    assert case.robust.sum() >= 10
    run_again = (controls.noise_stronger, controls.single_step_stronger, controls.loss_not_rising)
    for check in (*run_again, controls.stands_large_eps):
        assert check(case) is None, check.__name__


def test_findings_come_worst_first_and_are_the_same_each_time(monkeypatch):
    found = (model.few_images, model.misleading_gradients, chosen_attacks.not_standard, controls.stands_large_eps)
    monkeypatch.setattr(checks, "CHECKS", found)
    case = case_of(trap("wrong_sign"), ("pgd(steps=5)",), n=60)
    found, again = (checks.findings(checks.answers(same)) for same in (case, dataclasses.replace(case)))
    assert again == found
    order = [checks.SEVERITIES.index(item["severity"]) for item in found]
    assert order == sorted(order) and [item["code"] for item in found][:2] == [
        "misleading_gradients",
        "stands_large_eps",
    ]
    assert len(set(order)) > 1
    assert all(set(item) == {"code", "severity", "message", "advice"} and all(item.values()) for item in found)


def test_what_fired_what_passed_and_what_was_skipped_is_told_apart():
    said = {"a": None, "b": NOT_RANDOM, "c": ("info", "It is.", "Look.")}
    kinds = [("a", "passed", None), ("b", "skipped", NOT_RANDOM), ("c", "fired", None)]
    assert [tuple(outcome.values()) for outcome in checks.outcomes(said)] == kinds
    assert [finding["code"] for finding in checks.findings(said)] == ["c"]


def test_a_rejecting_class_that_was_not_declared_comes_before_what_it_explains():
    said = {name: (severity, "", "") for name, severity in (("zero_gradients", "error"), ("abstentions", "warning"))}
    assert [finding["code"] for finding in checks.findings(said)] == ["abstentions", "zero_gradients"]
    declared = said | {"abstentions": ("info", "", "")}
    assert [finding["code"] for finding in checks.findings(declared)] == ["zero_gradients", "abstentions"]


def test_what_could_not_be_looked_at_is_no_pass(classifiers):
    """One image that is wrong, and no attack: nothing can be said of gradients, of attacks, of a batch."""
    no, logits = np.zeros(1, bool), np.full((1, 10), 0.6, "float32")
    case = case_of(classifiers("mlp"), n=1, logits=logits, labels=np.ones(1, "int32"))
    case = dataclasses.replace(case, right=no, robust=no)
    reasons = {check["code"]: check["reason"] for check in checks.outcomes(checks.answers(case))}
    right = ("zero_gradients", "misleading_gradients", "single_step_stronger", "loss_not_rising", "saturated_logits")
    assert {reasons[code] for code in right} == {NONE_RIGHT} and reasons["not_converged"] == NONE_ROBUST
    assert {reasons[code] for code in ("probabilities", "batch_dependent")} == {TOO_FEW}
    assert {reasons[code] for code in ("abstentions", "single_step_only", "black_box_only")} == {NO_ATTACK}
    wrong = dataclasses.replace(case_of(classifiers("mlp")), right=np.zeros(100, bool))
    assert controls.stands_large_eps(wrong) == NONE_RIGHT
    noisy = dataclasses.replace(wrong, judge=dataclasses.replace(wrong.judge, draws=20))
    assert controls.few_draws(noisy) == NONE_RIGHT


def test_steps_too_long_to_measure_say_nothing_of_gradients(classifiers):
    faint = case_of(behind(layers.Rescaling(1e-4), classifiers("mlp")))
    faint = dataclasses.replace(faint, right=np.ones(100, bool))
    assert "no short step" in model.misleading_gradients(faint)
    assert model.misleading_gradients(case_of(classifiers("mlp"), n=5)) == TOO_FEW


def test_an_attack_that_found_no_image_left_says_nothing_of_the_others():
    case = told(["pgd", "square"], [1000, 0])
    assert chosen_attacks.black_box_stronger(case) is None
    left = dataclasses.replace(case, rows=(case.rows[0], case.rows[1] | {"attacked": 0}))
    assert chosen_attacks.black_box_stronger(left) == NONE_ROBUST


def test_every_finding_is_documented():
    text = (Path(__file__).parents[2] / "docs/findings.md").read_text()
    codes = [*(check.__name__ for check in checks.CHECKS), NOT_CHECKED["code"]]
    assert re.findall(r"^## (\w+)$", text, re.M) == codes and len(set(codes)) == len(codes)
    modules = (outputs, model, chosen_attacks, controls)
    written = {
        name for module in modules for name, thing in vars(module).items()
        if not name.startswith("_") and getattr(thing, "__module__", "") == module.__name__
    }  # fmt: skip
    assert written == set(codes[:-1])


# What a model does.


def test_models_without_gradients(classifiers):
    assert severity(model.no_gradients(told(["square"], differentiable=False))) == "error"
    assert severity(model.no_gradients(told(["bpda(attack=pgd)"], differentiable=False))) == "warning"
    assert model.no_gradients(told(["square"])) is None
    unknown = case_of(trap("cut"), differentiable=False)
    assert {item["code"] for item in checks.findings(checks.answers(unknown))} >= {"no_gradients"}


@pytest.mark.parametrize(
    ("specs", "said"),
    [(["pgd"], "error"), (["square"], "error"), (["pgd", "pgd(loss=margin)"], "warning")],
)
def test_gradients_of_zero(classifiers, specs, said):
    case = case_of(classifiers("saturated"))
    members = tuple(map(attacks.get, specs))
    rows = tuple({"attack": spec} for spec in specs)
    found = model.zero_gradients(dataclasses.replace(case, members=members, rows=rows))
    assert severity(found) == said and "at 100.0% of the images and the margin at 0.0%" in found[1]
    assert model.zero_gradients(case_of(classifiers("mlp"))) is None


def test_gradients_that_are_not_finite(classifiers):
    found = model.zero_gradients(case_of(classifiers("nan_gradients"), n=360))
    assert severity(found) == "warning" and "NaN or infinite somewhere at 100.0%" in found[1]


def test_gradients_that_are_not_the_models(classifiers):
    for name in ("wrong_sign", "drowned"):
        assert severity(model.misleading_gradients(case_of(trap(name)))) == "error", name
    assert model.misleading_gradients(case_of(classifiers("cnn"))) is None


def test_gradients_are_looked_at_where_an_attack_went_too():
    model_ = behind(WrongSignOffTheData(), network())
    case = case_of(model_, ("pgd(steps=5)",), threat=LInf(0.2))
    assert model.misleading_gradients(dataclasses.replace(case, members=(), rows=())) is None
    found = model.misleading_gradients(case)
    assert severity(found) == "error" and "adversarial images only" in found[1]


class BatchStatistics(layers.Layer):
    """Batch normalization as in training."""

    def call(self, x):
        return (x - ops.mean(x, 0)) / (ops.std(x, 0) + 1)


def test_models_that_look_across_the_batch(classifiers):
    found = outputs.batch_dependent(case_of(behind(BatchStatistics(), classifiers("mlp"))))
    assert severity(found) == "error" and "batch of 16" in found[1]
    assert outputs.batch_dependent(case_of(classifiers("batchnorm_dropout"))) is None
    x = keras.Input((8, 8, 1))
    trained = keras.Model(x, classifiers("mlp")(layers.BatchNormalization(name="norm")(x, training=True)))
    found = outputs.batch_dependent(case_of(trained))
    assert severity(found) == "error" and "calls norm with training=True" in found[1]


def test_probabilities_that_nobody_declared(classifiers):
    mlp = classifiers("mlp")
    sigmoid = keras.Model(mlp.input, layers.Lambda(ops.sigmoid)(mlp.output))
    assert severity(outputs.probabilities(case_of(sigmoid))) == "error"
    logs, signed = (keras.Model(mlp.input, layers.Lambda(f)(mlp.output)) for f in (ops.log_softmax, ops.tanh))
    for honest in (mlp, logs, signed, classifiers("constant")):
        assert outputs.probabilities(case_of(honest)) is None


def test_random_models():
    case = case_of(trap("noisy"), draws=20, members=(attacks.get("pgd"),))
    found = outputs.randomized(case)
    assert severity(found) == "warning" and re.search(r"in [1-9][\d.]*% of the predictions", found[1])
    expected = dataclasses.replace(case, members=(attacks.get("eot(attack=pgd)"),))
    assert severity(outputs.randomized(expected)) == "info"
    assert severity(chosen_attacks.not_eot(case)) == "error" and chosen_attacks.not_eot(expected) is None
    augmented = case_of(behind(layers.RandomFlip(), trap("noisy")), draws=1)
    found = outputs.randomized(augmented)
    assert severity(found) == "info" and found[1].startswith("trap was left out")
    calm = dataclasses.replace(case, judge=dataclasses.replace(case.judge, draws=1))
    assert outputs.randomized(calm) is None and chosen_attacks.not_eot(calm) == NOT_RANDOM


def test_noise_that_the_image_seeds(classifiers):
    case = case_of(behind(SeededNoise(0.05), classifiers("cnn")), noise=model_noise.Noise(2, 1e-6, lasting=True), n=20)
    assert outputs.batch_dependent(case) == RANDOM and outputs.seeded_noise(case_of(classifiers("cnn"))) is None
    found = outputs.seeded_noise(case)
    assert severity(found) == "warning" and "moving its pixels by 1e-06" in found[1] and "batch" not in found[1]
    advised = found[2].split('"')[1]
    assert severity(outputs.seeded_noise(dataclasses.replace(case, members=(attacks.get(advised),)))) == "info"


def test_models_that_reject(classifiers):
    detector = keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(1)])
    detector.set_weights([np.zeros((64, 1), "float32"), np.float32([-1])])
    rows = ({"attack": "pgd", "attacked": 90, "fooled": 30, "abstained": 20},)
    said = outputs.abstentions(case_of(with_reject(classifiers("mlp"), detector), rows=rows))
    assert severity(said) == "info" and "rejects 0 of 1000 clean images" in said[1] and "20 of 90" in said[1]
    detector.set_weights([np.zeros((64, 1), "float32"), np.float32([1])])
    assert "rejects 1000 of 1000" in outputs.abstentions(case_of(with_reject(classifiers("mlp"), detector)))[1]


def test_models_that_name_no_class_without_saying_so():
    silent = dataclasses.replace(
        told(["pgd"]), rows=({"attack": "pgd", "attacked": 90, "fooled": 30, "abstained": 20},)
    )
    said = outputs.abstentions(silent)
    assert severity(said) == "warning" and "no class at 20 of 90" in said[1] and "rejects = True" in said[2]
    named = dataclasses.replace(silent, rows=({**silent.rows[0], "abstained": 0},))
    assert outputs.abstentions(named) is None
    for few in (silent, named):  # whether the last logit is a label is not known
        assert outputs.abstentions(dataclasses.replace(few, labels=few.labels[:50])) == TOO_FEW
    assert outputs.abstentions(dataclasses.replace(named, labels=np.int32([9] * 50))) is None


def test_too_few_draws(classifiers):
    noisy = case_of(trap("noisy"), draws=20)
    one, many = ((attacks.get(f"eot(attack=pgd, draws={draws})"),) for draws in (1, 40))
    assert severity(controls.few_draws(dataclasses.replace(noisy, members=one))) == "warning"
    assert severity(controls.few_draws(dataclasses.replace(noisy, members=many))) != "warning"
    calm = case_of(behind(Noise(0.01), classifiers("cnn")), draws=20, members=one)
    assert controls.few_draws(calm) is None


def test_dark_images(classifiers, images, labels):
    dark = case_of(classifiers("mlp"), x=images / 255, y=labels)
    assert severity(model.dark_images(dark)) == "warning"
    assert model.dark_images(case_of(classifiers("mlp"))) is None


def test_classifiers_that_know_little(classifiers):
    case = case_of(classifiers("mlp"))
    assert model.knows_little(case) is None
    turned = dataclasses.replace(case, logits=case.logits[:, ::-1])
    constant = case_of(classifiers("constant"))
    lucky = np.where(np.arange(1000) % 100 < 80, constant.logits[0].argmax(), 0)
    for little in (turned, constant, dataclasses.replace(constant, labels=lucky)):
        assert severity(model.knows_little(little)) == "warning"
    assert "one class for every image" in controls.stands_large_eps(case_of(classifiers("constant")))


def test_data_that_were_seen_and_data_that_are_few():
    said = [severity(model.not_held_out(told([], seen=seen))) for seen in (True, None, False)]
    assert said == ["warning", "info", None]
    assert model.not_held_out(told([])) is None
    assert severity(model.few_images(told([], n=999))) == "info"
    assert model.few_images(told([], n=1000)) is None
