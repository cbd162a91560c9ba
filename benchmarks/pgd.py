"""PGD-40 against the fastest of the bare loops, and against the peers that are installed.

    python benchmarks/pgd.py [--model mnist_cnn] [--images 1000] [--batch-size 500] [--repeats 7]

Every image is attacked to the end in all forms but the last: `until fooled`, the form that evaluations use, lets go of
images that are misclassified.
"""

import bare
import numpy as np
import peers
import subjects
import timing
import trained

from tfadv import PGD, LInf
from tfadv.evaluation import metrics

STEPS = 40
ALIVE, COMPACTED, BROKEN = 1.10, 0.60, 0.10
MODELS = ("fashion_mlp", "mnist_cnn", "mnist_cnn_maxpool", "mnist_cnn_pgd", "cifar_resnet20")


def main():
    parser = subjects.options(__doc__, images=1000, known=trained.RECIPES)
    parser.add_argument("--batch-size", type=int, default=500, help="images at a time (500 is the attacks' default)")
    parser.add_argument("--no-peers", action="store_true", help="tfadv against the floor only")
    given = parser.parse_args()
    timing.machine()
    for name in given.model or MODELS:
        model, data = trained.load(name, given.data_dir)
        test = data.test.take(given.images)
        compare(name, model, test.x, test.y, trained.RECIPES[name].eps, given)


def compare(name, model, x, y, eps, given):
    """Time the floor, tfadv and the peers on one model, interleaved, and print the ratios."""
    setting = {"eps": eps, "step_size": eps / 10, "steps": STEPS, "batch_size": given.batch_size}
    floor = bare.forms(model, x, y, **setting)
    attack, threat = PGD(steps=STEPS, step_size=eps / 10), LInf(eps)
    craft = lambda attack: attack(model, x, y, threat=threat, batch_size=given.batch_size)  # noqa: E731
    forms = {**floor, "tfadv": lambda: craft(attack), "tfadv, until fooled": lambda: craft(attack.until_fooled())}
    if not given.no_peers:
        forms |= peers.pgd(model, x, y, **setting)
    seconds = timing.medians(forms, given.repeats)
    least = min(seconds[way] for way in floor)
    title = f"PGD-{STEPS}, {name}, {len(x)} images in batches of {given.batch_size}: {given.repeats} repeats"
    timing.report(title, seconds, least, list(forms), ("tfadv", ALIVE))
    clean, robust = (np.mean(metrics.correct(model, images, y)) for images in (x, craft(attack)))
    print(f"  accuracy {clean:.1%}, under the attack {robust:.1%}")
    if robust < BROKEN:
        timing.verdict("tfadv, until fooled", seconds["tfadv, until fooled"] / least, COMPACTED)


if __name__ == "__main__":
    main()
