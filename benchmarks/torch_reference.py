"""The reference AutoAttack, in PyTorch, on a network that Keras trained; needs torch and pyautoattack, not tfadv.

    python benchmarks/torch_reference.py network.npz reference.npz [--batch-size 250] [--seed 0]

network.npz is written by autoattack.py (network_npz.py says what it holds). The network is built again, checked
against Keras' logits, and attacked. reference.npz then holds, for the n images:

clean, robust   (n,) bool: right on the image itself, and right after all attacks
broken_by       (n,) the attack that succeeded: "clean" where the image itself is misclassified, "" where none did
x_adv           (n, h, w, c) float32, the image itself where nothing succeeded
report          JSON: library, versions, threads, seconds (and those of all cores together, which the load of the
                machine changes less), and per attack its seconds, the images that it got, the passes of one
                image with and without gradient, and the accuracy that it left
"""

import argparse
import importlib.metadata
import json
import logging
import os
import time

import numpy as np
import torch
import torch.nn.functional as F

NORMS = {"linf": "Linf", "l2": "L2", "l1": "L1"}
TOLERANCE = 1e-4
# The attacks of version="standard", by the attribute of AutoAttack that runs them.
PARTS = {"apgd": "apgd-ce", "apgd_targeted": "apgd-t", "fab": "fab-t", "square": "square"}


def main():
    given = options()
    torch.set_num_threads(given.threads)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    logging.getLogger("auto-attack").setLevel(logging.DEBUG)
    arrays, network, x, y = read(given.network, given.batch_size)
    norm, eps = str(arrays["norm"]), float(arrays["eps"])
    run = {"pyautoattack": pyautoattack, "torchattacks": torchattacks}[given.library]
    begin, cpu = time.perf_counter(), time.process_time()
    x_adv, owner, attacks = run(network, x, y, NORMS[norm], eps, given.batch_size, given.seed)
    seconds, cpu = time.perf_counter() - begin, time.process_time() - cpu
    clean, robust = (predictions(network, images, given.batch_size) == y for images in (x, x_adv))
    report = {
        "library": given.library,
        "versions": {name: importlib.metadata.version(name) for name in ("torch", given.library)},
        "norm": norm,
        "eps": eps,
        "images": len(y),
        "clean": clean.double().mean().item(),
        "robust": robust.double().mean().item(),
        "seconds": seconds,
        "cpu_seconds": cpu,
        "attacks": attacks,
        "batch_size": given.batch_size,
        "seed": given.seed,
        "threads": given.threads,
        "load": os.getloadavg() if hasattr(os, "getloadavg") else None,
    }
    broken_by = [label(*outcome, owner) for outcome in zip(clean, robust, x_adv, strict=True)]
    write(given.out, report, clean, robust, broken_by, x_adv)


