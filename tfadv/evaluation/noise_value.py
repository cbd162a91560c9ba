"""What the noise of a random model is worth: to attackers who know of it, to others, and once it is switched off.

He, Rakin, Fan 2019 (table 5) and Athalye, Carlini, Wagner 2018 (section 4.2): where the second accuracy is higher than
the first, noise only hid the way; where the third is lower than both, the weights are less robust than the whole.
"""

from tfadv import attacks
from tfadv.attacks.eot import EOT
from tfadv.errors import UnreadableModel
from tfadv.evaluation.judge import Judge
from tfadv.graph.quiet import NoiseFree

# The attack of all three, and how many draws it averages at most where it knows of the noise.
ATTACK, DRAWS = "pgd(steps=20)", 20


def expected(noise):
    """The attack of one who knows of the `Noise`."""
    return noise._replace(draws=min(noise.draws, DRAWS)).expected(ATTACK)


def accuracies(judge, noise):
    """Accuracies in [0, 1] under one attack, clean errors counted as failures.

    Args:
        judge: a `Judge` of n images, of a random model; noise: the `Noise` of the model.

    Returns:
        `attack` and `n`; `draws` that it averages where it knows of the noise; the accuracies `known`, `unknown` (each
        step follows a single draw), and `off`, of the model without noise and attacked so, None where it cannot be
        taken apart; `clean_off`, that on the clean images.
    """
    knows, plain = expected(noise), attacks.get(ATTACK)
    found = {"attack": ATTACK, "n": len(judge.x), "draws": knows.draws if isinstance(knows, EOT) else 1}
    for name, attack in (("known", knows), ("unknown", plain)):
        found[name] = float((judge.clean & judge.withstands(attack)).mean())
    quiet = Judge(NoiseFree(judge.model), judge.x, judge.y, judge.threat, judge.seed, judge.batch_size)
    try:
        right = quiet.clean
        return found | {"off": float((right & quiet.withstands(plain)).mean()), "clean_off": float(right.mean())}
    except UnreadableModel:
        return found | {"off": None, "clean_off": None}
