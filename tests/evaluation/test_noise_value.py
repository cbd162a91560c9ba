"""What noise at prediction is worth: known, unknown, switched off."""

import dataclasses

import numpy as np
import pytest

from tfadv import LInf, attacks, evaluate
from tfadv.defenses import defend
from tfadv.evaluation import checks, noise_value
from tfadv.evaluation.diagnostics import Diagnostics
from tfadv.evaluation.judge import Judge
from tfadv.evaluation.model_noise import Noise
from tfadv.graph.quiet import NoiseFree
from tfadv.reports.evaluation_blocks import noise as block
from toy_models import classifier as toy


@pytest.mark.parametrize(
    ("text", "base"),
    [("noise(sigma=0.2, votes=2)", "cnn"), ("mc_dropout(votes=3, mean=logits)", "batchnorm_dropout")],
)
def test_without_its_noise_a_defended_classifier_is_what_it_was(text, base, images):
    quiet = NoiseFree(defend(toy(base), text))
    assert np.allclose(quiet(images), toy(base)(images), atol=1e-4)
    assert {id(weight) for weight in toy(base).weights} <= {id(weight) for weight in quiet.weights}


def test_three_numbers_of_one_attack(images, labels, monkeypatch):
    monkeypatch.setattr(noise_value, "ATTACK", "pgd(steps=5)")
    x, y, threat = images[:16], labels[:16], LInf(0.12)
    model = defend(toy("cnn"), "noise(sigma=0.4)")
    found = noise_value.accuracies(Judge(model, x, y, threat, draws=20), Noise(draws=30))
    assert found["attack"] == "pgd(steps=5)" and found["n"] == 16 and found["draws"] == noise_value.DRAWS
    base = Judge(toy("cnn"), x, y, threat)
    assert found["clean_off"] == base.clean.mean()
    assert found["off"] == (base.clean & base.withstands(attacks.get("pgd(steps=5)"))).mean()
    assert found["known"] <= found["unknown"] <= 1 and found["known"] != found["off"]


def test_is_in_the_result_and_the_report_of_a_random_model(dataset, monkeypatch):
    monkeypatch.setattr(noise_value, "ATTACK", "fgsm")
    monkeypatch.setattr(checks, "answers", lambda *evidence: {})
    monkeypatch.setattr(Diagnostics, "curves", lambda self: [])
    model = defend(toy("cnn"), "noise(sigma=0.1)")
    result = evaluate(model, dataset, threat=LInf(0.1), attacks="eot(attack=fgsm, draws=2)", n=12)
    assert set(result.noise) >= {"known", "unknown", "off"} and result.noise["n"] == 12
    [table] = block(result)
    assert [row[1] for row in table.rows][2] == f"{100 * result.noise['off']:.1f} %" and "12 images" in table.title
    assert block(dataclasses.replace(result, noise=None)) == []
