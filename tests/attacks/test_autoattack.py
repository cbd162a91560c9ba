"""AutoAttack: what it consists of, and that nothing withstands it that falls to one of its members."""

import numpy as np
import pytest

from tfadv import attacks
from tfadv.attacks.autoattack import AutoAttack
from tfadv.evaluation import metrics
from tfadv.threat import LInf

STANDARD = ["apgd(steps=100, loss=ce)", "apgd_t(steps=100, target_classes=9)", "fab_t(steps=100)"]


def members(version, classes=10, norm="linf"):
    return [str(member) for member in AutoAttack(version=version).members(classes, norm)]


def test_the_standard_ensemble_is_croce_and_heins():
    assert members("standard") == [*STANDARD, "square(queries=5000)"]
    fab_t = attacks.get("fab_t")
    assert (fab_t.target_classes, attacks.get("apgd").restarts, attacks.get("square").queries) == (9, 1, 5000)


def test_in_l1_there_are_more_restarts_and_fewer_targets():
    ce, apgd_t, *_ = AutoAttack().members(10, "l1")
    assert (ce.restarts, apgd_t.target_classes) == (5, 5)


def test_under_other_threats_it_consists_of_what_knows_them():
    assert members("standard", norm="patch") == [*STANDARD[:2], "square(queries=5000)"]
    assert members("standard", norm="l0") == [*STANDARD[:2], "sigma_zero(steps=1000)", "sparse_rs(queries=5000)"]
    assert members("rand", norm="l0") == members("rand")


def test_the_other_versions():
    plus = AutoAttack(version="plus").members(10, "linf")
    assert [member.name for member in plus] == ["apgd", "apgd", "fab", "square", "apgd_t", "fab_t"]
    assert [getattr(member, "restarts", None) for member in plus[:3]] == [5, 5, 5]
    rand = AutoAttack(version="rand").members(10, "linf")
    assert [(member.name, member.draws, str(member.inner)) for member in rand] == [
        ("eot", 20, "apgd(steps=100, loss=ce)"),
        ("eot", 20, "apgd(steps=100, loss=dlr)"),
    ]


@pytest.mark.parametrize("version", ["standard", "plus", "rand"])
def test_with_two_classes_no_loss_that_needs_more_is_used(version):
    assert not any("dlr" in member for member in members(version, classes=2))


@pytest.mark.usefixtures("eagerly")
def test_nothing_withstands_it_that_falls_to_a_member(classifiers, images, labels):
    model, ensemble = classifiers("mlp"), AutoAttack(steps=5, queries=50, target_classes=2)
    within = LInf(0.05)
    together = metrics.correct(model, ensemble(model, images, labels, threat=within), labels)
    for number, member in enumerate(ensemble.members(10, "linf")):
        alone = metrics.correct(model, member(model, images, labels, threat=within), labels)
        assert (together <= alone).mean() > 0.95, member  # other random starts
        assert number or together.sum() <= alone.sum()
    assert 0 < together.sum() < metrics.correct(model, images, labels).sum()


@pytest.mark.usefixtures("eagerly")
def test_what_is_misclassified_from_the_start_is_left_alone(classifiers, images, labels):
    wrong = (labels + 1) % 10
    ensemble = AutoAttack(steps=1, queries=1, target_classes=1)
    np.testing.assert_array_equal(ensemble(classifiers("linear"), images, wrong, threat=LInf(0.05)), images)
