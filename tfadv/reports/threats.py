"""What the spec of a threat model says: its norm, its eps, and in words what the attacker may do. No TensorFlow."""

from tfadv import spec

MOVES = {
    "linf": "change every value of every pixel by at most {eps} of the range from black to white",
    "l2": "change the pixels by at most {eps} in all, as a Euclidean distance in which white is 1 from black",
    "l1": "change the pixels by at most {eps} in all, as a sum in which white is 1 from black",
    "l0": "change at most {eps} pixels, and these to any color",
    "patch": "change the pixels of one square, {area} of the image and at the same place in every one, {how}",
}
# What a distance is, where the norm does not say it.
DISTANCES = {"patch": "largest change of a value"}


def read(threat: str) -> tuple[str, dict[str, str]]:
    """The norm and the options, as texts, of a threat model written `linf:0.1` or `linf(eps=0.1, box=None)`.

    >>> read("linf:8/255"), read("patch(area=0.05)")
    (('linf', {'eps': '8/255'}), ('patch', {'eps': '1', 'area': '0.05'}))
    """
    norm, colon, eps = threat.partition(":")
    if colon:
        return norm, {"eps": eps}
    norm, options = spec.parse(threat)
    shown = {key: spec.show(value) for key, value in options.items()}
    return norm, ({"eps": "1"} if norm == "patch" else {}) | shown


def moves(threats: str) -> str:
    """What a threat model allows, or each of several, in words."""
    return ", or ".join(map(_move, threats.split(" and ")))


def _move(threat):
    norm, options = read(threat)
    if norm not in MOVES:
        return f"change images within {threat}"
    if norm == "patch":
        options["how"] = (
            f"each value by at most {options['eps']}" if spec.number(options["eps"]) < 1 else "to any color"
        )
        options["area"] = f"{100 * spec.number(options['area']):g} %"
    unbounded = ", with no black or white to stop at" if options.get("box") == "None" else ""
    return MOVES[norm].format(**options) + unbounded
