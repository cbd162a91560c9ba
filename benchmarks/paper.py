"""Two steps of each recipe of the `paper` presets, at full width, in mixed precision and on two devices.

    python benchmarks/paper.py [--precision bfloat16] [--devices 2] [--images 8] [NAME ...]

NAME is an experiment; all by default. Batches are of --images random images, and a network that begins with another
one's weights begins anew. Recipes that differ in numbers alone, as 12 cells or the widths of a table do, are tried
once. Without GPUs the devices are logical CPUs. Exit code 1 if one does not train.
"""

import argparse
import re
import sys
import tempfile
import time

import numpy as np
import tensorflow as tf

from tfadv.data import DATASETS
from tfadv.data.split import Dataset, Split, numbered_classes
from tfadv.experiments import EXPERIMENTS
from tfadv.training.run import train

STEPS = 2


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--precision", default="bfloat16")
    parser.add_argument("--devices", type=int, default=2)
    parser.add_argument("--images", type=int, default=8, help="of a batch")
    given = parser.parse_args()
    if not tf.config.list_physical_devices("GPU"):
        cpu = tf.config.list_physical_devices("CPU")[0]
        each = [tf.config.LogicalDeviceConfiguration()] * given.devices
        tf.config.set_logical_device_configuration(cpu, each)
    names, tried = given.names or list(EXPERIMENTS), {}
    for name in names:
        options = f"preset=paper, precision={given.precision}, devices={given.devices}"
        experiment = EXPERIMENTS.build(f"{name}({options})")
        data = random_images(experiment.scale.dataset, STEPS * given.images)
        for network, settings in recipes(experiment).items():
            if kind_of(settings) not in tried:
                tried[kind_of(settings)] = trains(f"{name}, {network}", settings, data, given.images)
    print(f"{sum(tried.values())} of {len(tried)} recipes train")
    sys.exit(not all(tried.values()))


def recipes(experiment):
    """The settings of each network that is trained, by name."""
    networks, found = experiment.networks(), {}
    for name, network in networks.items():
        if network.of or network.given:
            continue
        first = network
        while first.start:
            first = networks[first.start]
        model = first.settings(experiment.scale)["model"]
        found[name] = network.settings(experiment.scale) | {"model": model}
    return found


def kind_of(settings):
    """The settings without their numbers, but those of names, and without what says how long and how well to train."""
    left = {"epochs", "train", "validation", "optimizer", "schedule", "batch_size", "eps_ramp"}
    return re.sub(r"(?<![A-Za-z])[\d.]+", "#", repr({key: value for key, value in settings.items() if key not in left}))


def trains(label, settings, data, images):
    """Whether two steps leave finite weights; prints a line."""
    settings = settings | {"epochs": 1, "batch_size": images, "keep": "last", "validation": 0}
    settings.pop("train", None)
    if "eps_ramp" in settings:
        settings["eps_ramp"] = 1
    begun = time.perf_counter()
    try:
        with tempfile.TemporaryDirectory() as out:
            run = train(data, out=out, progress=False, **settings)
        computed = {layer.compute_dtype for layer in run.classifier.layers[1:]}
        finite = all(np.isfinite(weight).all() for weight in run.classifier.get_weights())
        said = f"loss {run.history[0]['loss']:.3g}, layers in {' and '.join(sorted(computed))}"
    except Exception as error:  # whatever Keras or TensorFlow cannot do: it is what is asked here
        finite, said = False, f"{type(error).__name__}: {str(error).strip().splitlines()[-1][:300]}"
    what = f"{settings['model']}, {settings.get('method', 'standard')}, {settings.get('attack')}"
    print(f"{'ok' if finite else 'FAILS'}: {label} ({what}): {said}, {time.perf_counter() - begun:.0f} s", flush=True)
    return finite


def random_images(name, count):
    """A data set like the one of this name, of few random images."""
    entry, rng = DATASETS.get(name), np.random.default_rng(0)
    x, y = rng.integers(0, 256, (count, *entry.shape), dtype=np.uint8), np.arange(count) % entry.classes
    split = Split(x, y)
    return Dataset(name, split, split, numbered_classes(np.arange(entry.classes)), "random")


if __name__ == "__main__":
    main()