def options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("network", help="what autoattack.py wrote")
    parser.add_argument("out", help="the .npz to write")
    parser.add_argument("--library", choices=("pyautoattack", "torchattacks"), default="pyautoattack")
    parser.add_argument("--batch-size", type=int, default=250, help="images at a time (250 is the reference's default)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    return parser.parse_args()


def write(path, report, clean, robust, broken_by, x_adv):
    """Keep what was found, and print the report."""
    np.savez(
        path,
        clean=clean.numpy(),
        robust=robust.numpy(),
        broken_by=np.array(broken_by),
        x_adv=x_adv.permute(0, 2, 3, 1).numpy(),
        report=np.array(json.dumps(report)),
    )
    print(json.dumps(report, indent=2))


def pyautoattack(network, x, y, norm, eps, batch_size, seed):
    """The reference itself, version "standard"; returns x_adv, bytes of an image -> attack, facts per attack."""
    from pyautoattack import AutoAttack

    ensemble = AutoAttack(network, norm=norm, eps=eps, version="standard", device="cpu", seed=seed)
    owner, facts, total = {}, {}, len(y)
    right = (predictions(network, x, batch_size) == y).sum().item()

    def watched(name, perturb):
        def run(x, y):
            nonlocal right
            begin, before = time.perf_counter(), dict(network.passes)
            x_adv = perturb(x, y)
            fact = facts.setdefault(name, {"seconds": 0.0, "images": 0, "gradients": 0, "forwards": 0})
            fact["seconds"] += time.perf_counter() - begin
            fact["images"] += len(y)
            for kind, count in network.passes.items():
                fact[kind] += count - before[kind]
            fooled = predictions(network, x_adv, batch_size) != y
            right -= fooled.sum().item()
            fact["robust"] = right / total
            owner.update((image.numpy().tobytes(), name) for image in x_adv[fooled])
            return x_adv

        return run

    for attribute, name in PARTS.items():
        part = getattr(ensemble, attribute)
        part.perturb = watched(name, part.perturb)
    x_adv, _ = ensemble.run_standard_evaluation(x, y, batch_size=batch_size)
    return x_adv, owner, facts


def torchattacks(network, x, y, norm, eps, batch_size, seed):
    """The copy in torchattacks, on the images that are classified rightly."""
    from torchattacks import AutoAttack

    ensemble = AutoAttack(network, norm=norm, eps=eps, version="standard", n_classes=network.classes, seed=seed)
    x_adv = x.clone()
    for which in torch.nonzero(predictions(network, x, batch_size) == y)[:, 0].split(batch_size):
        x_adv[which] = ensemble(x[which], y[which]).detach()
    return x_adv, {}, {}


def label(clean, robust, image, owner):
    if not clean:
        return "clean"
    return "" if robust else owner.get(image.numpy().tobytes(), "unknown")


def read(path, batch_size=500):
    """What network_npz.py wrote: its arrays, the network, images (n, c, h, w) and labels."""
    with np.load(path, allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    network = Network(arrays).eval()
    x, y = nchw(torch.from_numpy(arrays["x"])), torch.from_numpy(arrays["y"])
    check_logits(network, x, arrays["logits"], batch_size)
    return arrays, network, x, y


def nchw(x):
    return x.permute(0, 3, 1, 2).contiguous()


@torch.no_grad()
def logits_of(network, x, batch_size):
    return torch.cat([network(part) for part in x.split(batch_size)])


def predictions(network, x, batch_size):
    """Class indices (n,); not counted among the attacks' passes."""
    before = dict(network.passes)
    predicted = logits_of(network, x, batch_size).argmax(1)
    network.passes.update(before)
    return predicted


def check_logits(network, x, logits, batch_size):
    """Refuse a network that does not compute what Keras' computes."""
    found = logits_of(network, x, batch_size).numpy()
    print(f"logits: {np.abs(found - logits).max():.1e} from Keras' at most", flush=True)
    if not np.allclose(found, logits, rtol=TOLERANCE, atol=TOLERANCE):
        raise SystemExit("the rebuilt network does not compute Keras' logits.")


class Network(torch.nn.Module):
    """What network.npz describes: images (n, c, h, w) to logits. Counts the images that pass through it."""

    def __init__(self, arrays):
        super().__init__()
        self.nodes = json.loads(str(arrays["network"]))
        self.layers = {node["name"]: make(node, weights(node, arrays)) for node in self.nodes}
        self.classes = arrays["logits"].shape[1]
        self.passes = {"gradients": 0, "forwards": 0}

    def forward(self, x):
        self.passes["gradients" if torch.is_grad_enabled() else "forwards"] += len(x)
        values = {}
        for node in self.nodes:
            inputs = [values[name] for name in node["inputs"]] or [x]
            values[node["name"]] = self.layers[node["name"]](*inputs)
        return values[self.nodes[-1]["name"]]


def weights(node, arrays):
    """The layer's weights in Keras' order, without gradient."""
    count = sum(name.rpartition("/")[0] == node["name"] for name in arrays)
    return [torch.from_numpy(arrays[f"{node['name']}/{i}"]) for i in range(count)]


def make(node, w):
    """A function of tensors (n, c, h, w) that computes a Keras layer."""
    config = node["config"]
    return MAKERS[node["type"]](config, w)


def conv(config, w):
    kernel, bias = w[0].permute(3, 2, 0, 1).contiguous(), w[1] if len(w) > 1 else None
    activation, strides = ACTIVATIONS[config["activation"]], config["strides"]

    def run(x):
        x, padding = same(x, kernel.shape[2:], strides) if config["padding"] == "same" else (x, 0)
        return activation(F.conv2d(x, kernel, bias, strides, padding))

    return run


def same(x, sizes, strides):
    """Keras' "same": ceil(size / stride) outputs, the odd pixel of padding at the end; PyTorch's own if symmetric."""
    totals = [
        max((-(-length // stride) - 1) * stride + size - length, 0)
        for length, size, stride in zip(x.shape[2:], sizes, strides, strict=True)
    ]
    if all(total % 2 == 0 for total in totals):
        return x, [total // 2 for total in totals]
    (top, left) = (total // 2 for total in totals)
    return F.pad(x, (left, totals[1] - left, top, totals[0] - top)), 0


def dense(config, w):
    kernel, activation = w[0].T.contiguous(), ACTIVATIONS[config["activation"]]
    return lambda x: activation(F.linear(x, kernel, w[1]))


def batch_norm(config, w):
    w = list(w)
    gamma = w.pop(0) if config["scale"] else None
    beta = w.pop(0) if config["center"] else None
    mean, variance = w
    return lambda x: F.batch_norm(x, mean, variance, gamma, beta, eps=config["epsilon"])


def pool(function):
    def make_pool(config, w):
        size, strides = config["pool_size"], config["strides"]

        def run(x):
            # Windows that Keras would fill up at the border do not occur in tfadv.models.
            whole = all((n - k) % s == 0 for n, k, s in zip(x.shape[2:], size, strides, strict=True))
            if config["padding"] == "same" and not whole and max(size) > 1:
                raise SystemExit(f'pooling {size} of {tuple(x.shape[2:])} pixels with padding "same" is not supported.')
            return function(x, size, strides)

        return run

    return make_pool


def pad(config, w):
    # PyTorch counts the axes from the last one; channels are Keras' last and PyTorch's second.
    batch, rows, columns, channels = config["pad_width"]
    return lambda x: F.pad(x, (*columns, *rows, *channels, *batch))


ACTIVATIONS = {"linear": lambda x: x, "relu": F.relu}
MAKERS = {
    "InputLayer": lambda config, w: lambda x: x,
    "Rescaling": lambda config, w: lambda x: x * config["scale"] + config["offset"],
    "Conv2D": conv,
    "Dense": dense,
    "BatchNormalization": batch_norm,
    # Keras flattens (h, w, c).
    "Flatten": lambda config, w: lambda x: x.permute(0, 2, 3, 1).flatten(1),
    "ReLU": lambda config, w: F.relu,
    "Add": lambda config, w: lambda *x: sum(x[1:], start=x[0]),
    "AveragePooling2D": pool(F.avg_pool2d),
    "MaxPooling2D": pool(F.max_pool2d),
    "GlobalAveragePooling2D": lambda config, w: lambda x: x.mean((2, 3)),
    "Pad": pad,
}


if __name__ == "__main__":
    main()
