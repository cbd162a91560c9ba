"""Which attacks a sign leads to, told by what is known of the run so far; nothing is attacked."""

from types import SimpleNamespace

import numpy as np
import pytest

from tfadv import attacks
from tfadv.evaluation import adapt
from tfadv.evaluation.adapt import kinds, masked, networks
from tfadv.evaluation.checks.evidence import IMAGES
from tfadv.evaluation.model_noise import SLIGHT, Noise
from tfadv.evaluation.traits import ModelTraits
from tfadv.threat import L1, L2, LInf

WHITE, BLACK = "apgd", "square(queries=10)"


def seen(*ran, noise=None, differentiable=True, threat=None, n=100, misled=2, **known):
    """A run of attacks, pairs of a spec and how many of the n images it fooled, `misled` of them for good."""
    rows = [{"attack": str(attacks.get(spec)), "fooled": fooled} for spec, fooled in ran]
    members = [attacks.get(spec) for spec, _ in ran]
    judge = SimpleNamespace(threat=threat or LInf(0.1), x=np.zeros((n, 1)))
    told = {"robust": np.ones(n, bool), "broken_by": np.repeat(range(len(ran)), [fooled for _, fooled in ran])}
    run = SimpleNamespace(rows=rows, members=members, judge=judge, withstand=lambda *asked: misled, **told)
    return SimpleNamespace(run=run, judge=judge, traits=ModelTraits(bool(noise), differentiable, noise), **known)


def specs(chosen):
    assert all(why.endswith(".") for _, why in chosen)
    return [spec for spec, _ in chosen]


def test_members_follow_gradients_in_expectation_where_there_are_any():
    plain, slight = specs(kinds.more_steps(seen())), specs(kinds.more_steps(seen(noise=Noise(3))))
    assert plain == [kinds.LONGER] and slight == [f"eot(attack={kinds.LONGER}, draws=3, firm=True)"]
    assert not kinds.more_steps(seen(noise=Noise(30))) and not kinds.more_steps(seen(differentiable=False))
    several = specs(kinds.other_losses(seen()) + kinds.other_starts(seen()))
    assert len(several) == len({attacks.get(spec) for spec in several}) == 2


@pytest.mark.parametrize(("fooled", "n", "again"), [(2, 60, False), (3, 60, True), (20, 1000, False), (21, 1000, True)])
def test_a_longer_attack_that_broke_much_is_repeated(fooled, n, again):
    assert bool(kinds.more_restarts(seen((WHITE, 50), (kinds.LONGER, fooled), n=n))) is again
    assert not kinds.more_restarts(seen((WHITE, 50), n=n))  # another attack was the last


@pytest.mark.parametrize(("measured", "taken"), [(47, 47), (7, 20)])
def test_strong_noise_gets_as_many_draws_as_were_measured(measured, taken):
    chosen = specs(masked.strong_noise(seen(noise=Noise(measured))))
    assert len(chosen) == 2 and all(f"draws={taken}," in spec for spec in chosen)
    assert not masked.strong_noise(seen(noise=Noise(SLIGHT))) and not masked.strong_noise(seen())
    assert not masked.strong_noise(seen(noise=Noise(measured), differentiable=False))


def test_labels_are_asked_for_where_gradients_mislead_or_there_are_none():
    beaten = (WHITE, 50), (BLACK, 2)
    assert specs(masked.labels_alone(seen(*beaten))) == ["rays(queries=5000)"]
    assert specs(masked.labels_alone(seen(*beaten, threat=L2(1.0)))) == ["boundary(queries=5000)"]
    assert specs(masked.labels_alone(seen((BLACK, 0), differentiable=False))) == ["rays(queries=5000)"]
    other = {"threat": L1(5.0)}, {"noise": Noise(30)}, {"misled": 1}
    for honest in (seen((WHITE, 50), (BLACK, 1)), *(seen(*beaten, **known) for known in other)):
        assert not masked.labels_alone(honest)


def test_where_no_longer_attack_runs_what_was_broken_counts():
    broke = [masked.black_box_broke(seen((WHITE, 50), (BLACK, n), differentiable=False)) for n in (1, 2)]
    assert broke == [False, True]


def test_few_images_that_only_black_box_attacks_break_are_a_hint():
    led = lambda n, misled, flat=0.0: seen((WHITE, n // 2), (BLACK, n // 20), n=n, misled=misled, flat=flat)  # noqa: E731
    hints = [masked.only_hinted(led(400, misled), masked.rugged_loss) for misled in (1, 2, 8, 9)]
    assert hints == [False, True, True, False]
    assert masked.only_hinted(led(400, 4), masked.labels_alone)
    assert [masked.only_hinted(led(400, 4, flat), masked.saturated_parts) for flat in (0.05, 0.06)] == [True, False]
    for other in (masked.hard_operations, kinds.more_steps):  # they need no black-box attack
        assert not masked.only_hinted(led(400, 4), other)


def test_a_classifier_in_an_attribute_is_attacked_where_its_gradients_lead_elsewhere():
    led = seen(held=("a.network", "b"), says_more=lambda held_at: held_at == "b")
    chosen = specs(networks.networks_held(led))
    assert chosen and all("held=b" in spec or 'held="b"' in spec or "held='b'" in spec for spec in chosen)


def test_a_trial_is_of_a_quarter_of_what_is_left():
    run = lambda n: SimpleNamespace(robust=np.ones(n, bool))  # noqa: E731
    tried = lambda n, sign: adapt.few(run(n), sign, attacks.get(WHITE), hint=False)  # noqa: E731
    assert [tried(n, kinds.other_losses) for n in (10, 200, 5000)] == [24, 50, 100]
    assert tried(10, kinds.more_steps) == IMAGES  # else the check would find what was not tried


def test_a_trial_that_a_hint_leads_to_costs_a_fiftieth_of_what_was_spent():
    run = SimpleNamespace(robust=np.ones(400, bool), judge=SimpleNamespace(classes=10))
    run.rows = [{"forwards": 2_000_000, "gradients": 500_000}, {"forwards": 500_000, "gradients": 0}]
    tried = lambda spec: adapt.few(run, masked.rugged_loss, attacks.get(spec), hint=True)  # noqa: E731
    assert tried("apgd(steps=100)") == 100  # as every trial
    assert 30 < tried("twin(attack=apgd(steps=100), neighbors=8)") < 40
    assert tried("twin(attack=apgd_t(steps=100, target_classes=9), neighbors=8)") == adapt.TWIN
    run.rows = run.rows[1:]
    alone = adapt.few(run, masked.labels_alone, attacks.get("rays(queries=5000)"), hint=True)
    assert alone == adapt.ALONE < adapt.TWIN
