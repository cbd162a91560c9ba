"""Noise is measured, attacked in expectation, and judged by passes that no attack has seen."""

import numpy as np
import pytest

from tfadv import attacks
from tfadv.evaluation import metrics, model_noise
from tfadv.evaluation.judge import Judge
from tfadv.evaluation.model_noise import Noise
from tfadv.evaluation.traits import ModelTraits
from tfadv.graph.precision import in_precision
from tfadv.threat import LInf
from toy_models import digits
from trap_models import Noise as NoiseLayer
from trap_models import SeededNoise, behind, trap

THREAT = LInf(0.1)


def test_networks_whose_answers_follow_their_input_have_no_noise(classifiers, images):
    named = {name: trap(name) for name in ("quantized", "thermometer", "saturated")}
    named["bfloat16"] = in_precision(classifiers("cnn"), "bfloat16")
    found = {name: ModelTraits.of(model, images).noise for name, model in named.items()}
    assert found == dict.fromkeys(named)


@pytest.mark.parametrize(("stddev", "together"), [(0.02, True), (0.5, False)])
def test_noise_that_the_image_seeds_is_found(stddev, together, classifiers, images):
    traits = ModelTraits.of(behind(SeededNoise(stddev, together), classifiers("cnn")), images)
    assert traits.noise.jitter <= 1e-4 and (traits.noise.lasting, traits.random) == (not together, together)
    assert (traits.noise.draws > 1) == (stddev > 0.1)
    assert traits.jitter == (traits.noise.jitter if together else 0)


def test_coarse_seeds_take_longer_steps(classifiers, images):
    coarse = behind(SeededNoise(0.1, fineness=10), classifiers("cnn"))
    assert 1e-5 < model_noise.jitter_of(coarse, images) <= model_noise.LONGEST


def test_as_many_draws_as_the_noise_needs(classifiers, images, labels):
    x, y = images[:16], labels[:16]
    noisy = behind(NoiseLayer(0.2), classifiers("cnn"))
    draws = model_noise.draws_for(noisy, x, y)
    assert model_noise.draws_for(classifiers("cnn"), x, y) == 1 < draws < model_noise.MOST
    agreed = model_noise.agreement(noisy, x, y, draws).mean()
    assert model_noise.COSINE - 0.03 < agreed < 0.97
    assert model_noise.draws_for(trap("noisy"), x, y) > model_noise.SLIGHT


def specs(traits, norm="linf"):
    parts = [part for attack in traits.default_attacks(norm) for part in attack.members(10, norm)]
    return [str(part) for part in parts]


def test_what_judges_a_model_follows_its_noise():
    standard = [str(part) for part in attacks.get("autoattack").members(10, "linf")]
    rand = [str(part) for part in attacks.get("autoattack(version=rand)").members(10, "linf")]
    assert specs(ModelTraits(False, True)) == standard
    slight, lasting = ModelTraits(True, True, Noise(2)), ModelTraits(False, True, Noise(2, 1e-6, True))
    assert specs(slight) == [f"eot(attack={spec}, draws=2, firm=True)" for spec in standard]
    assert specs(lasting) == [f"eot(attack={spec}, draws=2, jitter=1e-06)" for spec in standard[:3]] + standard[3:]
    assert specs(ModelTraits(True, True, Noise(30)))[:2] == rand
    for measured, taken in ((7, 20), (30, 30), (90, 40)):
        targeted = specs(ModelTraits(True, True, Noise(measured)))[2]
        assert "apgd_t" in targeted and f"draws={taken}," in targeted
    strong = specs(ModelTraits(False, True, Noise(30, 1e-6, True)))
    assert all("draws=20, jitter=1e-06" in spec for spec in strong[:-1]) and strong[-1].startswith("square")
    assert specs(ModelTraits(True, False, Noise(5)))[0].startswith("eot(attack=square")
    assert specs(ModelTraits(False, False), "l0")[0].startswith("sparse_rs")


class Scripted:
    """Answers with class 1 in this share of the passes, else with class 0."""

    def __init__(self, wrong):
        self.wrong, self.asked = wrong, []

    def __call__(self, model, x, batch_size, draws, jitter, ballot):
        self.asked.append((len(x), draws, ballot))
        for draw in range(draws):
            yield np.eye(3, dtype="float32")[(draw < self.wrong[ballot] * draws) * np.ones(len(x), int)]


@pytest.mark.parametrize(
    ("wrong", "right", "returned", "asked"),
    [
        ((0.3, 1.0), True, False, 1),  # most passes are right
        ((0.6, 0.4), True, True, 2),  # it seemed fooled
        ((0.6, 0.6), False, False, 2),
        ((0.95, 0.0), False, False, 1),  # clear
    ],
)
def test_an_unclear_vote_is_taken_again_by_passes_that_no_attack_has_seen(wrong, right, returned, asked, monkeypatch):
    votes = Scripted(wrong)
    monkeypatch.setattr(metrics, "votes", votes)
    judge = Judge(None, np.zeros((4, 8, 8, 1), "float32"), np.array([0, 0, 0, 2]), THREAT, draws=20)
    outcomes = judge.outcomes(judge.x[:3], np.arange(3))
    assert outcomes.right.tolist() == [right] * 3 and outcomes.returned.tolist() == [returned] * 3
    assert votes.asked == [(3, 20, 0), (3, 100, 1)][:asked] and not outcomes.abstained.any()


def test_answers_that_name_no_class(monkeypatch):
    def abstained(y, times):
        z = np.tile(np.float32([[1, 0, 0], [0, 0, 1], [2, 2, 2], [0, np.nan, 1]]), (times, 1))
        monkeypatch.setattr(metrics, "votes", lambda *given: [z])
        judge = Judge(None, np.zeros((len(z), 8, 8, 1), "float32"), np.tile(y, times), THREAT)
        return judge.outcomes(judge.x).abstained[:4].tolist()

    assert abstained([0, 1, 0, 1], times=8) == [False, True, True, True]
    assert abstained([0, 2, 0, 1], times=8) == [False, False, True, True]
    # Of so few images, none need be of the last class.
    assert abstained([0, 1, 0, 1], times=1) == [False, False, True, True]


def test_votes_move_pixels_where_the_batch_seeds_the_noise(classifiers, images, labels):
    seeded = behind(SeededNoise(0.5, together=True), classifiers("cnn"))
    x, y = digits()[0][1000:1100], digits()[1][1000:1100]
    differ = lambda jitter: len({z.tobytes() for z in metrics.votes(seeded, x, draws=3, jitter=jitter)})  # noqa: E731
    assert (differ(0.0), differ(1e-4)) == (1, 3)
    once, often = (Judge(seeded, x, y, THREAT, draws=draws, jitter=1e-4).correct(x) for draws in (1, 20))
    assert (once != often).any()
    moved = metrics.moved(images, 0.1, np.random.default_rng(0))
    assert moved.min() >= 0 and moved.max() <= 1 and 0.05 <= np.abs(moved - images).max() <= 0.1 + 1e-6
