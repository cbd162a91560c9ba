"""What was asked for beside the verdict: whether enough is robust, and accuracy under common corruptions."""

import numpy as np

from tfadv.reports.document import Table, Text, number, percent

CORRUPTIONS_NOTE = (
    "Share of the images that are right after each corruption of Hendrycks & Dietterich (2019), severity 1 to 5. No "
    "attacker chose them. Frost is drawn instead of taken from photographs, so compare its row with tfadv only."
)


def gate(result):
    """The answer of `--at-least`, in a sentence."""
    if not result.gate:
        return []
    asked, (low, high) = result.gate, result.gate["interval"]
    answer = f"At least {percent(asked['at_least'])} robust: {'yes' if asked['holds'] else 'no'}."
    judged = f"{number(result.dataset['n'])} of {number(asked['of'])} images were drawn at random and judged; of all"
    sure = f"with 95 % confidence, at every look until then, {percent(low)} to {percent(high)} are robust."
    doubt = "" if asked["holds"] or low < asked["at_least"] else " But a check found an error: read the findings."
    return [Text("", (f"{answer} {judged} {sure}{doubt}",))]


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
