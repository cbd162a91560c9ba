"""Classifiers that others have trained: from a file, or by the name of a network of `keras.applications`."""

import contextlib
import os
import socket
import sys
import typing
from pathlib import Path

from tfadv.errors import TfadvError, reason
from tfadv.models import classifier
from tfadv.registry import guess

if typing.TYPE_CHECKING:
    import keras

WEIGHTS = "imagenet"
PATIENCE = 10.0  # seconds without a byte, after which a download has failed


def load(text: str | Path) -> "keras.Model":
    """Load a classifier that takes pixels in [0, 1] and returns logits.

    Args:
        text: a `.keras` file, a run directory or a SavedModel; or the name of a network of `keras.applications`,
            `"ResNet50"`, whose ImageNet weights Keras downloads once. What it does to pixels is a layer inside then.

    Raises:
        TfadvError: if there is neither, or its weights cannot be downloaded.

    >>> load("MobileNetV2").output_shape  # doctest: +SKIP
    (None, 1000)
    """
    import keras

    name, known = str(text), [name for name in dir(keras.applications) if name[0].isupper()]
    if name in known:
        return _application(name)
    if not (os.sep in name or Path(name).suffix or Path(name).exists()):
        hint = f"{guess(name, known)}give one of its names, a .keras file or a SavedModel."
        raise TfadvError(f"keras.applications has no network {name!r}: {hint}")
    return classifier.load(name)


def _application(name):
    import keras

    make = getattr(keras.applications, name)
    try:
        with _impatient():
            network = make(weights=WEIGHTS, classifier_activation=None)
    except Exception as error:  # Keras raises a bare Exception where it cannot download.
        raise TfadvError(
            f"cannot load the ImageNet weights of {name} ({reason(error)}): connect to a network, copy their file from "
            "another machine into ~/.keras/models, or give a classifier that is here with --model FILE.keras."
        ) from error
    pixels = keras.Input(network.input_shape[1:])
    prepared = sys.modules[make.__module__].preprocess_input(keras.layers.Rescaling(255.0)(pixels))
    return keras.Model(pixels, network(prepared), name=network.name)


@contextlib.contextmanager
def _impatient():
    """A network that does not answer is given up after PATIENCE: Keras itself would wait for minutes."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(PATIENCE)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
