"""Two evaluations on the same images: is one classifier really better than the other?"""

import math

from tfadv.evaluation.statistics import images_needed, mcnemar
from tfadv.reports.document import number, probability

LEVEL = 0.05
# What the booleans of per_example.npz tell: the accuracy, "is more ...", what one model does, what both do.
WORDS = {
    "robust": ("robust accuracy", "more robust", "is robust", "are robust"),
    "clean": ("clean accuracy", "more accurate on clean images", "is right", "are right"),
}


def differences(results):
    """In what the runs differ that makes them not comparable, as texts; none for a fair comparison."""
    asked = {
        "threat model": [result.threat for result in results],
        "split": [result.dataset["split"] for result in results],
        "number of examples": [result.dataset["n"] for result in results],
    }
    prints = {result.dataset["fingerprint"] for result in results}
    if len(prints) > 1 or None in prints:  # one fingerprint is one set of images, whatever it is called
        asked["data set"] = [result.dataset["name"] for result in results]
        asked["data source"] = [result.dataset["source"] for result in results]
    found = [
        f"{what} ({', '.join(number(value) for value in dict.fromkeys(values))})"
        for what, values in asked.items()
        if len(set(values)) > 1
    ]
    if not found and len(prints - {None}) > 1:
        return ["images (their fingerprints differ)"]
    if not found and len({result.arrays["labels"].tobytes() for result in results if "labels" in result.arrays}) > 1:
        return ["examples (their labels differ)"]
    return found


def attack_lists_differ(results):
    """Whether the runs were attacked by different attacks: a run with fewer attacks looks better than it is.

    Not one that withstands none of those that it met.
    """
    met = [{attack["attack"] for attack in result.attacks} for result in results]
    every = set().union(*met)
    return any(own != every for own, result in zip(met, results, strict=True) if result.robust_accuracy > 0)


def sameness(a, b):
    """Whether two runs are of the same images and of the same model: True, False, or None where that is not known."""
    images = a.dataset["fingerprint"], b.dataset["fingerprint"]
    weights = [(run.fingerprints or {}).get("weights") for run in (a, b)]
    agree = lambda pair: None if None in pair else pair[0] == pair[1]  # noqa: E731
    return {"same_images": agree(images), "same_model": agree(weights)}


def about(same):
    """What `sameness` says, in one sentence or two.

    >>> about({"same_images": True, "same_model": False})
    'Two models on the same images: their fingerprints say so.'
    """
    models = {True: "One model, by its weights,", False: "Two models", None: "Two runs"}[same["same_model"]]
    images = {
        True: "on the same images: their fingerprints say so.",
        False: "on different images: their fingerprints say so.",
        None: "with the same labels; that the images are the same is not known, as a fingerprint is missing.",
    }[same["same_images"]]
    twice = " What differs is how it was attacked, or how it answers at random." if same["same_model"] else ""
    return f"{models} {images}{twice}"


def objection(a, b):
    """Why two runs cannot be compared image by image, as half a sentence; None if they can."""
    found = differences([a, b])
    if found:
        return f"are not comparable; they differ in {'; '.join(found)}"
    arrays = a.arrays, b.arrays
    if not all(key in of_one for of_one in arrays for key in WORDS):
        return "cannot be compared image by image; per_example.npz is missing or has no outcomes"
    if None in (a.dataset["fingerprint"], b.dataset["fingerprint"]) and not all("labels" in run for run in arrays):
        return "are not known to be about the same images; neither fingerprints nor labels tell"
    return None


def compare(a, b, what="robust"):
    """McNemar's test of two runs without `objection`, on their `what` outcomes: `"robust"` or `"clean"`."""
    return mcnemar(a.arrays[what], b.arrays[what])


def needed(test):
    """About how many images would show the difference, were it what it seems: two digits, upward, or None."""
    n = images_needed(test.only_a, test.only_b, test.n)
    if n is None:
        return None
    n = max(n, test.n + 1)
    step = 10 ** max(0, math.floor(math.log10(n)) - 1)
    return math.ceil(n / step) * step


def conclusion(test, name_a, name_b, what="robust"):
    """What a McNemar test shows, in one honest sentence.

    >>> conclusion(mcnemar([True] * 20 + [False] * 80, [False] * 100), "a", "b")
    'a is more robust: only a is robust on 20 images, only b on 0 (p < 0.0001).'
    """
    accuracy, better, alone, both = WORDS[what]
    (most, first), (fewer, second) = sorted([(test.only_a, name_a), (test.only_b, name_b)], key=lambda it: -it[0])
    p = probability(test.p_value)
    p = f"p {p}" if p.startswith("<") else f"p = {p}"
    counts = f"only {first} {alone} on {most:,} image{'s' if most != 1 else ''}, only {second} on {fewer:,} ({p})"
    if test.p_value < LEVEL:
        return f"{first} is {better}: {counts}."
    start = f"No difference in {accuracy} can be shown with {test.n:,} images"
    if not most:
        return f"{start}: both {both} on the same ones."
    if most == fewer:
        return f"{start}: {counts}."
    return f"{start}: {counts}; about {needed(test):,} would be needed to show it, if it is as large as it seems here."
