"""The members that a sign leads to."""

from tfadv import attacks

# What climbs the twin's loss: the cross-entropy, then towards each class, which breaks what is left of robust networks.
INNER = ("apgd(steps=100)", "apgd_t(steps=100, target_classes=9)")
# Of random models, whose noise says by several passes who has won.
EXPECTED = ("apgd(steps=50)", "apgd(steps=50, loss=margin)")


def twins(seen, why, **options):
    """Pairs of specs and reasons: attacks on a twin with these options."""
    noise = seen.traits.noise if seen.traits.random else None
    made = [attacks.ATTACKS.get("twin")(attack=inner, **options) for inner in (EXPECTED if noise else INNER)]
    known = [twin for twin in made if seen.judge.threat.norm in twin.inner.norms]
    return [(str(noise.expected(twin) if noise else twin), why) for twin in known]


def climbing(seen, why, *specs):
    """Pairs of specs and reasons: attacks that follow the model's own gradients, where there are any to follow."""
    noise = seen.traits.noise
    if not seen.traits.differentiable or (noise and not noise.slight):
        return []
    known = [attack for attack in map(attacks.get, specs) if seen.judge.threat.norm in attack.norms]
    return [(str(noise.expected(attack) if noise else attack), why) for attack in known]
