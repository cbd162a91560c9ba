"""Claims and tables on measurements made up so that each claim holds once and fails once."""

import copy

import numpy as np
import pytest

from tfadv.experiments import deep_defense_claims as claims
from tfadv.experiments import deep_defense_report as report

SHAPE = np.linspace(1.0, 0.2, 50)


def network(clean, rho2, fgs_end, half, area):
    fgs = clean - (clean - fgs_end) * np.arange(50) / 49
    return {
        "clean": clean,
        "rho2_mean": rho2,
        "rho2_median": rho2,
        "rho2_not_found": 0.0,
        "fgs": list(fgs),
        "fgs_half": half,
        "pgd_half": half - 0.02,
        "auc": {"0": area, "1": area},
        "auc_own": {"0": 0.9, "1": 0.9},
        "roc": {},
    }


def ablation():
    ways = [("mean", 64, True), ("mean", 64, False), ("mean", 100, True), ("mean", 100, False)]
    ways += [("sum", *way[1:]) for way in ways]
    return [
        {
            "reduction": r,
            "batch_size": b,
            "shuffle": s,
            "updates": 1,
            "clean": 0.88,
            "rho2": 0.04 + 0.01 * (b == 100),
            "fgs": list(SHAPE),
        }
        for r, b, s in ways
    ]


def images(changed):
    predicted = {"clean": [0, 1, 1], "deepfool": [1, 0, 1], "fgs": [1, 0, 1] if changed else [1, 1, 1]}
    return {"labels": [0, 1, 0], **{kind: {"x": [], "predicted": p} for kind, p in predicted.items()}}


GOOD = {
    "dataset": "fashion_mnist",
    "eps_half": 0.03,
    "regularizer_changes_nothing": False,
    "ablation": ablation(),
    "images": images(changed=True),
    "networks": {
        "vanilla": network(0.875, 0.04, 0.1, 0.50, 0.91),
        "finetune": network(0.88, 0.045, 0.2, 0.55, 0.99),
        "seed": network(0.88, 0.055, 0.2134, 0.60, 0.99),
        "published": network(0.87, 0.10, 0.5, 0.74, 0.98),
        "tuned": network(0.87, 0.10, 0.55, 0.75, 0.98),
    },
}


def judged(measured):
    found = report.Measurements([measured, measured])
    return {c["id"]: c["holds"] for c in [*claims.seed_claims(found), *claims.paper_claims(found)]}


def test_all_hold_where_all_is_as_claimed():
    holds = judged(GOOD)
    assert len(holds) == 13 and all(holds.values())


BAD = {
    "clean": {"vanilla": {"clean": 0.85}},
    "eps-ref": {"seed": {"fgs": [0.9] * 50}},
    "rho2-order": {"finetune": {"rho2_mean": 0.06}},
    "fgs-order": {"finetune": {"fgs": [0.9] * 50}},
    "auc-tuned": {"seed": {"auc": {"0": 0.95, "1": 0.95}}},
    "auc-same": {"seed": {"auc": {"0": 0.97, "1": 0.97}}},
    "paper-rho2": {"tuned": {"rho2_mean": 0.09}},
    "paper-fgs": {"tuned": {"fgs_half": 0.69}},
    "paper-pgd": {"tuned": {"pgd_half": 0.67}},
    "paper-clean": {"tuned": {"clean": 0.864}},
    "paper-published": {"published": {"rho2_mean": 0.045}},
}


@pytest.mark.parametrize("id", list(BAD))
def test_each_fails_where_its_measurement_does(id):
    measured = copy.deepcopy(GOOD)
    for name, changes in BAD[id].items():
        measured["networks"][name] |= changes
    assert judged(measured)[id] is False


def test_a_regulariser_without_effect_and_images_that_stay_fail_too():
    measured = {**GOOD, "regularizer_changes_nothing": True, "images": images(changed=False)}
    holds = judged(measured)
    assert holds["regularizer"] is False and holds["images"] is False


def test_the_largest_factor_is_found():
    assert "the batch of 100" in claims.largest_factor(report.Measurements([GOOD]))
    short = {**GOOD, "ablation": GOOD["ablation"][:2]}
    assert "could tell" in claims.largest_factor(report.Measurements([short]))


def test_both_rules_of_eps_ref():
    found = report.Measurements([GOOD])
    fgs = np.array(GOOD["networks"]["seed"]["fgs"])
    assert found.eps_ref() == [pytest.approx(0.001 * np.abs(fgs - 0.5).argmin())]
    assert found.eps_ref("first") == [pytest.approx(0.001 * (fgs <= 0.5).argmax())]
    high = copy.deepcopy(GOOD)
    high["networks"]["seed"]["fgs"] = [0.9] * 50
    assert report.Measurements([high]).eps_ref("first") == [None]


def test_every_published_cell_is_the_documents():
    assert report.TABLE_34 == {
        "vanilla": (0.8738, 0.0392, 0.7957, 0.6326, 0.3453),
        "finetune": (0.8813, 0.0436, 0.8150, 0.6831, 0.4297),
        "seed": (0.8799, 0.0554, 0.8274, 0.7181, 0.5088),
    }
    sums = {name: round(sum(areas), 4) for name, areas in report.TABLE_36.items()}
    assert sums == {"vanilla": 9.1469, "finetune": 9.9043, "seed": 9.9012}
