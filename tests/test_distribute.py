"""Two logical CPU devices against one. In a process of its own: devices are set before TensorFlow starts."""

import subprocess
import sys
import textwrap

import pytest

from tfadv import distribute
from tfadv.errors import TfadvError

SCRIPT = textwrap.dedent(
    """
    import sys
    import numpy as np, keras, tensorflow as tf
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    from tfadv import distribute
    from tfadv.attacks.pgd import PGD
    from tfadv.errors import TfadvError
    from tfadv.models import build
    from tfadv.threat import LInf
    from tfadv.training.adversarial import Adversarial
    from tfadv.training.average import EMA
    from tfadv.training.awp import AWP
    from tfadv.training.deep_defense import DeepDefense
    from tfadv.training.free import Free

    rng = np.random.default_rng(0)
    x, y = rng.uniform(size=(64, 8, 8, 1)).astype("float32"), rng.integers(0, 3, 64).astype("int32")

    def weights(devices, make):
        strategy = distribute.strategy(devices)
        with strategy.scope():
            trainer = make(build("mlp(hidden=(16,), init=glorot)", (8, 8, 1), 3, seed=1))
            loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
            trainer.compile(keras.optimizers.SGD(0.01, momentum=0.9), loss)
            EMA(0.5).attach(trainer)
        distribute.check(strategy, trainer, 16)
        trainer.fit(x, y, batch_size=16, epochs=2, shuffle=False, verbose=0)
        with trainer.averaged():
            return trainer.classifier.get_weights()

    within = {"attack": PGD(steps=3, random_start=False), "threat": LInf(0.1)}

    def decayed(trainer):
        trainer.weight_decay = 0.05
        return trainer

    makers = {
        "adversarial": lambda m: decayed(Adversarial(m, **within)),
        "deep_defense": lambda m: DeepDefense(m, lam=0.5),
        "awp": lambda m: decayed(AWP(m, gamma=0.1, **within)),
    }
    found = {name: [weights(devices, make) for devices in ("cpu", 2)] for name, make in makers.items()}
    apart = lambda one, two: max(np.abs(a - b).max() for a, b in zip(one, two))
    for name, (one, two) in found.items():
        print("difference", name, apart(one, two))
    print("perturbation", apart(found["awp"][0], found["adversarial"][0]))

    strategy = distribute.strategy(2)
    outside = build("mlp", (8, 8, 1), 3)
    for options in ({"steps_per_execution": 4}, {"jit_compile": True}, {"gradient_accumulation_steps": 2}, {}):
        try:
            distribute.check(strategy, outside, 16, **options)
        except TfadvError as error:
            print("refused", error)
    try:
        distribute.check(strategy, outside, 15)
    except TfadvError as error:
        print("refused", error)

    def starts():
        return PGD(steps=1, step_size=1e-9, keep_best=False)
    with strategy.scope():
        try:
            Free(build("linear", (8, 8, 1), 3), threat=LInf(0.1))
        except TfadvError as error:
            print("refused", error)
        trainer = Adversarial(build("linear", (8, 8, 1), 3), attack=starts(), threat=LInf(0.1))
        trainer.compile(keras.optimizers.SGD(0.1), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    half = tf.constant(np.full((4, 8, 8, 1), 0.5, "float32")), tf.constant([0, 1, 2, 0])
    found = strategy.run(lambda: trainer.craft(*half))
    a, b = strategy.experimental_local_results(found)
    print("replicas differ", float(tf.reduce_max(tf.abs(a - b))) > 0.01)
    """
)


def test_two_devices_train_as_one():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    lines = done.stdout.splitlines()
    differences = {line.split()[1]: float(line.split()[2]) for line in lines if line.startswith("difference")}
    (perturbation,) = (float(line.split()[1]) for line in lines if line.startswith("perturbation"))
    assert differences["adversarial"] < 1e-5 and differences["deep_defense"] < 1e-5
    # Each device perturbs the weights for its own images.
    assert 1e-5 < differences["awp"] < perturbation / 2
    refused = [line for line in lines if line.startswith("refused")]
    assert len(refused) == 6
    for line, part in zip(
        refused,
        (
            "steps_per_execution=4",
            "jit_compile=True",
            "gradient_accumulation_steps=2",
            "scope()",
            "a multiple of 2",
            "works on one device",
        ),
        strict=True,
    ):
        assert part in line
    assert "replicas differ True" in lines


@pytest.mark.parametrize("word", ["tpu", "0", "-1", "1.5"])
def test_other_words_are_refused(word):
    with pytest.raises(TfadvError, match="auto, cpu, gpu or a number"):
        distribute.strategy(word)


def test_too_many_devices_are_refused():
    with pytest.raises(TfadvError, match="at most"):
        distribute.strategy(99)
