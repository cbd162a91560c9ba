"""The last images of an evaluation: several attempts and proposals at once, against one after another.

    python benchmarks/tail.py [resnet] [few] [fewer] [many] [--save FILE] [--than FILE]

resnet   CIFAR-10 ResNet-20, 100 images, at an eps that leaves two to APGD-T, FAB-T and Square
few      150 images of the PGD-trained MNIST CNN at linf:0.3, most of which are left to all attacks
fewer    150 images of the PGD-trained CIFAR-10 CNN at linf:8/255, of which a third are
many     1,000 of them

Each runs the standard ensemble as `tfadv evaluate` does, on what is still classified correctly, compiled beforehand.
Prints seconds and passes of each attack, what the passes of one by one would take in full batches and with nothing
else to compute, and whether the same images are fooled. --save keeps what one checkout did,
and --than compares another with it: an older one knows only one form.
"""

import argparse
import contextlib
import json
import time
from pathlib import Path

import bare
import numpy as np
import tensorflow as tf
import timing
import trained

from tfadv import attacks, passes, threat
from tfadv.evaluation import metrics

# Network, threat model, images, and how much faster it has to be.
CASES = {
    "resnet": ("cifar_resnet20", "linf:2/255", 100, 5.0),
    "few": ("mnist_cnn_pgd", "linf:0.3", 150, 1.5),
    "fewer": ("cifar_cnn_pgd", "linf:8/255", 150, 1.5),
    "many": ("mnist_cnn_pgd", "linf:0.3", 1000, 1.0),
}
BATCH = 500  # that of `tfadv evaluate`
ROWS = 64  # a full batch
LEFT = 2  # images that the first attack leaves, in the first case


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="*", help=", ".join(CASES), default=list(CASES))
    parser.add_argument("--save", type=Path, help="a .json to keep what this checkout did")
    parser.add_argument("--than", type=Path, help="what another one kept")
    given = parser.parse_args()
    timing.machine()
    kept = json.loads(given.than.read_text()) if given.than else {}
    done = {}
    for case in given.what:
        forms = {"now": contextlib.nullcontext}
        if (alone := one_by_one()) is not None:
            forms["one by one"] = alone
        done[case] = measured(case, forms)
        print(f"\n{case}: {floor(case, done[case]):.1f} s for the passes alone, in batches of {ROWS}", flush=True)
        if case in kept:
            done[case]["before"] = kept[case]["now"]
        report(case, done[case])
    if given.save:
        given.save.write_text(json.dumps(done))


def one_by_one():
    """A context in which nothing is attempted at once; None where the checkout knows nothing else."""
    try:
        from tfadv.attacks.loops.active import FULL
    except ImportError:
        return None
    from tfadv.attacks.loops import active

    @contextlib.contextmanager
    def alone():
        active.FULL = 1
        try:
            yield
        finally:
            active.FULL = FULL

    return alone


def measured(case, forms):
    """Of each form the images left after each attack, and its seconds and passes."""
    name, spec, n, _ = CASES[case]
    model, data = trained.load(name)
    x, y, within = data.test.x[:n], data.test.y[:n], threat.parse(spec)
    first, *others = (member.until_fooled() for member in attacks.get("autoattack").members(10, within.norm))
    if case == "resnet":
        within, at = few_left(model, x, y, first, within)
    else:
        at, others = np.flatnonzero(metrics.correct(model, x, y)), [first, *others]
    return {form: run(model, x, y, at, within, others, context) for form, context in forms.items()}


def few_left(model, x, y, first, within):
    """The least eps, in steps of a tenth, at which the first attack leaves no more than two images; and these."""
    at = np.flatnonzero(metrics.correct(model, x, y))
    while len(at) > LEFT:
        within = within.with_eps(1.1 * within.eps)
        left = at[metrics.correct(model, first(model, x[at], y[at], threat=within, batch_size=BATCH), y[at])]
        if not len(left):
            break
        at = left
    return within, at


def run(model, x, y, at, within, members, context):
    """The attacks, each compiled before it is timed, on what those before it have left."""
    rows = []
    with context():
        for k, member in enumerate(members):
            if not len(at):
                break
            wrong = (y[at] + 1) % 10  # these leave the batch at once
            attacks_compiled(member, model, x[at], wrong, within)
            before, begin = passes.counts(), time.perf_counter()
            x_adv = member(model, x[at], y[at], threat=within, seed=k, batch_size=BATCH)
            seconds = time.perf_counter() - begin
            spent = [after - was for after, was in zip(passes.counts(), before, strict=True)]
            at = at[metrics.correct(model, x_adv, y[at])]
            rows.append({"attack": member.name, "seconds": seconds, "passes": spent, "left": at.tolist()})
    return rows


def floor(case, forms):
    """Seconds of the passes alone, in full batches."""
    model, data = trained.load(CASES[case][0])
    x, y = tf.constant(data.test.x[:ROWS]), tf.constant(data.test.y[:ROWS])
    forward, gradient = (
        tf.function(run, autograph=False)
        for run in (lambda: model(x, training=False), lambda: bare.gradient(model, x, y))
    )
    seconds = timing.medians({"forward": lambda: forward().numpy(), "gradient": lambda: gradient().numpy()}, 20)
    forwards, backwards = np.sum([row["passes"] for row in list(forms.values())[-1]], axis=0)
    return ((forwards - backwards) * seconds["forward"] + backwards * seconds["gradient"]) / ROWS


def attacks_compiled(member, model, x, y, within):
    from tfadv.attacks import compiled

    compiled.COMPILED.clear()  # constants of the loops are part of what is compiled
    member(model, x, y, threat=within, batch_size=BATCH)


def report(case, forms):
    name, spec, n, wanted = CASES[case]
    print(f"\n{name}, {n} images, {spec}")
    for form, rows in forms.items():
        print(f"  {form:<12} {sum(row['seconds'] for row in rows):8.1f} s")
        for row in rows:
            forward, backward = row["passes"]
            print(f"    {row['attack']:<10} {row['seconds']:8.1f} s  {forward} forward, {backward} backward", end="")
            print(f", {len(row['left'])} left")
    total = {form: sum(row["seconds"] for row in rows) for form, rows in forms.items()}
    for form in ("before", "one by one"):
        if form in forms:
            same = [row["left"] for row in forms[form]] == [row["left"] for row in forms["now"]]
            print(f"  the same images as {form} after each attack: {'yes' if same else 'NO'}")
            timing.verdict(f"seconds, now / {form}", total["now"] / total[form], 1 / wanted)


if __name__ == "__main__":
    main()
