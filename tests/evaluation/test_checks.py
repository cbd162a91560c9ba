"""Each check objects to a model or an evaluation that deserves it, and to no honest one."""

import dataclasses
import re
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from tfadv import attacks, losses
from tfadv.evaluation import checks, metrics
from tfadv.evaluation.checks import chosen_attacks, controls, model
from tfadv.evaluation.diagnostics import NOT_CHECKED
from tfadv.evaluation.judge import Judge
from tfadv.threat import L0, L1, L2, LInf
from toy_models import digits
from trap_models import Noise, behind, trap

THREAT = LInf(0.1)


def case_of(model, specs=(), n=100, threat=THREAT, x=None, y=None, draws=1, **facts):
    """The evaluation of a model by these attacks, on digits that it was not trained on."""
    x, y = (digits()[k][1000 : 1000 + n] if given is None else given for k, given in enumerate((x, y)))
    judge = Judge(model, x, y, threat, draws=draws)
    z = judge.clean_logits
    right = z.argmax(axis=1) == y
    robust, members, rows = right.copy(), tuple(map(attacks.get, specs)), []
    for member in members:
        at = np.flatnonzero(robust)
        robust[at] &= metrics.correct(model, member.until_fooled()(model, x[at], y[at], threat=threat), y[at])
        rows.append({"attack": str(member), "attacked": len(at), "fooled": int((~robust[at]).sum())})
    # As if there were ten times as many images of the same kind.
    known = {"logits": np.tile(z, (10, 1)), "labels": np.tile(y, 10), "members": members, "rows": tuple(rows)}
    return checks.Evidence(judge=judge, right=right, robust=robust, **known | facts)


def told(specs, fooled=(), n=1000, classes=10, draws=1, **facts):
    """An evaluation of which only the attacks and what they broke are known."""
    members = tuple(map(attacks.get, specs))
    rows = tuple({"attack": spec, "fooled": k} for spec, k in zip(specs, fooled or [0] * len(specs), strict=True))
    z, labels, no = np.zeros((n, classes), "float32"), np.zeros(n, "int32"), np.zeros(1, bool)
    judge = Judge(None, np.zeros((1, 8, 8, 1), "float32"), labels[:1], THREAT, draws=draws)
    about = {"judge": judge, "logits": z, "labels": labels, "right": no, "robust": no}
    return checks.Evidence(members=members, rows=rows, **about, **facts)


def with_threat(case, threat):
    return dataclasses.replace(case, judge=dataclasses.replace(case.judge, threat=threat))


def severity(said):
    return said and said[0]


def test_an_honest_evaluation_raises_nothing(classifiers):
    said = []
    case = case_of(classifiers("mlp"), ("apgd", "apgd_t", "square(queries=200)"), progress=lambda *e: said.append(e))
    assert case.robust.sum() >= 20
    assert [(item["code"], item["severity"]) for item in checks.findings(case)] in ([], [("not_standard", "info")])
    assert said[0] == ("checks", 0, len(checks.CHECKS)) and said[-1] == ("checks",) + 2 * (len(checks.CHECKS),)


@pytest.mark.parametrize(("threat", "name"), [(L2(0.5), "cnn"), (L1(2.0), "linear")])
def test_nor_does_one_in_another_norm(classifiers, threat, name):
    case = case_of(classifiers(name), ("apgd",), threat=threat, n=40)
    assert case.robust.sum() >= 10
    run_again = (controls.noise_stronger, controls.single_step_stronger, controls.loss_not_rising)
    for check in (*run_again, controls.stands_large_eps):
        assert check(case) is None, check.__name__


def test_findings_come_worst_first_and_are_the_same_each_time():
    case = case_of(trap("wrong_sign"), ("pgd(steps=5)",), n=60)
    found = checks.findings(case)
    assert checks.findings(dataclasses.replace(case)) == found
    order = [checks.SEVERITIES.index(item["severity"]) for item in found]
    assert order == sorted(order) and {item["code"] for item in found} >= {"misleading_gradients", "stands_large_eps"}
    assert all(set(item) == {"code", "severity", "message", "advice"} and all(item.values()) for item in found)


def test_every_finding_is_documented():
    text = (Path(__file__).parents[2] / "docs/findings.md").read_text()
    codes = [*(check.__name__ for check in checks.CHECKS), NOT_CHECKED["code"]]
    assert re.findall(r"^## (\w+)$", text, re.M) == codes and len(set(codes)) == len(codes)
    modules = (model, chosen_attacks, controls)
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
    assert {item["code"] for item in checks.findings(unknown)} >= {"no_gradients"}


@pytest.mark.parametrize(
    ("specs", "said"), [(["pgd"], "error"), (["square"], "error"), (["pgd", "pgd(loss=margin)"], "warning")]
)
def test_gradients_of_zero(classifiers, specs, said):
    case = case_of(classifiers("saturated"))
    members = tuple(map(attacks.get, specs))
    found = model.zero_gradients(dataclasses.replace(case, members=members))
    assert severity(found) == said and "at 100.0% of the images and the margin at 0.0%" in found[1]
    assert model.zero_gradients(case_of(classifiers("mlp"))) is None


