"""PGD-40 against the fastest of the bare loops, and against the peers that are installed.

python benchmarks/pgd.py [--model mlp] [--images 1000] [--batch-size 500] [--repeats 7]
"""

import argparse

import bare
import peers
import subjects
import timing

from tfadv import PGD, LInf

EPS, STEP_SIZE, STEPS = 0.1, 0.01, 40
TARGET = 1.10


def main():
    parser = subjects.options(argparse.ArgumentParser(description=__doc__.splitlines()[0]), images=1000)
    parser.add_argument("--batch-size", type=int, default=500, help="images at a time (500 is the attacks' default)")
    given = parser.parse_args()
    timing.machine()
    x, y, x_test, y_test = subjects.data(given.data_dir)
    for name in given.model or subjects.MODELS:
        model = subjects.classifier(name, x, y)
        compare(name, model, x_test[: given.images], y_test[: given.images], given)


def compare(name, model, x, y, given):
    """Time the floor, tfadv and the peers on one model, interleaved, and print the ratios."""
    setting = {"eps": EPS, "step_size": STEP_SIZE, "steps": STEPS, "batch_size": given.batch_size}
    floor = bare.forms(model, x, y, **setting)
    attack, threat = PGD(steps=STEPS, step_size=STEP_SIZE), LInf(EPS)
    forms = {**floor, "tfadv": lambda: attack(model, x, y, threat=threat, batch_size=given.batch_size)}
    forms |= peers.pgd(model, x, y, **setting)
    seconds = timing.medians(forms, given.repeats)
    title = f"PGD-{STEPS}, {name}, {len(x)} images in batches of {given.batch_size}: {given.repeats} repeats"
    timing.report(title, seconds, min(seconds[way] for way in floor), list(forms), ("tfadv", TARGET))


if __name__ == "__main__":
    main()
