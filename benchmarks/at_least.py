"""`--at-least` replayed on stored outcomes: how often its answer is wrong, and how many images it judges.

    python benchmarks/at_least.py RUN [--replays 1000]

RUN is what `tfadv evaluate` wrote about many images. Their outcomes are the truth; each replay draws them in another
random order and stops where `--at-least` would. Beside it: how many images a test needs whose number is fixed
beforehand and which is planned for exactly this difference, which nobody knows beforehand (95 % confidence and power).
"""

import argparse
import math
from statistics import NormalDist

import numpy as np

from tfadv.evaluation import results
from tfadv.evaluation.confidence_sequence import Requirement
from tfadv.evaluation.gate import block_end

AWAY = (-0.1, -0.05, -0.02, -0.01, 0.01, 0.02, 0.05, 0.1)
BATCH = 500


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", help="a directory with a result")
    parser.add_argument("--replays", type=int, default=1000)
    given = parser.parse_args()
    result = results.load(given.run)
    clean, robust = result.arrays["clean"], result.arrays["robust"]
    n, truth = len(robust), robust.mean()
    print(f"{result.model['name']}, {result.threat}: {truth:.2%} of {n:,} images robust, {clean.mean():.2%} right\n")
    print(
        "| Asked for at least | Wrong answers | Images judged, mean | of these attacked | Fixed test | All / judged |"
    )
    print("|---|---|---|---|---|---|")
    for away in AWAY:
        share = truth + away
        runs = [replay(clean, robust, share, seed) for seed in range(given.replays)]
        wrong = np.mean([holds is not (away < 0) for holds, _, _ in runs])
        judged, attacked = (np.mean([run[place] for run in runs]) for place in (1, 2))
        fixed = planned(truth, share)
        print(
            f"| {share:.1%} | {wrong:.1%} | {judged:,.0f} | {attacked:,.0f} | {fixed:,} | {n / judged:.1f} |",
            flush=True,
        )


def replay(clean, robust, share, seed):
    """The answer in one random order, how many images were judged, and how many of them attacked."""
    order = np.random.default_rng(seed).permutation(len(robust))
    clean, robust = clean[order], robust[order]
    needs, end, holds = Requirement(share, of=len(robust), candidates=int(clean.sum())), 0, None
    while holds is None:
        end = block_end(clean, end, BATCH)
        holds = needs.holds(int(robust[:end].sum()), int(clean[:end].sum()))
    return holds, end, int(clean[:end].sum())


def planned(truth, share):
    """The fixed number of images from which a test tells the two apart, by the normal approximation."""
    z = NormalDist().inv_cdf(0.975), NormalDist().inv_cdf(0.95)
    spread = z[0] * math.sqrt(share * (1 - share)) + z[1] * math.sqrt(truth * (1 - truth))
    return math.ceil((spread / (truth - share)) ** 2)


if __name__ == "__main__":
    main()
