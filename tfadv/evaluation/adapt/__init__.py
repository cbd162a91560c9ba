"""The judge adapts itself: further attacks, chosen by what the model is and by what the standard ones met.

One function a sign: what was `Observed` so far to a list of pairs, the spec of an attack and the sentence that says
why. Each sees what the members chosen before it have left. Signs are cheap to read, and an honest network shows none.
Then a few attacks that differ in kind from the standard ones are tried on a few images, and left out where they find
nothing; so is what no more than a hint has led to.
Tramer, Carlini, Brendel, Madry: On Adaptive Attacks to Adversarial Example Defenses, 2020.
"""

import functools

from tfadv import attacks
from tfadv.errors import UnreadableModel
from tfadv.evaluation.adapt import kinds, masked, networks
from tfadv.evaluation.adapt.observed import Observed

SIGNS = (
    masked.hard_operations,
    networks.networks_inside,
    masked.remade_images,
    masked.saturated_parts,
    masked.rugged_loss,
    masked.strong_noise,
)
# What is tried on a few images first.
KINDS = (
    networks.networks_held,
    masked.labels_alone,
    kinds.other_losses,
    kinds.other_starts,
    kinds.more_steps,
    kinds.more_restarts,
)
# On a quarter of the images that are left, and so many at least and at most: what leaves 5 points of 1,000 images to be
# found shows itself among 60 with a chance of 95 %.
QUARTER, LEAST, MOST = 4, 24, 100
# A trial that a hint leads to costs at most this share of what the attacks before it have cost, but attacks so many
# images at least: twins, which are believed where they find nothing, and labels alone, which are dear. There are up to
# three; the other trials cost 9 to 12 % where few images are judged, and all are to cost an honest network 15 %.
HINT, TWIN, ALONE = 0.02, 12, 4


def adapt(run, traits, known=lambda name, compute: compute()):
    """Add to an `AttackRun` what the signs choose, one after another; an interrupted run takes the same ones again.

    Args:
        known: as `Observed` takes it.

    Returns:
        Why some signs could not be read, a sentence; None where all were.
    """
    seen, failed = Observed(run, traits, known), None
    for sign in (*SIGNS, *KINDS):
        read = run.journal.part(f"chosen by {sign.__name__}", functools.partial(_read, sign, seen))
        failed = failed or read["failed"]
        for spec, why in read["chosen"]:
            if run.robust.any() or len(run.rows) > len(run.members):
                attack = attacks.get(spec)
                tried = few(run, sign, attack, read["hint"]) if read["hint"] or sign in KINDS else None
                if not run.add(attack, why, tried) and read["hint"]:
                    break  # what comes after it is of its kind, and costs more
    return failed


def few(run, sign, attack, hint):
    """On how many images an attack is tried.

    Args:
        sign: what chose it. More steps are tried on as many as the check `not_converged` looks at.
        hint: whether no more than a hint has led to it.
    """
    if sign is kinds.more_steps:
        return MOST
    most = min(max(int(run.robust.sum()) // QUARTER, LEAST), MOST)
    if not hint:
        return most
    spent = sum(row["forwards"] + row["gradients"] for row in run.rows)
    least = ALONE if sign is masked.labels_alone else TWIN
    return min(most, max(least, int(HINT * spent / sum(attack.cost(run.judge.classes)))))


def _read(sign, seen):
    """What one sign chooses, whether it is only a hint, and why it could not be read, if so."""
    read = {"chosen": [], "hint": False, "failed": None}
    if not seen.run.robust.any():
        return read
    try:
        chosen = sign(seen)
        return read | {"chosen": chosen, "hint": bool(chosen) and masked.only_hinted(seen, sign)}
    except UnreadableModel as error:
        return read | {"failed": f"The model could not be taken apart: {error}"}
