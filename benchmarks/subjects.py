"""What is measured on: a classifier after one quick epoch, so that gradients are real, and test images."""

import argparse

import keras
import numpy as np

from tfadv import models
from tfadv.data import datasets
from tfadv.errors import TfadvError

MODELS = ("mlp", "cnn", "cnn_maxpool")


def options(description, images, known=MODELS, one=None, repeats=7):
    """A parser with the options that the scripts share.

    Args:
        description: of the script; its first line is shown.
        images: the default of --images.
        known: the names that --model takes.
        one: the default of --model where it is one; None lets it be repeated.
        repeats: the default of --repeats; None where nothing is repeated.
    """
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--images", type=int, default=images, help="number of test images")
    parser.add_argument("--data-dir", help="where TFDS' data are (default: TFDS_DATA_DIR)")
    if one:
        parser.add_argument("--model", choices=known, default=one)
    else:
        parser.add_argument("--model", choices=known, action="append", help="only this one; may be repeated")
    if repeats:
        parser.add_argument(
            "--repeats", type=int, default=repeats, help="times each form is timed; medians are printed"
        )
    return parser


def data(data_dir=None):
    """Fashion-MNIST as (x, y, x_test, y_test); without it, said aloud, enlarged and repeated digits."""
    try:
        found = datasets.load("fashion_mnist", data_dir)
    except TfadvError as error:
        print(f"WARNING: {error}\nWARNING: embedded digits, enlarged to 28 x 28, take its place.")
        found = datasets.load("digits")
        return (*_enlarged(found.train, 60_000), *_enlarged(found.test, 10_000))
    return found.train.x, found.train.y, found.test.x, found.test.y


def _enlarged(split, n):
    pick = np.arange(n) % len(split)
    return split.x.repeat(4, axis=1).repeat(4, axis=2)[pick, 2:30, 2:30], split.y[pick]


def classifier(name, x, y, epochs=1):
    """`build(name)` after `epochs` epochs of Adam."""
    model = models.build(name, x.shape[1:], 10)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-3), loss)
    # The data are shuffled by fit with Keras' global seed.
    keras.utils.set_random_seed(0)
    model.fit(x, y, batch_size=256, epochs=epochs, verbose=0)
    return model
