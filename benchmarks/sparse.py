"""Attacks on few pixels: how many images of MNIST networks fall to how many changed pixels.

    python benchmarks/sparse.py [--model mnist_cnn] [--images 1000] [--seeds 3]

Success rates are among the images that the model gets right. Two published tables are the nearest:

What the authors publish is of other networks. Those of sigma-zero (Cina et al. 2025) attack two adversarially trained
ones on MNIST, one trained with DDN, one with TRADES; `mnist_cnn_pgd` (l_inf, eps = 0.3) is of the second one's kind,
and the median of the fewest changed pixels is the figure to hold against theirs. Those of Sparse-RS (Croce et al. 2022)
attack networks for ImageNet; what can be compared is the claim that with 10,000 queries it is not behind l_0-PGD at the
same number of pixels.
"""

import argparse

import numpy as np
import timing
import trained

from tfadv import attacks
from tfadv.evaluation import metrics
from tfadv.threat import L0

SPECS = (
    "pgd(steps=100)", "pgd(steps=100, restarts=10)", "apgd(steps=100)", "sigma_zero(steps=100)",
    "sigma_zero(steps=1000)", "sparse_rs(queries=1000)", "sparse_rs(queries=10000)",
)  # fmt: skip
PIXELS = (24, 12, 6)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", choices=trained.RECIPES, action="append", help="only this one; may be repeated")
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--data-dir", help="where TFDS' data are (default: TFDS_DATA_DIR)")
    given = parser.parse_args()
    timing.machine()
    for name in given.model or ("mnist_cnn", "mnist_cnn_pgd"):
        model, data = trained.load(name, given.data_dir)
        test = data.test.spread(given.images)
        right = metrics.correct(model, test.x, test.y)
        print(f"\n{name}: {right.sum()} of {len(right)} images classified rightly")
        print(f"  {'success':28}" + "".join(f"{f'{k} pixels':>16}" for k in PIXELS) + f"{'seconds':>10}")
        for spec in SPECS:
            row(spec, model, test.x[right], test.y[right], given.seeds)
        fewest(model, test.x[right], test.y[right])


def row(spec, model, x, y, seeds):
    """Success rates as mean and half the range over the seeds; an attack without a seed runs once."""
    attack, cells, seconds = attacks.get(spec).until_fooled(), [], 0.0
    for k in PIXELS:
        rates = []
        for seed in range(seeds if attack.seeded else 1):
            x_adv, spent = timing.once(lambda k=k, seed=seed: attack(model, x, y, threat=L0(k), seed=seed))
            rates.append(100 * (1 - metrics.correct(model, x_adv, y).mean()))
            seconds += spent / (len(PIXELS) * seeds)
        cells.append(f"{np.mean(rates):.1f} +- {np.ptp(rates) / 2:.1f} %")
    print(f"  {spec:28}" + "".join(f"{cell:>16}" for cell in cells) + f"{seconds:>10.1f}", flush=True)


def fewest(model, x, y):
    """The fewest pixels that sigma-zero finds: the median counts images without any as infinitely many."""
    for steps in (100, 1000):
        x_adv = attacks.get(f"sigma_zero(steps={steps})").minimal(model, x, y)
        count = np.where(metrics.correct(model, x_adv, y), np.inf, L0(1).distance(x_adv, x).numpy())
        shares = ", ".join(f"{100 * (count <= k).mean():.1f} % within {k}" for k in (*PIXELS, 50))
        print(f"  sigma_zero(steps={steps}), fewest pixels: median {np.median(count):g}, {shares}", flush=True)


if __name__ == "__main__":
    main()
