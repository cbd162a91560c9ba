"""What the rest of the page costs beside the verdict: curves, distances, a control and the checks, part by part.

    python benchmarks/page.py [NAME THREAT ...] [--images 1000]

Each network is judged in a process of its own, as `tfadv evaluate` does, so that compiling is part of the time. A part
is what lies between two reports of progress; a check is called by its name. Passes are images, forward and backward.
Seconds of CPU are of all cores together: where the machine has other work, they say more than those of the clock.
"""

import argparse
import collections
import subprocess
import sys
import time

import timing
import trained

from tfadv import passes
from tfadv.evaluation import checks
from tfadv.evaluation.diagnostics import NOISE
from tfadv.evaluation.evaluate import evaluate

# Networks that fall at once, one that falls slowly, and one that withstands.
SUBJECTS = ("fashion_mlp", "linf:0.3", "mnist_cnn", "linf:0.3", "cifar_cnn", "linf:8/255", "mnist_cnn_pgd", "linf:0.3")
# The rest takes at most as long as the verdict, or so many seconds.
FREE = 5.0
VERDICT = "verdict"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("subjects", nargs="*", metavar="NAME THREAT", default=SUBJECTS)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--parts", action="store_true", help="list all parts, not only the longest five")
    parser.add_argument("--here", action="store_true", help="in this process: of the first network alone")
    given = parser.parse_args()
    if given.here:
        measure(*given.subjects[:2], given.images, 100 if given.parts else 5)
        return
    timing.machine()
    for name, threat in zip(given.subjects[::2], given.subjects[1::2], strict=True):
        more = ["--parts"] if given.parts else []
        call = [sys.executable, __file__, name, threat, "--images", str(given.images), "--here", *more]
        subprocess.run(call, check=True)


def measure(name, threat, images, listed):
    """Judge a network and print what the verdict and the parts after it cost."""
    (model, dataset), spent = trained.load(name), Spent()
    result = evaluate(model, dataset, threat=threat, n=images, progress=spent)
    spent.end()
    verdict, rest = spent.parts.pop(VERDICT), list(spent.parts.values())
    print(f"\n{name}, {threat}, {images:,} images: robust accuracy {result.robust_accuracy:.1%}")
    print(f"  {'':44} {'seconds':>8} {'of CPU':>8} {'forward':>11} {'backward':>11}")
    show(VERDICT, verdict)
    show("the rest of the page", [sum(column) for column in zip(*rest, strict=True)])
    for part in sorted(spent.parts, key=lambda part: -spent.parts[part][0])[:listed]:
        show(f"  {part}", spent.parts[part])
    timing.verdict("the rest, in seconds", sum(part[0] for part in rest), max(FREE, round(verdict[0], 1)))


def show(what, cost):
    seconds, processor, forward, backward = cost
    print(f"  {what[:44]:44} {seconds:8.2f} {processor:8.2f} {forward:11,} {backward:11,}", flush=True)


class Spent:
    """Progress that notes seconds and passes of each part: all until the control is the verdict."""

    def __init__(self):
        self.parts = collections.defaultdict(lambda: [0.0, 0.0, 0, 0])
        self.part, self.since = VERDICT, self.now()

    def __call__(self, what, done, total, left=None):
        if what == NOISE or self.part != VERDICT:
            self.end()
            known = what == "checks" and done < total
            self.part = checks.CHECKS[done].__name__ if known else what

    def end(self):
        """What was spent since the last report belongs to the part that it named."""
        now = self.now()
        for k, (after, before) in enumerate(zip(now, self.since, strict=True)):
            self.parts[self.part][k] += after - before
        self.since = now

    def now(self):
        return time.perf_counter(), time.process_time(), *passes.counts()


if __name__ == "__main__":
    main()
