"""An epoch of each training method against its bare passes, and the input pipeline by itself.

    python benchmarks/epoch.py [--model resnet20] [--dataset cifar10] [--train 1280] [--repeats 3] [--method SPEC ...]

An epoch is one of Keras' `fit` as `tfadv train` calls it, on batches of 128 images that the pipeline shuffles, crops
and flips. Its bare passes are one standard train step on a fixed batch for every pass that takes the gradient of the
weights, and one compiled input gradient for every other backward pass that the method says it takes, times the number
of batches. They are timed before and after each epoch, as is an epoch of the pipeline alone: the ratio is that of each
epoch to what stands around it. Seconds of the processor are printed too, as others on the machine change them less.
"""

import argparse
import time

import bare
import keras
import numpy as np
import tensorflow as tf
import timing
from train_step import train_step

from tfadv.data import AUGMENTATIONS, datasets, pipeline
from tfadv.models import build
from tfadv.training.fitting import make_trainer
from tfadv.training.settings import Settings, class_of

THREAT, OTHER, ATTACK, BATCH = "linf:8/255", "l2:0.5", "pgd(steps=7)", 128
COMPARED = (
    "standard",
    "fast(guard=False)",
    "fast(variant=n_fgsm, guard=False)",
    "free(replays=4)",
    "adversarial",
    "mixed(by=batch)",
    "trades",
    "mart",
    "awp(fast(guard=False))",
)
TARGET = 1.10
# The pipeline prepares batches while others are trained on, on the same cores.
SHARE = 0.05
STEP, GRADIENT, PIPELINE, EPOCH = "a standard step", "an input gradient", "the pipeline", "an epoch"
# A bare pass takes a part of a second: so many are timed on either side of an epoch.
CALLS = 3


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="resnet20")
    parser.add_argument("--dataset", default="cifar10")
    parser.add_argument("--data-dir", help="where TFDS' data are (default: TFDS_DATA_DIR)")
    parser.add_argument("--train", type=int, default=1280, help="number of training images")
    parser.add_argument("--method", action="append", help="only this one; may be repeated")
    parser.add_argument("--repeats", type=int, default=3, help="epochs that are timed; medians are printed")
    given = parser.parse_args()
    timing.machine()
    data = datasets.load(given.dataset, given.data_dir)
    split = data.train.spread(given.train)
    print(
        f"\n{given.model} on {len(split):,} images of {given.dataset}, {THREAT}, {ATTACK}: {given.repeats} epochs each"
    )
    forms = bare_forms(given.model, data, split, len(split) // BATCH)
    for method in given.method or COMPARED:
        trainer = trainer_of(method, given.model, data, len(split))
        compare(method, trainer, split, Clock(forms), data.num_classes, given.repeats)


def compare(method, trainer, split, clock, classes, repeats):
    """Print how long an epoch takes, as a ratio to its bare passes, and the pipeline's share of it."""
    steps = len(split) // BATCH
    trainer.fit(batches(split), epochs=1 + repeats, steps_per_epoch=steps, shuffle=False, verbose=0, callbacks=[clock])
    passes, learned = trainer.cost(classes).backward, trainer.learning.backward
    seconds = {form: np.array(took) for form, took in clock.seconds.items()}  # (epochs, 2): of the wall, the processor
    floor = steps * (learned * seconds[STEP] + (passes - learned) * seconds[GRADIENT])
    ratio, on_processor = np.median(seconds[EPOCH] / floor, axis=0)
    share, took = np.median(seconds[PIPELINE] / seconds[EPOCH], axis=0)[0], np.median(seconds[EPOCH], axis=0)[0]
    print(f"{method}: {passes} backward passes, {learned} of them of the weights, {took:.2f} s an epoch")
    timing.verdict("over its bare passes", ratio, TARGET)
    print(f"  the same in seconds of the processor: {on_processor:.3f}")
    timing.verdict("the pipeline by itself, as a share", share, SHARE)


def trainer_of(method, model, data, examples):
    """The compiled trainer of `tfadv train`."""
    kind = class_of(method)
    attack, threat = ATTACK if kind.trains_on_attack else None, (THREAT, OTHER) if kind.trains_on_several else THREAT
    chosen = {"model": model, "method": method, "attack": attack, "threat": threat, "batch_size": BATCH}
    settings = Settings(dataset=data.name, validation=0, keep="last", **chosen)
    return make_trainer(settings, data, data.train.take(examples))


def batches(split):
    return pipeline.batches(split, BATCH, augment=AUGMENTATIONS.build("crop_flip"))


def bare_forms(model, data, split, steps):
    """A standard train step, an input gradient, and an epoch of the pipeline: functions without arguments."""
    x, y = tf.constant(split.x[:BATCH]), tf.constant(split.y[:BATCH])
    one, other = (build(model, data.image_shape, data.num_classes) for _ in range(2))
    gradient = tf.function(lambda: bare.gradient(one, x, y), autograph=False)
    endless = iter(batches(split))
    return {
        STEP: train_step("standard", other, x, y),
        GRADIENT: lambda: gradient().numpy(),
        PIPELINE: lambda: [next(endless) for _ in range(steps)],
    }


class Clock(keras.callbacks.Callback):
    """Seconds, of wall and processor, of each epoch but the first, which traces, and of the bare forms around it."""

    def __init__(self, forms):
        super().__init__()
        self.forms, self.seconds = forms, {name: [] for name in (*forms, EPOCH)}

    def on_epoch_begin(self, epoch, logs=None):
        self.before = self._around()
        self.begun = now()

    def on_epoch_end(self, epoch, logs=None):
        took = {EPOCH: now() - self.begun}
        for name, after in self._around().items():
            took[name] = (self.before[name] + after) / 2
        for name, seconds in took.items() if epoch else ():
            self.seconds[name].append(seconds)

    def _around(self):
        """Seconds of each form, an array (2,) each."""
        return {name: taken(form, 1 if name == PIPELINE else CALLS) for name, form in self.forms.items()}


def taken(form, calls):
    """The seconds that each of these calls took on average, (2,)."""
    begun = now()
    for _ in range(calls):
        form()
    return (now() - begun) / calls


def now():
    """Seconds of the wall, and of the processor: (2,)."""
    return np.array([time.perf_counter(), time.process_time()])


if __name__ == "__main__":
    main()
