"""Signs of masked gradients: operations without a useful one, parts that saturate, images that the model remakes."""

from tfadv.evaluation.adapt.members import twins
from tfadv.evaluation.adapt.met import NONE

# How many images black-box attacks break that others left, as a share of all: AutoAttack's own flag, and never one.
BLACK_BOX = 0.002


def hard_operations(met):
    """Rounding, steps, arg-max, stop_gradient, custom gradients, noise: they get a smooth surrogate."""
    names = met.contents.hard + met.contents.random
    if not names or not met.says_more():
        return []
    return twins(met, f"Operations without a gradient of their own get a smooth surrogate: {_listed(names)}.")


def remade_images(met):
    """A purifier, a filter: the gradient of the identity in its place."""
    if not met.images or not met.says_more(skip=met.images[-1]):
        return []
    name = met.contents.places[met.images[-1]].name
    why = f"The model classifies an image that it makes of the image ({name}): it is taken for the image itself."
    return twins(met, why, skip=met.images[-1])


def saturated_parts(met):
    """No gradient at many images, or attacks without gradients that break more: flat parts keep a slope."""
    if (met.flat <= NONE and not black_box_broke(met)) or not met.says_more(leaky=True):
        return []
    return twins(met, "The gradient is flat, or misleads: parts that saturate keep a slope.", leaky=True)


def rugged_loss(met):
    """Attacks without gradients break images that others left: the mean gradient of a neighborhood leads farther."""
    if not black_box_broke(met):
        return []
    return twins(met, "Attacks without gradients broke more: the gradient is the mean of a neighborhood.", neighbors=8)


def black_box_broke(met):
    """Whether attacks without gradients broke more than a few of the images that those with gradients had left."""
    pairs = list(zip(met.run.members, met.run.rows, strict=True))
    first = next((k for k, (member, _) in enumerate(pairs) if not member.black_box), len(pairs))
    broken = sum(row["fooled"] for member, row in pairs[first:] if member.black_box)
    return broken > max(BLACK_BOX * len(met.judge.x), 1)


def _listed(names, most=3):
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
