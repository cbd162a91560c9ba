"""The answer to `--at-least`, whether enough images are robust, as items and blocks of a report."""

from tfadv.reports.document import Text, number, percent


def answer(result):
    """The answer as items of the headline."""
    if not result.gate:
        return []
    asked, of = result.gate, f"of all {number(result.gate['of'])} images"
    found = f"95 % interval {interval(asked)} {of}" if is_open(asked) else f"exactly {interval(asked)} {of}"
    return [(f"at least {percent(asked['at_least'])} robust?", "yes" if asked["holds"] else "no", found)]


def is_open(asked):
    """Whether the interval is more than one number."""
    return asked["interval"][0] != asked["interval"][1]


def interval(asked):
    """The interval that decided, in percent; in images where these are too near to each other; or the one number."""
    low, high = asked["interval"]
    shown = percent(low), percent(high)
    if is_open(asked) and shown[0] == shown[1]:
        return " to ".join(number(round(end * asked["of"])) for end in (low, high))
    return " to ".join(dict.fromkeys(shown))


def explanation(result):
    """How the answer came about, in a sentence or two."""
    if not result.gate:
        return []
    asked, low = result.gate, result.gate["interval"][0]
    n, of = number(result.dataset["n"]), number(asked["of"])
    said = f"{n} of {of} images, drawn at random, were judged until the answer was known. "
    if asked.get("proven") is not None:
        said += f"Of all {of} a proof certifies {number(asked['proven'])}, which no attack changes. "
    holds = " and holds however often one looks" if is_open(asked) else ""
    said += f"The interval is of all {of}{holds}; all other numbers are of the {n} alone."
    if not asked["holds"] and low >= asked["at_least"]:
        said += " The answer is no, as a check found an error: read the findings."
    return [Text("", (said,))]