def test_gradients_that_are_not_finite(classifiers):
    found = model.zero_gradients(case_of(classifiers("nan_gradients"), n=360))
    assert severity(found) == "warning" and "NaN or infinite somewhere at 100.0%" in found[1]


def test_gradients_that_are_not_the_models(classifiers):
    for name in ("wrong_sign", "drowned"):
        assert severity(model.misleading_gradients(case_of(trap(name)))) == "error", name
    assert model.misleading_gradients(case_of(classifiers("cnn"))) is None


class BatchStatistics(layers.Layer):
    """Batch normalization as in training."""

    def call(self, x):
        return (x - ops.mean(x, 0)) / (ops.std(x, 0) + 1)


def test_models_that_look_across_the_batch(classifiers):
    found = model.batch_dependent(case_of(behind(BatchStatistics(), classifiers("mlp"))))
    assert severity(found) == "error" and "batch of 16" in found[1]
    assert model.batch_dependent(case_of(classifiers("batchnorm_dropout"))) is None
    x = keras.Input((8, 8, 1))
    trained = keras.Model(x, classifiers("mlp")(layers.BatchNormalization(name="norm")(x, training=True)))
    found = model.batch_dependent(case_of(trained))
    assert severity(found) == "error" and "calls norm with training=True" in found[1]


def test_probabilities_that_nobody_declared(classifiers):
    mlp = classifiers("mlp")
    sigmoid = keras.Model(mlp.input, layers.Lambda(ops.sigmoid)(mlp.output))
    assert severity(model.probabilities(case_of(sigmoid))) == "error"
    logs, signed = (keras.Model(mlp.input, layers.Lambda(f)(mlp.output)) for f in (ops.log_softmax, ops.tanh))
    for honest in (mlp, logs, signed, classifiers("constant")):
        assert model.probabilities(case_of(honest)) is None


def test_random_models():
    case = case_of(trap("noisy"), draws=20, members=(attacks.get("pgd"),))
    found = model.randomized(case)
    assert severity(found) == "warning" and re.search(r"in [1-9][\d.]*% of the predictions", found[1])
    expected = dataclasses.replace(case, members=(attacks.get("eot(attack=pgd)"),))
    assert severity(model.randomized(expected)) == "info"
    assert severity(chosen_attacks.not_eot(case)) == "error" and chosen_attacks.not_eot(expected) is None
    augmented = case_of(behind(layers.RandomFlip(), trap("noisy")), draws=1)
    found = model.randomized(augmented)
    assert severity(found) == "info" and found[1].startswith("trap was left out")
    calm = dataclasses.replace(case, judge=dataclasses.replace(case.judge, draws=1))
    assert model.randomized(calm) is None and chosen_attacks.not_eot(calm) is None


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
    assert controls.stands_large_eps(case_of(classifiers("constant"))) is None


def test_data_that_were_seen_and_data_that_are_few():
    said = [severity(model.not_held_out(told([], seen=seen))) for seen in (True, None, False)]
    assert said == ["warning", "info", None]
    assert model.not_held_out(told([])) is None
    assert severity(model.few_images(told([], n=999))) == "info"
    assert model.few_images(told([], n=1000)) is None


# Which attacks were run, and what they left.


def test_single_steps_only():
    for specs in (["fgsm"], ["fgsm", "pgd(steps=1)"]):
        assert severity(chosen_attacks.single_step_only(told(specs))) == "warning"
    for specs in (["fgsm", "pgd"], ["deepfool"], ["square"], ["transfer(attack=fgsm)"], []):
        assert chosen_attacks.single_step_only(told(specs)) is None


def test_black_box_attacks_only():
    assert severity(chosen_attacks.black_box_only(told(["square", "transfer"]))) == "warning"
    for honest in (told(["square", "pgd"]), told(["square"], differentiable=False), told([])):
        assert chosen_attacks.black_box_only(honest) is None


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
    assert severity(chosen_attacks.black_box_stronger(told(specs, fooled))) == said


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
    assert nearest.single_attack is None and controls.single_step_stronger(nearest) is None


def test_an_attack_that_does_not_rise():
    downhill = case_of(trap("wrong_sign"), ("pgd(steps=5, random_start=False)",))
    found = controls.loss_not_rising(downhill)
    assert severity(found) == "error" and f"of {len(downhill.single_attack.at)} images" in found[1]


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


def test_random_models_are_not_attacked_again():
    case = case_of(trap("noisy"), draws=20)
    again = (controls.noise_stronger, controls.not_converged, controls.stands_large_eps)
    assert case.single_attack is None and all(check(case) is None for check in again)


def test_a_gap_of_24_bits_is_where_the_cross_entropy_ends():
    z = np.array([[0, -controls.ONE_HOT - 0.1], [0, -controls.ONE_HOT + 0.1]], "float32")
    loss = losses.cross_entropy(tf.constant([0, 0]), z).numpy()
    assert loss[0] == 0 < loss[1]
    assert (controls._cross_entropy(z, np.zeros(2, int)) > 0).all()
