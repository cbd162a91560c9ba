"""What was asked for beside the verdict: whether enough is robust, and accuracy under common corruptions."""

import numpy as np

from tfadv.reports.document import Table, Text, number, percent

CORRUPTIONS_NOTE = (
    "Share of the images that are right after each corruption of Hendrycks & Dietterich (2019), severity 1 to 5. No "
    "attacker chose them. Frost is drawn instead of taken from photographs, so compare its row with tfadv only."
)


def answer(result):
    """The answer of `--at-least` as items of the headline."""
    if not result.gate:
        return []
    asked, (low, high) = result.gate, result.gate["interval"]
    interval = f"95 % interval [{100 * low:.1f}, {100 * high:.1f}] of all {number(asked['of'])} images"
    return [(f"at least {percent(asked['at_least'])} robust?", "yes" if asked["holds"] else "no", interval)]


def gate(result):
    """How the answer of `--at-least` came about, in a sentence or two."""
    if not result.gate:
        return []
    asked, low = result.gate, result.gate["interval"][0]
    judged = f"{number(result.dataset['n'])} of {number(asked['of'])} images, drawn at random, were judged until the"
    sure = f"{judged} answer was known; its interval holds however often one looks."
    spoilt = not asked["holds"] and low >= asked["at_least"]
    return [Text("", (f"{sure} The answer is no, as a check found an error: read the findings." if spoilt else sure,))]


def corruptions(result):
    """The table of accuracies under common corruptions, worst on average first."""
    if not result.corruptions:
        return []
    accuracy = result.corruptions["accuracy"]
    means = {name: float(np.mean(values)) for name, values in accuracy.items()}
    rows = [
        [name.replace("_", " "), percent(means[name]), *map(percent, accuracy[name])]
        for name in sorted(means, key=means.get)
    ]
    by_severity = np.mean(list(accuracy.values()), axis=0)
    foot = ["mean", percent(result.corruptions["mean"]), *(percent(float(value)) for value in by_severity)]
    columns = ["corruption", "mean", *(f"severity {i + 1}" for i in range(len(by_severity)))]
    title = f"Accuracy under common corruptions, clean {percent(result.clean_accuracy)}"
    return [Text("Common corruptions"), Table(title, columns, rows, CORRUPTIONS_NOTE, foot=foot)]
