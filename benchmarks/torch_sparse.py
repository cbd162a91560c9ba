"""The published codes of sigma-zero and Sparse-RS, in PyTorch, on a network that Keras trained; needs not tfadv.

    python benchmarks/torch_sparse.py network.npz found.json --sparse-rs FOLDER [--seeds 2]

network.npz is written by sparse.py. sigma-zero is that of the package adv-lib; FOLDER is a clone of the repository
fra31/sparse-rs. found.json then holds, by attack, the fewest pixels of each image or, by pixels, success rates.
"""

import argparse
import json
import os
import sys

import torch
from torch_reference import predictions, read

PIXELS = (24, 12, 6)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("network", help="what sparse.py wrote")
    parser.add_argument("out", help="the .json to write")
    parser.add_argument("--sparse-rs", help="where the authors' code is")
    parser.add_argument("--seeds", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(os.cpu_count())
    _, network, x, y = read(given.network)
    found = {f"sigma_zero(steps={steps})": fewest(network, x, y, steps) for steps in (100, 1000)}
    if given.sparse_rs:
        sys.path.insert(0, given.sparse_rs)
        for queries in (1000, 10_000):
            found[f"sparse_rs(queries={queries})"] = random_search(network, x, y, queries, given.seeds)
    with open(given.out, "w") as file:
        json.dump(found, file)


def fewest(network, x, y, steps):
    """The fewest pixels that sigma-zero changes; those of the whole image where it does not fool."""
    from adv_lib.attacks.sigma_zero import sigma_zero

    x_adv = sigma_zero(network, x, y, num_steps=steps).detach()
    changed = (x_adv != x).any(dim=1).flatten(1).sum(dim=1)
    return torch.where(predictions(network, x_adv, len(x)) != y, changed, x[0, 0].numel()).tolist()


def random_search(network, x, y, queries, seeds):
    """Success rates of Sparse-RS, by pixels, one a seed."""
    from rs_attacks import RSAttack

    def rate(pixels, seed):
        attack = RSAttack(network, norm="L0", n_queries=queries, eps=pixels, alpha_init=0.8, seed=seed)
        with torch.no_grad():
            x_adv = attack.perturb(x, y)[1]
        return (predictions(network, x_adv, len(x)) != y).float().mean().item()

    return {pixels: [rate(pixels, seed) for seed in range(seeds)] for pixels in PIXELS}


if __name__ == "__main__":
    main()
