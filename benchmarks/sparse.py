"""Attacks on few pixels: how many images of MNIST networks fall to how many changed pixels.

    python -m venv reference && reference/bin/pip install torch torchvision visdom adv-lib
    git clone https://github.com/fra31/sparse-rs
    python benchmarks/sparse.py [--model mnist_cnn] [--images 1000] [--seeds 3]
                                [--python reference/bin/python --sparse-rs sparse-rs]

Success rates are among the images that the model gets right. The tables that the authors publish are of other networks:
those of sigma-zero (Cina et al. 2025) of two adversarially trained ones, those of Sparse-RS (Croce et al. 2022) of
networks for ImageNet. With --python the authors' codes attack the same network and the same images (torch_sparse.py).
"""

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

import network_npz
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
    parser.add_argument("--python", help="a Python that has torch and adv-lib, for the authors' codes")
    parser.add_argument("--sparse-rs", help="a clone of the authors' repository")
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
        if given.python:
            published(model, test.x[right], test.y[right], given)


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
        told(f"sigma_zero(steps={steps})", np.where(metrics.correct(model, x_adv, y), np.inf, L0(1).distance(x_adv, x)))


def told(name, count):
    shares = ", ".join(f"{100 * (count <= k).mean():.1f} % within {k}" for k in (*PIXELS, 50))
    print(f"  {name}, fewest pixels: median {np.median(count):g}, {shares}", flush=True)


def published(model, x, y, given):
    """What the authors' codes do to the same images."""
    with tempfile.TemporaryDirectory() as folder:
        network, out = network_npz.write(Path(folder) / "network.npz", model, x, y, L0(1)), Path(folder) / "found.json"
        script = Path(__file__).with_name("torch_sparse.py")
        options = ["--seeds", str(given.seeds)] + (["--sparse-rs", given.sparse_rs] if given.sparse_rs else [])
        subprocess.run([given.python, str(script), str(network), str(out), *options], check=True)
        found = json.loads(out.read_text())
    for name, what in found.items():
        if isinstance(what, list):
            told(f"the authors' {name}", np.array(what))
            continue
        rates = (100 * np.array(of_seeds) for of_seeds in what.values())
        cells = "".join(f"{f'{each.mean():.1f} +- {np.ptp(each) / 2:.1f} %':>16}" for each in rates)
        print(f"  {f'{name}, authors':28}{cells}", flush=True)


if __name__ == "__main__":
    main()
