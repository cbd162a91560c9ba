"""Attacks that differ in kind from the standard ones: other losses, other starts, more steps, more restarts.

They are tried on a few images first, and are members where they fool one of them.
"""

from tfadv.evaluation.adapt.members import climbing
from tfadv.evaluation.black_box import LONGER
from tfadv.evaluation.checks.evidence import TOLERATED

# Where the longer attack breaks more than what is tolerated, and more images than this, it is repeated.
MUCH_COUNT = 2


def other_losses(seen):
    """One that is steep where the cross-entropy and the difference of logits ratio are flat, or the reverse."""
    return climbing(seen, "A loss that the standard attacks do not raise breaks more.", "apgd(loss=probability_margin)")


def other_starts(seen):
    """As near to an image of another class as the ball allows."""
    return climbing(seen, "Starting towards images of other classes breaks more.", "apgd(loss=margin, start=images)")


def more_steps(seen):
    return climbing(seen, "More steps than the standard attacks take break more.", LONGER)


def more_restarts(seen):
    """Where more steps broke much, the attack has not converged."""
    if not seen.run.rows:
        return []
    last = seen.run.rows[-1]
    much = last["fooled"] > max(MUCH_COUNT, TOLERATED * len(seen.judge.x))
    if not much or last["attack"] not in [spec for spec, _ in more_steps(seen)]:
        return []
    specs = "apgd(steps=200, restarts=5, loss=margin)", "apgd_t(steps=200, target_classes=9)"
    return climbing(seen, "More steps broke much more, so they are taken from more starts.", *specs)
