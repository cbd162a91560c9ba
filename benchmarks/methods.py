"""All training methods at equal cost on one network: clean accuracy, AutoAttack, seconds an epoch.

    python benchmarks/methods.py [--dataset mnist] [--model cnn] [--threat linf:0.2] [--epochs 30] [--images 1000]
        [--train 10000] [--method SPEC ...] [--seed 0] [--out runs/methods]

Every method passes as many images forward and backward as --epochs epochs of standard training do, and trains for fewer
epochs the dearer its step is, at least one. Nothing is held out: the last epoch is judged. What is finished is kept in
--out, and the same command goes on where it was interrupted. With --time-again it times three epochs of each method
once more, for a machine that was not idle.
"""

import argparse
import dataclasses
import json
import re
import statistics
import tempfile
import time
from pathlib import Path

import timing

import tfadv
from tfadv import attacks, files
from tfadv import threat as threats
from tfadv.data import datasets
from tfadv.evaluation import results
from tfadv.models import build
from tfadv.reports.document import percent
from tfadv.runs import RESULT
from tfadv.training import METHODS, run
from tfadv.training.settings import class_of

# Deep Defense minds no threat model and has a step of its own cost; fine-tuning begins with a trained network.
COMPARED = (
    "standard",
    "noise(kind=uniform)",
    "fast",
    "fast(variant=n_fgsm)",
    "free(replays=4)",
    "adversarial",
    "adversarial(clean=0.05, by=batch)",
    "trades(beta=6)",
    "mart(lam=5)",
    "awp(fast)",
    "awp(adversarial)",
    "awp(trades(beta=6))",
)
SECONDS = "seconds.json"


def main():
    given = options().parse_args()
    timing.machine()
    data = datasets.load(given.dataset, given.data_dir)
    if given.train:
        data = dataclasses.replace(data, train=data.train.spread(given.train))
    rows = [compared(method, data, given) for method in given.method or COMPARED]
    print(f"\n{given.model} on {given.dataset}, {len(data.train):,} images, {given.threat}, seed {given.seed}\n")
    print("| Method | Passes a step | Epochs | Seconds an epoch | Clean | AutoAttack |\n| - | - | - | - | - | - |")
    for row in rows:
        print(f"| {' | '.join(row)} |")


def options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", default="mnist")
    parser.add_argument("--model", default="cnn")
    parser.add_argument("--threat", default="linf:0.2")
    parser.add_argument("--attack", default="pgd(steps=7)", help="that of the methods that train on one")
    parser.add_argument("--optimizer", default="adam(learning_rate=0.001)")
    parser.add_argument("--eps-ramp", type=float, default=0.2, help="share of the epochs over which eps grows")
    parser.add_argument("--epochs", type=int, default=30, help="of standard training; what all may spend")
    parser.add_argument("--train", type=int, help="number of training images (default: all)")
    parser.add_argument("--images", type=int, default=1000, help="number of test images")
    parser.add_argument("--method", action="append", help="only this one; may be repeated")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--time-again", action="store_true", help="time three epochs of each method anew")
    parser.add_argument("--out", type=Path, default=Path("runs/methods"))
    parser.add_argument("--data-dir", help="where TFDS' data are (default: TFDS_DATA_DIR)")
    return parser


def compared(method, data, given):
    """The row of a method: trained and judged, or read back."""
    settings = {"method": method, "model": given.model, "optimizer": given.optimizer, "seed": given.seed}
    settings |= {"threat": given.threat, "validation": 0.0, "keep": "last"}
    if class_of(method).trains_on_attack:
        settings["attack"] = given.attack
    if class_of(method).trains_robust and given.eps_ramp:
        settings["eps_ramp"] = given.eps_ramp
    forward, backward = cost(method, data, given, settings.get("attack"))
    settings["epochs"] = max(1, round(given.epochs * 2 / (forward + backward)))
    out = given.out / re.sub(r"[^a-z0-9]+", "-", f"{given.dataset} {given.model} {given.seed} {method}").strip("-")
    clock = Clock()
    network = run.ensure(data, out=out, progress=clock, **settings).classifier
    if given.time_again:
        clock = Clock()
        with tempfile.TemporaryDirectory() as folder:
            run.ensure(data, out=Path(folder) / "run", progress=clock, **settings | {"epochs": 5})
    if clock.seconds:
        files.write_json(out / SECONDS, {"epoch": clock.median()})
    result = judged(network, data, given, out)
    accuracies = (
        f"{percent(value)} [{percent(low)}, {percent(high)}]"
        for value, (low, high) in (
            (result.clean_accuracy, result.clean_interval),
            (result.robust_accuracy, result.robust_interval),
        )
    )
    return [f"`{method}`", f"{forward} + {backward}", str(settings["epochs"]), seconds(out), *accuracies]


def cost(method, data, given, attack):
    """Forward and backward passes of an image in a step."""
    network = build(given.model, data.image_shape, data.num_classes)
    within = {"attack": attack and attacks.get(attack), "threat": threats.parse(given.threat)}
    return METHODS.build(method, classifier=network, **within).cost(data.num_classes)


def judged(network, data, given, out):
    """The result of AutoAttack's standard ensemble, read back where it is finished, of as many images."""
    n = min(given.images, len(data.test))
    if (out / RESULT).is_file() and (found := results.load(out)).dataset["n"] == n:
        return found
    told = {"threat": given.threat, "attacks": "autoattack", "n": n, "seed": given.seed}
    return tfadv.evaluate(network, data, keep=out, diagnostics=False, **told)


def seconds(out):
    """What an epoch took, where it was timed."""
    path = out / SECONDS
    return f"{json.loads(path.read_text())['epoch']:.1f}" if path.is_file() else "-"


class Clock:
    """Progress of a training that notes how long its epochs take; the first of a process traces, and counts last."""

    def __init__(self):
        self.epoch, self.begun, self.seconds = None, 0.0, []

    def __call__(self, what, done, total, left=None):
        epoch, now = what.partition(" (")[0], time.perf_counter()
        if epoch != self.epoch:
            if self.epoch is not None:
                self.seconds.append(now - self.begun)
            self.epoch, self.begun = epoch, now

    def median(self):
        return statistics.median(self.seconds[1:] or self.seconds)


if __name__ == "__main__":
    main()
