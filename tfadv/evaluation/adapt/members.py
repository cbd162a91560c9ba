"""The members that a sign leads to."""

from tfadv import attacks

# What climbs the twin's loss: the cross-entropy, then towards each class, which breaks what is left of robust networks.
INNER = ("apgd(steps=100)", "apgd_t(steps=100, target_classes=9)")
# Of random models, with the draws that say who has won.
EXPECTED, DRAWS = ("apgd(steps=50)", "apgd(steps=50, loss=margin)"), 20


def twins(met, why, **options):
    """Pairs of specs and reasons: attacks on a twin with these options."""
    random = met.traits.random
    specs = [attacks.ATTACKS.get("twin")(attack=inner, **options) for inner in (EXPECTED if random else INNER)]
    eot = attacks.ATTACKS.get("eot")
    known = [spec for spec in specs if met.judge.threat.norm in spec.inner.norms]
    return [(str(eot(attack=spec, draws=DRAWS) if random else spec), why) for spec in known]
