"""What many tests share: a few digits and tiny classifiers, each trained or built once a session."""

import os

import numpy as np
import pytest
import tensorflow as tf

from tfadv.attacks import ATTACKS
from toy_models import classifier, digits

# Marker: the environment variable without which its tests are skipped, and why they are.
ASKED_FOR = {"real_data": ("TFDS_DATA_DIR", "needs prepared data sets"), "slow": ("TFADV_SLOW", "takes long")}


def pytest_collection_modifyitems(items):
    for marker, (variable, reason) in ASKED_FOR.items():
        if os.environ.get(variable):
            continue
        for item in items:
            if item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=f"{reason}: set {variable}"))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """With `-n 2` a file's tests stay in one process, of the attack contract those of an attack: they share what is
    compiled."""
    from xdist.scheduler import LoadScopeScheduling

    class BySharing(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            file, _, test = nodeid.partition("::")
            values = test.partition("[")[2].rstrip("]").split("-")
            return "-".join([file, *(value for value in values if "attack_contract" in file and value in ATTACKS)])

    return BySharing(config, log)


@pytest.fixture(scope="session")
def classifiers():
    """A function from a name of `MODELS` to that model, built once."""
    return classifier


@pytest.fixture(scope="session")
def images():
    """32 digits the classifiers were not trained on, (32, 8, 8, 1)."""
    return digits()[0][1000:1032]


@pytest.fixture(scope="session")
def labels():
    return digits()[1][1000:1032]


@pytest.fixture(scope="session")
def gray():
    """16 images so far from 0 and 1 that no attack within 0.2 meets the box, (16, 8, 8, 1)."""
    return np.random.default_rng(0).uniform(0.4, 0.6, (16, 8, 8, 1)).astype("float32")


@pytest.fixture(scope="session")
def predict():
    """A function from a model and images to predicted labels, int32."""
    return lambda model, x: tf.argmax(model(x, training=False), -1, output_type=tf.int32).numpy()
