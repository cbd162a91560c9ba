"""Foolbox's attacks, in PyTorch, on a network that Keras trained; needs torch and foolbox, not tfadv.

    python benchmarks/torch_foolbox.py network.npz foolbox.npz [--cw-steps 200]

network.npz is written by minimum_norm.py. foolbox.npz then holds what each attack made of the images, by name
(n, h, w, c), and `seconds`, JSON: name -> seconds.
"""

import argparse
import json
import os
import time

import foolbox
import numpy as np
import torch
from torch_reference import read


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("network", help="what minimum_norm.py wrote")
    parser.add_argument("out", help="the .npz to write")
    parser.add_argument("--cw-steps", type=int, default=200)
    parser.add_argument("--batch-size", type=int, default=500)
    given = parser.parse_args()
    torch.set_num_threads(os.cpu_count())
    arrays, network, x, y = read(given.network, given.batch_size)
    eps = float(arrays["eps"])
    model = foolbox.PyTorchModel(network, bounds=(0, 1), device="cpu")
    known = foolbox.attacks
    attacks = {
        "fgsm": (known.LinfFastGradientAttack(random_start=False), eps),
        "pgd": (known.LinfPGD(steps=40, abs_stepsize=eps / 10, random_start=False), eps),
        "deepfool": (known.L2DeepFoolAttack(steps=50, candidates=10, overshoot=0.02), None),
        "ddn": (known.DDNAttack(steps=100), None),
        "cw": (known.L2CarliniWagnerAttack(steps=given.cw_steps, binary_search_steps=9), None),
    }
    found, seconds = {}, {}
    for name, (attack, budget) in attacks.items():
        begin = time.perf_counter()
        parts = zip(x.split(given.batch_size), y.split(given.batch_size), strict=True)
        clipped = [attack(model, *part, epsilons=budget)[1] for part in parts]
        seconds[name] = time.perf_counter() - begin
        found[name] = torch.cat([part.detach() for part in clipped]).permute(0, 2, 3, 1).numpy()
        print(f"  {name}: {seconds[name]:.1f} s", flush=True)
    np.savez(given.out, seconds=np.array(json.dumps(seconds)), **found)


if __name__ == "__main__":
    main()
