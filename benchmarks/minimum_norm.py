"""FGSM, PGD, DeepFool, DDN and Carlini-Wagner against Foolbox in PyTorch and ART: the same weights and images.

    python -m venv reference && reference/bin/pip install torch foolbox
    python benchmarks/minimum_norm.py --python reference/bin/python [--model fashion_mlp] [--images 200]

ART is timed too where it is installed (peers.py), on --art-images of the images.
"""

import json
import subprocess
import tempfile
from pathlib import Path

import network_npz
import numpy as np
import peers
import subjects
import timing
import trained

from tfadv import attacks
from tfadv.evaluation import metrics
from tfadv.threat import LInf

MODELS = ("fashion_mlp", "mnist_cnn")
FASTER_THAN_ART = 5


def main():
    parser = subjects.options(__doc__, images=200, known=trained.RECIPES, repeats=None)
    parser.add_argument("--art-images", type=int, default=50)
    parser.add_argument("--cw-steps", type=int, default=200)
    parser.add_argument("--cw", help="the spec of ours (default: cw with as many steps)")
    parser.add_argument("--python", required=True, help="a Python that has torch and foolbox")
    given = parser.parse_args()
    timing.machine()
    for name in given.model or MODELS:
        model, data = trained.load(name, given.data_dir)
        test = data.test.take(given.images)
        compare(name, model, test.x, test.y, LInf(trained.RECIPES[name].eps), given)


def compare(name, model, x, y, threat, given):
    right = metrics.correct(model, x, y)
    print(f"\n{name}: {len(x)} images, {right.sum()} of them classified rightly; {threat}")
    theirs, seconds = foolbox(model, x, y, threat, given)
    step = threat.eps / 10
    ours = {
        "fgsm": lambda: attacks.get("fgsm")(model, x, y, threat=threat),
        "pgd": lambda: attacks.get(f"pgd(steps=40, step_size={step}, random_start=False, keep_best=False)")(
            model, x, y, threat=threat
        ),
        "deepfool": lambda: attacks.get("deepfool(clip=True)").minimal(model, x, y),
        "ddn": lambda: attacks.get("ddn").minimal(model, x, y),
        "cw": lambda: attacks.get(given.cw or f"cw(steps={given.cw_steps})").minimal(model, x, y),
    }
    sizes = "fooled, median l2: ours; Foolbox; ours / Foolbox by image"
    print(f"  {'':9}{'ours':>10}{'Foolbox':>10}{'ratio':>8}   {sizes}")
    for attack, craft in ours.items():
        craft()  # compiles
        found, taken = timing.once(craft)
        far = [distances(model, images, x, y, right) for images in (found, theirs[attack])]
        ratio = np.divide(*(distance[np.isfinite(sum(far))] for distance in far))
        pair = f"{taken:9.2f}s{seconds[attack]:9.2f}s{taken / seconds[attack]:8.2f}"
        sizes = (
            f"{facts(far[0], right)}; {facts(far[1], right)}; median {np.median(ratio):.4f}, mean {ratio.mean():.4f}"
        )
        print(f"  {attack:9}{pair}   {sizes}", flush=True)
        if attack in ("fgsm", "pgd"):
            difference = np.abs(found - theirs[attack])
            print(f"{'':13}pixels further apart than 1e-5: {np.mean(difference > 1e-5):.4%}")
    few = slice(given.art_images)
    for attack, craft in peers.minimum_norm(model, x[few], y[few], given.cw_steps).items():
        found, taken = timing.once(craft)
        per_image = taken / given.art_images * len(x)
        far = distances(model, found, x[few], y[few], right[few])
        print(f"  ART {attack}: {per_image:.1f} s for as many images; {facts(far, right[few])}")


def distances(model, images, x, y, right):
    """l2 distances of the images that fool; infinite where they do not, or where the model is wrong anyway."""
    fooled = right & ~metrics.correct(model, np.asarray(images, np.float32), y)
    return np.where(fooled, np.linalg.norm((images - x).reshape(len(x), -1), axis=1), np.inf)


def facts(distance, right):
    """Share fooled, of the images classified rightly, and their median distance."""
    fooled = np.isfinite(distance)
    median = np.median(distance[fooled]) if fooled.any() else np.nan
    return f"{fooled.sum() / right.sum():.1%} {median:.4f}"


def foolbox(model, x, y, threat, given):
    """What Foolbox makes of the images, by attack, and its seconds."""
    with tempfile.TemporaryDirectory() as folder:
        network, out = Path(folder) / "network.npz", Path(folder) / "foolbox.npz"
        network_npz.write(network, model, x, y, threat)
        script = Path(__file__).with_name("torch_foolbox.py")
        steps = ["--cw-steps", str(given.cw_steps)]
        subprocess.run([given.python, str(script), str(network), str(out), *steps], check=True)
        with np.load(out, allow_pickle=False) as stored:
            found = {name: stored[name] for name in stored.files}
    return found, json.loads(str(found.pop("seconds")))


if __name__ == "__main__":
    main()
