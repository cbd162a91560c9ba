"""Fifty networks of one architecture judged one after another in one process: seconds and memory of each.

    python benchmarks/many_models.py [--network "mlp(hidden=32)"] [--models 50] [--alone]

The first compiles the attacks, the others pass their weights to what is compiled. --alone compiles everything for every
network: the difference is what sharing saves.
"""

import argparse
import gc
import resource
import statistics

import keras
import numpy as np
import timing

from tfadv import models
from tfadv.attacks import compiled
from tfadv.data import datasets
from tfadv.evaluation.evaluate import evaluate
from tfadv.graph import xla

ATTACKS = ("pgd(steps=40)", "apgd(steps=20)", "deepfool", "square(queries=100)")
SHOWN = 10
# From the first ten networks on, which fill the pools of the allocators, to the last.
GROWTH = 1.03


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", default="mlp(hidden=32)")
    parser.add_argument("--models", type=int, default=50)
    parser.add_argument("--images", type=int, default=300)
    parser.add_argument("--alone", action="store_true", help="compile everything for every network")
    given = parser.parse_args()
    if given.alone:
        forward = compiled.architecture.forward
        compiled.architecture.forward = lambda *of: (forward(*of)[0], None)  # nothing is known to be shared
        xla.WORTH_COMPILING = 0
    timing.machine()
    data = datasets.load("digits")
    known, seconds, peaks = trained(given.network, data), [], []
    for number in range(given.models):
        seconds.append(timing.once(lambda number=number: judge(known, number, data, given))[1])
        gc.collect()
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        if number == 0 or (number + 1) % SHOWN == 0:
            print(f"  network {number + 1:>3}  {seconds[-1]:6.2f} s  peak {peaks[-1]:6.0f} MB", flush=True)
    print(f"  first {seconds[0]:.2f} s, median of the others {statistics.median(seconds[1:]):.2f} s")
    timing.verdict(f"memory, the last over network {SHOWN}", peaks[-1] / peaks[SHOWN - 1], GROWTH)


def trained(spec, data):
    """A network after a few epochs."""
    keras.utils.set_random_seed(0)
    network = models.build(spec, data.train.x.shape[1:], data.num_classes)
    network.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    network.fit(data.train.x, data.train.y, batch_size=50, epochs=5, verbose=0)
    return network


def judge(known, number, data, given):
    """Evaluate another network: the weights of the known one, moved a little."""
    network, rng = keras.models.clone_model(known), np.random.default_rng(number)
    network.set_weights([w + 0.05 * w.std() * rng.standard_normal(w.shape) for w in known.get_weights()])
    return evaluate(network, data, threat="linf:0.1", attacks=ATTACKS, n=given.images, batch_size=100)


if __name__ == "__main__":
    main()
