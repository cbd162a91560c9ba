"""Signs of masked gradients: operations without a useful one, parts that saturate, images that the model remakes."""

from tfadv import attacks
from tfadv.evaluation.adapt.members import EXPECTED, twins
from tfadv.evaluation.adapt.observed import WITHOUT_GRADIENT
from tfadv.evaluation.black_box import only_a_hint, stronger
from tfadv.evaluation.traits import DRAWS

# Attacks that need labels alone, by norm. Twice as many queries found nothing more on the specimen `labels_only`.
LABELS_ALONE = {"linf": "rays(queries=5000)", "l2": "boundary(queries=5000)"}


def hard_operations(seen):
    """Rounding, steps, arg-max, stop_gradient, custom gradients, noise: they get a smooth surrogate."""
    names = seen.contents.hard + seen.contents.random
    if not names or not seen.says_more():
        return []
    return twins(seen, f"Operations without a gradient of their own get a smooth surrogate: {_listed(names)}.")


def remade_images(seen):
    """A purifier, a filter: the gradient of the identity in its place."""
    if not seen.images or not seen.says_more(skip=seen.images[-1]):
        return []
    name = seen.contents.places[seen.images[-1]].name
    why = f"The model classifies an image that it makes of the image ({name}): it is taken for the image itself."
    return twins(seen, why, skip=seen.images[-1])


def saturated_parts(seen):
    """No gradient at many images, or attacks without gradients that break more: flat parts keep a slope."""
    if (seen.flat <= WITHOUT_GRADIENT and not black_box_broke(seen)) or not seen.says_more(leaky=True):
        return []
    return twins(seen, "The gradient is flat, or misleads: parts that saturate keep a slope.", leaky=True)


def rugged_loss(seen):
    """Attacks without gradients break images that others left: the mean gradient of a neighborhood leads farther."""
    if not black_box_broke(seen):
        return []
    return twins(seen, "Attacks without gradients broke more: the gradient is the mean of a neighborhood.", neighbors=8)


def labels_alone(seen):
    """Gradients mislead, or there are none: then logits may mislead too, and labels do not."""
    norm, noise = seen.judge.threat.norm, seen.traits.noise
    misled = not seen.traits.differentiable or black_box_broke(seen)
    if norm not in LABELS_ALONE or not misled or (noise and not noise.slight):
        return []
    attack = attacks.get(LABELS_ALONE[norm])
    why = "No gradient leads to what breaks it: nothing but the label is asked for."
    return [(str(noise.expected(attack) if noise else attack), why)]


def strong_noise(seen):
    """As many draws as were measured to be enough, and no fewer than the standard attacks on random models take."""
    noise = seen.traits.noise
    if noise is None or noise.slight or not seen.traits.differentiable:
        return []
    noise = noise._replace(draws=max(noise.draws, DRAWS))
    why = f"The noise is strong: {noise.draws} draws make a mean gradient that hardly depends on them."
    return [(str(noise.expected(spec)), why) for spec in EXPECTED if seen.judge.threat.norm in attacks.get(spec).norms]


def black_box_broke(seen):
    """Whether attacks without gradients broke more images that those with gradients do not break than by chance."""
    return stronger(seen.run, seen.traits) > 0


def only_hinted(seen, sign):
    """Whether all that speaks for what a sign chose is a few images that fell to attacks without gradients."""
    flat = sign is saturated_parts and seen.flat > WITHOUT_GRADIENT
    if sign not in (saturated_parts, rugged_loss, labels_alone) or flat:
        return False
    return black_box_broke(seen) and only_a_hint(stronger(seen.run, seen.traits), seen.run)


def _listed(names, most=3):
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
