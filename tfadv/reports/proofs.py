"""What reports and the terminal say of a proven accuracy, the `certificate` of a result."""

from tfadv.reports.document import percent

NOTES = {
    "exact": " The exact accuracy is proven: no attack can go below it, and a perfect attack reaches it.",
    "certified": " The certified accuracy is proven: the truth is between it and that of all attacks.",
    "confident": (
        " The certified accuracy is that of a vote of infinitely many noisy copies. The attacks met a vote of few, and "
        "may go below it."
    ),
}


def kind(proof):
    """What the accuracy is called; older results have exact ones only, and do not say so."""
    return "certified" if proof["exact"] is False else "exact"


def note(proof):
    """What a table says of it, "" where nothing is proven."""
    return "" if not proof else NOTES["confident" if proof["confidence"] else kind(proof)]


def headline(proof):
    """What stands in small print beside the accuracy."""
    if proof["confidence"]:
        confidence = f"{percent(proof['confidence'])} confidence an image"
        return f"of a vote of infinitely many noisy copies, with {confidence} ({proof['method']})"
    return f"a proof: no attack can go below it ({proof['method']})"


def stronger(proven):
    """What stronger attacks may find, where something is proven in each of these cases."""
    if any(proof["confidence"] for proof in proven):
        return "an attack that was not run may fool more images; the proof is of a vote of infinitely many noisy copies"
    if all(kind(proof) == "exact" for proof in proven):
        return "none is needed: the exact accuracy is proven"
    return "an attack that was not run may fool more images, but none that is certified"


def said(proof, robust_accuracy):
    """A proof in a line, beside the accuracy that the attacks left."""
    if proof["confidence"]:
        confidence = f"each image with {percent(proof['confidence'])} confidence"
        return (
            f"{percent(proof['accuracy'])}, {confidence}, by a vote of infinitely many noisy copies ({proof['method']})"
        )
    below = f"{percent(proof['accuracy'])}, which no attack goes below ({proof['method']})"
    if kind(proof) == "exact":
        return below
    return f"{below}: the truth on these images is {percent(proof['accuracy'])} to {percent(robust_accuracy)}"
