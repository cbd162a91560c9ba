"""Signs of networks inside the network: a base network behind a defense, the members of an ensemble."""

from tfadv.evaluation.adapt.members import twins

# Each alone is attacked of so few.
ALONE = 4


def networks_inside(met):
    """All of them jointly, then each alone: what fools them is tried on the whole."""
    found = met.networks
    if not found or not met.says_more(ends=found):
        return []
    names = ", ".join(met.contents.places[number].name for number in found[:ALONE])
    said = f"Inside are {len(found)} networks that know the classes" if len(found) > 1 else "Inside is a network"
    chosen = twins(met, f"{said} ({names}): attacked instead of the whole.", networks=found)
    for number in found if 1 < len(found) <= ALONE else ():
        name = met.contents.places[number].name
        chosen += twins(met, f"The network inside at {name}: attacked instead of the whole.", networks=(number,))[:1]
    return chosen


def networks_held(met):
    """Those that the traced model does not show: called in Python, or layer by layer."""
    chosen = []
    for path in met.held[:ALONE]:
        if met.says_more(held_at=path):
            chosen += twins(met, f"The model holds a classifier ({path}): attacked instead of the whole.", held=path)
    return chosen
