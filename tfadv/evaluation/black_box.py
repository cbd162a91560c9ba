"""Images that attacks without gradients broke where those with gradients had failed: misled, or short of steps?"""

import numpy as np

from tfadv import attacks
from tfadv.evaluation.checks.evidence import TOLERATED, by_chance, iterates

# As many steps as the check `not_converged` takes, from two starts: what one start finds is luck where an image is just
# within reach. It is tried on other images too (`adapt.kinds.more_steps`).
LONGER = "apgd(steps=200, restarts=2, loss=margin)"
WHY = "Gradients lead to what attacks without gradients broke."


def broken(run):
    """Which images attacks without gradients broke after one that follows gradients for several steps: indices."""
    follows = [iterates(member) for member in run.members]
    first = follows.index(True) if any(follows) else len(follows)
    later = [number for number in range(first, len(run.rows)) if run.members[number].black_box]
    return np.flatnonzero(np.isin(run.broken_by, later))


def misled(run, traits):
    """How many of those images withstand a longer attack with gradients too; None where none ran.

    Where hardly one does, gradients lead to what the others found: the attacks before had ended a little early. None
    runs on a few images that may have fallen by chance, nor where it is not known how to follow the gradients.

    Args:
        run: an `AttackRun` after its members; traits: `ModelTraits` of its model.
    """
    at, longer, noise = broken(run), attacks.get(LONGER), traits.noise
    follows = traits.differentiable and run.judge.threat.norm in longer.norms and (noise is None or noise.slight)
    if not follows or by_chance(len(at), len(run.judge.x)):
        return None
    return run.withstand(noise.expected(longer) if noise else longer, at, WHY)


def stronger(run, traits):
    """How many images black-box attacks alone break; 0 where so few have fallen that it may be chance."""
    left = misled(run, traits)
    left = len(broken(run)) if left is None else left
    return 0 if by_chance(left, len(run.judge.x)) else left


def only_a_hint(count, run):
    """Whether so few images fell that it is a hint of misleading gradients, and no proof."""
    return count <= TOLERATED * len(run.judge.x)
