"""The judge beside attacks written by hand: robust accuracies of broken defenses and of honest networks.

    python benchmarks/judged.py [NAME ...] [--images 360]

The networks are those of tests/specimens. `standard` is what the standard ensemble leaves, `judge` what is left after
the attacks that the judge chose itself, and `extra` what these and their choice cost, in passes of the ensemble.
"""

import argparse
import sys
from pathlib import Path

import timing

from tfadv.errors import TfadvError

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from specimens import CONTROLS, EVERYTHING
from specimens.specimen import images, judged, left_by_hand

TARGET, SHARE, EXTRA = 0.02, 0.9, 0.15
ALARMS = ("warning", "error")


def main():
    """Print a line for each specimen, then how many meet the target and which honest networks raise an alarm."""
    given = arguments()
    timing.machine()
    columns = f"{'threat':>9} {'clean':>6} {'by hand':>7} {'standard':>8} {'judge':>6} {'above':>6} {'extra':>6}"
    print(f"{'specimen':<26} {columns}  findings")
    rows = {name: line(name, given.images) for name in given.names or EVERYTHING}
    broken = {name: row for name, row in rows.items() if name not in CONTROLS}
    met = [name for name, row in broken.items() if row["above"] <= TARGET]
    if broken:
        word = "met" if len(met) >= SHARE * len(broken) else "MISSED"
        print(f"\nwithin {TARGET:.0%} of the attack by hand: {len(met)} of {len(broken)}, target {SHARE:.0%}: {word}")
        print(f"missed: {', '.join(name for name in broken if name not in met) or 'none'}")
    for name in rows.keys() & CONTROLS.keys():
        row = rows[name]
        if row["alarms"] or row["above"] > TARGET or row["extra"] > EXTRA:
            alarms = ", ".join(row["alarms"]) or "no alarm"
            print(f"WRONG on the honest network {name}: {alarms}, {row['above']:+.1%}, {row['extra']:.1%}")


def arguments():
    """What is judged, on how many images."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help=f"of {', '.join(EVERYTHING)} (default: all)")
    parser.add_argument("--images", type=int, default=360, help="test images of digits (default: all 360)")
    given = parser.parse_args()
    if unknown := set(given.names) - set(EVERYTHING):
        parser.error(f"expected names of {', '.join(EVERYTHING)}, received {', '.join(sorted(unknown))}")
    return given


def line(name, n):
    """Judge one specimen and print what is found: how far the judge is above, and the codes of its alarms."""
    specimen, (x, y) = EVERYTHING[name], images(n)
    model = specimen.build()
    by_hand, clean = (right.mean() for right in left_by_hand(specimen, model, x, y))
    try:
        result, extra = judged(specimen, n)
    except TfadvError as error:
        print(f"{name:<26} {specimen.threat:>9} {clean:6.1%} {by_hand:7.1%}  refused: {error}", flush=True)
        return {"above": 1.0, "alarms": ["refused"], "extra": 0.0}
    left = standard_accuracy(result)
    above = result.robust_accuracy - by_hand
    findings = [f"{finding['code']} ({finding['severity']})" for finding in result.findings]
    print(
        f"{name:<26} {specimen.threat:>9} {clean:6.1%} {by_hand:7.1%} {left:8.1%} {result.robust_accuracy:6.1%} "
        f"{above:+6.1%} {extra:6.1%}  {', '.join(findings) or '-'}",
        flush=True,
    )
    return {
        "above": above,
        "extra": extra,
        "alarms": [item["code"] for item in result.findings if item["severity"] in ALARMS],
    }


def standard_accuracy(result):
    """What the members that every network meets have left."""
    return [row["accuracy"] for row in result.attacks if row.get("why") is None][-1]


if __name__ == "__main__":
    main()
