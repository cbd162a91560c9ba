"""The answer to `--at-least`, whether enough images are robust, as items and blocks of a report."""

from tfadv.reports.document import Text, number, percent


def answer(result):
    """The answer as items of the headline."""
    if not result.gate:
        return []
    asked, (low, high) = result.gate, result.gate["interval"]
    interval = f"95 % interval [{100 * low:.1f}, {100 * high:.1f}] of all {number(asked['of'])} images"
    return [(f"at least {percent(asked['at_least'])} robust?", "yes" if asked["holds"] else "no", interval)]


def explanation(result):
    """How the answer came about, in a sentence or two."""
    if not result.gate:
        return []
    asked, low = result.gate, result.gate["interval"][0]
    n, of = number(result.dataset["n"]), number(asked["of"])
    sure = (
        f"{n} of {of} images, drawn at random, were judged until the answer was known. Its interval is of all {of} and "
    )
    sure += f"holds however often one looks; all other numbers are of the {n} alone."
    spoilt = not asked["holds"] and low >= asked["at_least"]
    return [Text("", (f"{sure} The answer is no, as a check found an error: read the findings." if spoilt else sure,))]
