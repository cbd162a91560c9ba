"""The quick attack against AutoAttack's standard ensemble: robust accuracies, image by image, and passes.

    python benchmarks/quick.py [--images 1000] [--network NAME ...] [--attack quick] [--seed 0]

On ten networks, plain and adversarially trained, under l_inf and l_2. What the ensemble found is kept beside the
networks and read again. Passes do not depend on the machine, so it need not be idle.
"""

import argparse

import numpy as np
import timing
import trained

from tfadv import L2, LInf, runs
from tfadv.evaluation import results
from tfadv.evaluation.evaluate import evaluate
from tfadv.evaluation.statistics import mcnemar

NETWORKS = trained.RECIPES | {
    "fashion_mlp_pgd": trained.Recipe("fashion_mnist", "mlp", ((1, 1e-3, LInf(0.05)), (3, 1e-3, LInf(0.1))), 0.1, 7),
    "fashion_mlp_l2": trained.Recipe("fashion_mnist", "mlp", ((1, 1e-3, L2(0.5)), (3, 1e-3, L2(1.5))), 1.5, 7),
    "digits_cnn_pgd": trained.Recipe("digits", "cnn", ((10, 2e-3, LInf(0.05)), (20, 1e-3, LInf(0.15))), 0.15, 7),
}
THREATS = {
    "fashion_mlp": ("linf:0.03", "l2:0.5"),
    "fashion_mlp_pgd": ("linf:0.1",),
    "fashion_mlp_l2": ("l2:1.5",),
    "digits_cnn_pgd": ("linf:0.15", "l2:1"),
    "mnist_cnn": ("linf:0.1",),
    "mnist_cnn_maxpool": ("l2:1",),
    "mnist_cnn_pgd": ("linf:0.3", "l2:1.5"),
    "cifar_cnn": ("linf:1/255",),
    "cifar_cnn_pgd": ("linf:8/255", "l2:0.5"),
    "cifar_resnet20": ("l2:0.1",),
}
# Where the ensemble takes long on two cores.
AT_MOST = {"cifar_cnn": 300, "cifar_cnn_pgd": 300, "cifar_resnet20": 100}
TARGET_GAP, TARGET_SHARE = 0.003, 1 / 5


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", action="append", choices=THREATS, help="only this one; may be repeated")
    parser.add_argument("--images", type=int, default=1000, help="at most so many; of some networks fewer")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--attack", default="quick")
    given = parser.parse_args()
    timing.machine()
    print("| Network, threat, images | Clean | AutoAttack | Quick | Above | Only one fools | Gradients | All passes |")
    print("|---|---|---|---|---|---|---|---|")
    compared = [compare(name, threat, given) for name in given.network or THREATS for threat in THREATS[name]]
    print()
    timing.verdict("robust accuracy above AutoAttack's, at most", max(gap for gap, _ in compared), TARGET_GAP)
    timing.verdict("passes of AutoAttack's, at most", max(share for _, share in compared), TARGET_SHARE)


def compare(name, threat, given):
    """Print a row of the table; by how much the quick verdict is above, and its share of the ensemble's passes."""
    model, data = trained.load(name, recipes=NETWORKS)
    images = min(given.images, AT_MOST.get(name, given.images))
    settings = {"threat": threat, "n": images, "diagnostics": False}
    folder = trained.FOLDER / name / f"autoattack-{threat.replace(':', '-').replace('/', '-')}-{images}"
    if not (folder / runs.RESULT).is_file():
        evaluate(model, data, attacks="autoattack", **settings).save(folder)
    ensemble, quick = results.load(folder), evaluate(model, data, attacks=given.attack, seed=given.seed, **settings)
    robust, left = ensemble.arrays["robust"], quick.arrays["robust"]
    costs = [np.array([passes(result, kind) for kind in ("gradients", "forwards")]) for result in (ensemble, quick)]
    above, share = mcnemar(left, robust), costs[1].sum() / costs[0].sum()
    print(
        f"| {name}, `{threat}`, {len(left):,} | {quick.clean_accuracy:.1%} | {robust.mean():.1%} | {left.mean():.1%} "
        f"| {above.difference:+.1%} ({above.interval[0]:+.1%} to {above.interval[1]:+.1%}) "
        f"| {above.only_b} quick, {above.only_a} AutoAttack | {costs[0][0]:,} / {costs[1][0]:,} "
        f"= {costs[0][0] / costs[1][0]:.1f} | {costs[0].sum():,} / {costs[1].sum():,} = {1 / share:.1f} |",
        flush=True,
    )
    return above.difference, share


def passes(result, kind):
    return sum(row[kind] for row in result.attacks)


if __name__ == "__main__":
    main()
