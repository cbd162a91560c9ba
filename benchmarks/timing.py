"""What every benchmark needs: interleaved medians, a look at the machine, a table."""

import os
import statistics
import sys
import time

from tfadv.provenance import provenance


def medians(forms, repeats):
    """Median seconds of each form. Forms take turns, so that what else the machine does hits all alike.

    Args:
        forms: name -> function without arguments; each is called once beforehand, to compile.
        repeats: how often each is timed.

    >>> list(medians({"nothing": lambda: None}, repeats=3))
    ['nothing']
    """
    for form in forms.values():
        form()
    seconds = {name: [] for name in forms}
    for _ in range(repeats):
        for name, form in forms.items():
            seconds[name].append(once(form)[1])
    return {name: statistics.median(values) for name, values in seconds.items()}


def once(form):
    """What a function returns, and the seconds it took."""
    begin = time.perf_counter()
    result = form()
    return result, time.perf_counter() - begin


def machine():
    """Print what ran this, and a warning if something else runs too."""
    facts = provenance()
    versions = [f"{name} {facts[name]}" for name in ("tensorflow", "keras", "numpy")]
    print(f"{facts['processor']}, {facts['cores']} cores, Python {facts['python']}, {', '.join(versions)}")
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    # One process that rests now has brought the average of the last minute to well below 1.
    if load > 0.5:
        print(f"WARNING: the load average is {load:.2f}: something else is running, ratios are provisional.")
    sys.stdout.flush()


def report(title, seconds, floor, rows, target=None):
    """Print a table of times and their ratios to the floor, and whether the target is met.

    Args:
        seconds: name -> median seconds.
        floor: the seconds that ratios are of.
        rows: names in the order to print.
        target: (name, highest ratio), or None.
    """
    print(f"\n{title}")
    width = max(map(len, rows))
    for name in rows:
        print(f"  {name:<{width}}  {seconds[name] * 1e3:9.1f} ms  {seconds[name] / floor:6.2f}")
    if target:
        verdict(target[0], seconds[target[0]] / floor, target[1])
    sys.stdout.flush()


def verdict(what, measured, highest):
    """Print whether a figure, rounded as it is printed, is within its target."""
    word = "met" if round(measured, 3) <= highest else "MISSED"
    print(f"  {what}: {measured:.3f}, target at most {highest:g}: {word}", flush=True)
