"""Our AutoAttack against the reference in PyTorch: the same weights, the same images, example by example.

    python -m venv reference && reference/bin/pip install torch pyautoattack
    python benchmarks/autoattack.py runs/robust --threat linf:8/255 --images 300 --python reference/bin/python

The second command writes the network for PyTorch (network_npz.py), runs the reference there (torch_reference.py),
runs ours, and prints robust accuracies, on which examples the two agree, and seconds. What the reference found is
kept as --reference FILE and read again if it is there: it takes minutes.
"""

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path

import network_npz
import numpy as np
import timing

from tfadv import attacks, threat
from tfadv.data import datasets
from tfadv.evaluation import metrics
from tfadv.models import classifier

# Both draw random starts: an example on the edge may fall to the one and withstand the other.
TARGET_GAP = 0.005
TARGET_RATIO = 1.0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="a .keras file or a run of `tfadv train`")
    parser.add_argument("--threat", default="linf:8/255")
    parser.add_argument("--dataset", help="(default: what the run was trained on)")
    parser.add_argument("--data-dir", help="where TFDS' data are (default: TFDS_DATA_DIR)")
    parser.add_argument("--images", type=int, default=300, help="number of test images")
    parser.add_argument("--attack", default="autoattack", help="the spec of what is compared with the reference")
    parser.add_argument("--batch-size", type=int, default=500)
    parser.add_argument("--python", help="a Python that has torch and pyautoattack")
    parser.add_argument("--reference", help="the .npz of the reference: read, or written by --python")
    parser.add_argument("--export-only", metavar="NPZ", help="write the network for torch_reference.py and stop")
    given = parser.parse_args()
    model, budget = classifier.load(given.model), threat.parse(given.threat)
    name = given.dataset or classifier.training_of(given.model).get("settings", {}).get("dataset")
    if not name:
        parser.error("say with --dataset what the model classifies, e.g. --dataset mnist")
    test = datasets.load(name, given.data_dir).test.take(given.images)
    if given.export_only:
        network_npz.write(given.export_only, model, test.x, test.y, budget)
        return
    timing.machine()
    reference = found(given, model, test.x, test.y, budget)
    compare(reference, ours(given, model, test.x, test.y, budget), model, test.x, test.y, budget)


def found(given, model, x, y, budget):
    """What the reference found, read or computed now: name -> array (see torch_reference.py)."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(given.reference or Path(folder) / "reference.npz")
        if not path.is_file():
            if not given.python:
                raise SystemExit("give --python, a Python with torch and pyautoattack, or --reference, its results.")
            network = network_npz.write(Path(folder) / "network.npz", model, x, y, budget)
            script = Path(__file__).with_name("torch_reference.py")
            subprocess.run([given.python, script, network, path], check=True)
        with np.load(path, allow_pickle=False) as stored:
            reference = {name: stored[name] for name in stored.files}
    reference["report"] = json.loads(str(reference["report"]))
    check(reference, model, x, y, budget)
    return reference


def check(reference, model, x, y, budget):
    """Refuse results for other images, another network or another threat model."""
    report = reference["report"]
    same = (report["norm"], len(reference["x_adv"])) == (budget.norm, len(x)) and np.isclose(report["eps"], budget.eps)
    if not same or not np.array_equal(reference["clean"], metrics.correct(model, x, y)):
        raise SystemExit(
            f"the reference is for {report['images']} images and {report['norm']}:{report['eps']:g} of its own model."
        )
    broken = reference["clean"] & ~reference["robust"]
    held = metrics.correct(model, reference["x_adv"], y) & broken
    if held.any():  # Points on the very boundary, where the rounding of the two libraries decides.
        print(f"  {held.sum()} of the reference's {broken.sum()} adversarial images do not fool the Keras model")


def ours(given, model, x, y, budget):
    """Our attack on the images that are classified rightly: (x_adv, seconds, seconds of all cores together)."""
    attack, x_adv = attacks.get(given.attack), x.copy()
    right = metrics.correct(model, x, y)
    cpu = time.process_time()
    # Compilation is part of what a user waits for.
    x_adv[right], seconds = timing.once(
        lambda: attack(model, x[right], y[right], threat=budget, batch_size=given.batch_size)
    )
    return x_adv, seconds, time.process_time() - cpu


def compare(reference, outcome, model, x, y, budget):
    """Print both accuracies, the examples that they do not agree on, and both times."""
    x_adv, seconds, cpu = outcome
    report, robust = reference["report"], metrics.correct(model, x_adv, y) & reference["clean"]
    if not np.all(budget.contains(x_adv, x)):
        raise SystemExit("our images leave the ball or the box.")
    print(f"\n{model.name}, {len(x)} images, {budget}")
    print(f"  clean accuracy        {reference['clean'].mean():7.2%}")
    libraries = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
    theirs = f"{report['seconds']:8.1f} s, {report['cpu_seconds']:.1f} s over all cores, {report['threads']} threads"
    print(f"  robust, reference     {reference['robust'].mean():7.2%}  {theirs} ({libraries})")
    for name, fact in report["attacks"].items():
        passes = f"{fact['gradients']} gradients, {fact['forwards']} forward passes"
        print(f"    after {name:<14}  {fact['robust']:7.2%}  {fact['seconds']:8.1f} s  {passes}")
    print(f"  robust, ours          {robust.mean():7.2%}  {seconds:8.1f} s, {cpu:.1f} s over all cores")
    agree = robust == reference["robust"]
    only_ours, only_theirs = reference["robust"] & ~robust, robust & ~reference["robust"]
    print(f"  agreement             {agree.mean():7.2%}; fooled by ours alone {indices(only_ours)}", end="")
    print(f", by the reference alone {indices(only_theirs, reference['broken_by'])}")
    timing.verdict("robust accuracy, ours less reference", robust.mean() - reference["robust"].mean(), TARGET_GAP)
    timing.verdict("seconds, ours / reference", seconds / report["seconds"], TARGET_RATIO)
    timing.verdict("the same over all cores", cpu / report["cpu_seconds"], TARGET_RATIO)


def indices(which, names=None):
    """How many, and the first positions of them."""
    at = np.flatnonzero(which)
    shown = [f"{i}" if names is None else f"{i} ({names[i]})" for i in at[:8]]
    return f"{len(at)}{': ' if shown else ''}{', '.join(shown)}{', ...' if len(at) > 8 else ''}"


if __name__ == "__main__":
    main()
