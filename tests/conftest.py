"""What many tests share: a few digits and tiny classifiers, each trained or built once a session."""

import gc
import os

import numpy as np
import pytest

# TensorFlow is imported where it is needed: the process that only hands out tests starts the others so much sooner.
from tfadv.attacks import ATTACKS

# Marker: the environment variable without which its tests are skipped, and why they are.
ASKED_FOR = {
    "real_data": ("TFDS_DATA_DIR", "needs prepared data sets"),
    "smoke": ("TFADV_SMOKE", "runs an experiment"),
    "slow": ("TFADV_SLOW", "takes long"),
}
# Where the files share a run of `tfadv train`: with `-n 2` the folder stays in one process.
WHOLE = "tests/cli/"
# What takes longest begins first, so that both processes end together.
FIRST = (WHOLE, "tests/evaluation/", "tests/test_readme.py", "tests/test_distribute.py", "tests/contracts/")


def pytest_sessionstart():
    """Looking through TensorFlow for garbage, again and again, takes a tenth of what tracing takes."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: [not item.nodeid.startswith(place) for place in FIRST])
    for marker, (variable, reason) in ASKED_FOR.items():
        if os.environ.get(variable):
            continue
        for item in items:
            if item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=f"{reason}: set {variable}"))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """With `-n 2` the tests of a file stay in one process, of the attack contract those of an attack: they share what
    is compiled."""
    from xdist.scheduler import LoadScopeScheduling

    class BySharing(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            file, _, test = nodeid.partition("::")
            values = test.partition("[")[2].rstrip("]").split("-")
            attack = [value for value in values if "attack_contract" in file and value in ATTACKS]
            return "-".join([WHOLE if file.startswith(WHOLE) else file, *attack])

    config.option.loadscopereorder = False  # else by the number of tests
    return BySharing(config, log)


@pytest.fixture(scope="session", autouse=True)
def _tensorflow_seeded():
    """Once, before anything is compiled: setting it makes TensorFlow forget how to run what is."""
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(0)
    if tf.config.get_visible_devices("GPU"):  # bounds are proven in float32
        tf.config.experimental.enable_tensor_float_32_execution(False)


@pytest.fixture(autouse=True)
def _seeded():
    """Weights that a test draws hang on no test before it."""
    from tfadv import random

    random.seed_python(0)


@pytest.hookimpl(tryfirst=True)
def pytest_fixture_setup(fixturedef, request):
    """Nor do those that fixtures draw which several tests share."""
    from tfadv import random

    if fixturedef.scope != "function":
        random.seed_python(0)


@pytest.fixture
def without_xla(monkeypatch):
    """XLA pays in a training, and takes a second to compile what a test runs once."""
    from tfadv.training import trainer

    monkeypatch.setattr(trainer, "xla_pays", lambda model: False)


@pytest.fixture(scope="session")
def classifiers():
    """A function from a name of `MODELS` to that model, built once."""
    from toy_models import classifier

    return classifier


@pytest.fixture(scope="session")
def images():
    """32 digits the classifiers were not trained on, (32, 8, 8, 1)."""
    from toy_models import digits

    return digits()[0][1000:1032]


@pytest.fixture(scope="session")
def labels():
    from toy_models import digits

    return digits()[1][1000:1032]


@pytest.fixture(scope="session")
def gray():
    """16 images so far from 0 and 1 that no attack within 0.2 meets the box, (16, 8, 8, 1)."""
    return np.random.default_rng(0).uniform(0.4, 0.6, (16, 8, 8, 1)).astype("float32")


@pytest.fixture(scope="session")
def predict():
    """A function from a model and images to predicted labels, int32."""
    return lambda model, x: np.argmax(model(x, training=False), axis=-1).astype("int32")
