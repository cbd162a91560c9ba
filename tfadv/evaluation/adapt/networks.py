"""Signs of networks inside the network: a base network behind a defense, the members of an ensemble."""

from tfadv.evaluation.adapt.members import twins

# Each alone is attacked of so few.
ALONE = 4


def networks_inside(seen):
    """All of them jointly, then each alone: what fools them is tried on the whole."""
    found = seen.networks
    if not found or not seen.says_more(ends=found):
        return []
    names = ", ".join(seen.contents.places[number].name for number in found[:ALONE])
    said = f"Inside are {len(found)} networks that know the classes" if len(found) > 1 else "Inside is a network"
    chosen = twins(seen, f"{said} ({names}): attacked instead of the whole.", networks=found)
    for number in found if 1 < len(found) <= ALONE else ():
        name = seen.contents.places[number].name
        chosen += twins(seen, f"The network inside at {name}: attacked instead of the whole.", networks=(number,))[:1]
    return chosen


def networks_held(seen):
    """Those that the traced model does not show: called in Python, or layer by layer."""
    chosen = []
    for path in seen.held[:ALONE]:
        if seen.says_more(held_at=path):
            chosen += twins(seen, f"The model holds a classifier ({path}): attacked instead of the whole.", held=path)
    return chosen
