"""What is compiled: how often, for whom, how long it is kept, and in which parts a batch goes."""

import gc
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tfadv import FGSM, L2, PGD, DeepFool, LInf, passes, random
from tfadv.attacks import compiled
from tfadv.attacks.compiled import COMPILED, OWNERS, Compiled
from tfadv.attacks.eot import EOT
from toy_models import digits
from trap_models import Noise

WITHIN = LInf(0.1)


def small(units=10):
    return keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(units)])


def strided():
    stack = [layers.Conv2D(4, 3, strides=2, activation="relu"), layers.BatchNormalization(), layers.Flatten()]
    return keras.Sequential([keras.Input((8, 8, 1)), *stack, layers.Dense(10)])


def half():
    half = {"dtype": "mixed_float16"}
    stack = [layers.Conv2D(4, 3, **half), layers.Flatten(), layers.Dense(10, **half)]
    return keras.Sequential([keras.Input((8, 8, 1)), *stack])


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.flatten, self.dense = layers.Flatten(), layers.Dense(10)

    def call(self, x):
        return self.dense(self.flatten(x))


def noisy():
    return keras.Sequential([keras.Input((8, 8, 1)), Noise(0.1), layers.Flatten(), layers.Dense(10)])


@pytest.fixture
def traced(monkeypatch):
    """The models for which something was traced."""
    models, trace = [], Compiled._trace
    monkeypatch.setattr(Compiled, "_trace", lambda self, model, *a: models.append(model) or trace(self, model, *a))
    return models


@pytest.mark.parametrize("make", [small, strided, half, Subclassed])
def test_models_of_one_architecture_are_compiled_once_and_judged_each_by_its_weights(
    make, images, labels, traced, monkeypatch
):
    COMPILED.clear()
    three, attack = [make() for _ in range(3)], PGD(steps=2, loss="margin")
    found = [attack(model, images, labels, threat=WITHIN, batch_size=32) for model in three]
    assert len(traced) == 1 and len({image.tobytes() for image in found}) == 3
    monkeypatch.setattr(compiled.architecture, "forward", lambda *a: (None, None))
    OWNERS.clear()  # each for itself, as if the weights did not say all
    assert np.array_equal(attack(three[1], images, labels, threat=WITHIN, batch_size=32), found[1])
    assert len(traced) == 2


@pytest.fixture(scope="module")
def tidy():
    """What other tests have left is collected once, and not looked through again."""
    gc.collect()
    gc.freeze()


@pytest.mark.usefixtures("tidy")
@pytest.mark.parametrize("make", [small, strided, noisy])
def test_nothing_keeps_a_model_that_is_gone(make, images, labels):
    COMPILED.clear()
    model, before = make(), len(OWNERS)
    for attack in (PGD(steps=2), EOT(attack="fgsm", draws=2)):
        attack(model, images, labels, threat=WITHIN)
    gone = [weakref.ref(part) for part in (model, model.layers[-1], model.layers[-1].kernel)]
    shared = sum(isinstance(key[0], str) for key in COMPILED)
    assert shared == (0 if make is noisy else len(COMPILED))
    del model
    gc.collect()
    assert [part() for part in gone] == [None] * 3 and len(COMPILED) == shared and len(OWNERS) == before


def test_the_oldest_goes_where_too_much_is_kept(images, labels, traced, monkeypatch):
    COMPILED.clear()
    monkeypatch.setattr(compiled, "KEPT", 3)
    model = small()
    for steps in (1, 2, 1, 3, 1, 2):
        PGD(steps=steps)(model, images, labels, threat=WITHIN)
        assert len(COMPILED) <= 3
    assert len(traced) == 4  # the forward pass and two attacks are kept: steps=2 was the oldest when 3 came


@pytest.mark.parametrize("attack", [FGSM(), PGD(steps=2), DeepFool(steps=5)], ids=str)
def test_new_weights_count_without_compiling_anew(attack, images, labels, traced):
    random.seed_python(0)
    model, other = small(), small()
    first = attack(model, images, labels, threat=WITHIN)
    expected = attack(other, images, labels, threat=WITHIN)
    traced.clear()
    model.set_weights(other.get_weights())
    assert not np.array_equal(first, expected)
    assert np.array_equal(attack(model, images, labels, threat=WITHIN), expected) and not traced


def test_a_layer_more_is_another_architecture(images, labels, predict):
    model = small()
    PGD(steps=2)(model, images, labels, threat=WITHIN)
    model.add(layers.Dense(3))
    y = predict(model, images)
    assert (predict(model, PGD(steps=2)(model, images, y, threat=LInf(0.3))) != y).mean() > 0.5


def test_constants_of_a_model_are_part_of_its_architecture(images, labels, predict):
    """An adapted `Normalization` computes with constants that are no variables."""
    six = []
    for shift in (0.0, 0.9):
        normalization = layers.Normalization(axis=None)
        normalization.adapt(images + shift)
        six.append(keras.Sequential([keras.Input((8, 8, 1)), normalization, *small().layers]))
    six[1].set_weights(six[0].get_weights())
    attack = PGD(steps=2, random_start=False)
    owners = [compiled.check_classifier(model, images)[1] for model in six]
    assert all(isinstance(owner, str) for owner in owners) and owners[0] != owners[1]
    assert attack(six[0], images, labels, threat=WITHIN).shape == images.shape


def test_equal_options_share_what_is_compiled(images, labels, traced):
    COMPILED.clear()
    model = small()
    for attack in (
        PGD(steps=2, step_size=1),
        PGD(steps=2, step_size=1.0),
        PGD(steps=np.int64(2), step_size=np.float32(1)),
    ):
        attack(model, images, labels, threat=WITHIN)
        assert str(attack) == "pgd(steps=2, step_size=1.0)"
    assert len(traced) == 1
    PGD(steps=2, step_size=1)(model, images, labels, threat=L2(0.1))
    PGD(steps=2, step_size=1)(model, images, labels, threat=WITHIN, targets=labels)
    assert len(traced) == 3
    assert PGD(steps=1) != FGSM() and PGD(steps=1, momentum=1) != PGD(steps=1)


def test_large_batches_are_attacked_in_halves_which_changes_nothing_but_what_is_random(classifiers):
    model, (x, y) = classifiers("cnn"), (part[:150] for part in digits())
    still, drawn = PGD(steps=2, random_start=False), PGD(steps=1, step_size=1e-6)
    before = np.array(passes.counts())
    whole = still(model, x, y, threat=WITHIN, batch_size=100)  # 50 and 50, and the 50 that are left
    assert (np.array(passes.counts()) - before).tolist() == [3 * 150, 2 * 150]
    parts = [still(model, x[i : i + 50], y[i : i + 50], threat=WITHIN) for i in (0, 50, 100)]
    np.testing.assert_array_equal(whole, np.concatenate(parts))
    same, label = np.repeat(x[:1], 128, axis=0), np.repeat(y[:1], 128)
    for size in (64, 128):
        starts = drawn(model, same, label, threat=WITHIN, batch_size=size).reshape(128, -1)
        assert len(np.unique(starts.round(3), axis=0)) == 128


def test_a_gpu_gets_whole_batches_and_draws_the_same_numbers(classifiers, monkeypatch):
    model, (x, y), calls = classifiers("cnn"), (part[:150] for part in digits()), []
    attack, trace = PGD(steps=2, early_stop=True), Compiled._traced
    on_cpu = attack(model, x, y, threat=WITHIN, batch_size=100)

    def traced(self, model, size, parts):
        run = trace(self, model, size, parts)
        return lambda *given: calls.append([len(part[0]) for part in given[-2]]) or run(*given)

    monkeypatch.setattr(Compiled, "_traced", traced)
    monkeypatch.setattr(compiled, "on_gpu", lambda: True)
    assert np.array_equal(attack(model, x, y, threat=WITHIN, batch_size=100), on_cpu)
    assert calls == [[50, 50], [50]]


def test_it_gives_what_is_compiled_as_it_is_written(images, labels, request):
    model, attack = small(), PGD(steps=2, restarts=2)
    x, y = np.tile(images, (2, 1, 1, 1)), np.tile(labels, 2)  # so many that they are attacked in halves
    expected = attack(model, x, y, threat=WITHIN)
    request.getfixturevalue("eagerly")
    np.testing.assert_allclose(attack(model, x, y, threat=WITHIN), expected, atol=1e-6)


def test_where_one_part_fails_the_rest_is_left_alone(classifiers, images, labels, monkeypatch):
    calls = []

    def fails(seed, number, *given):
        calls.append(int(number))
        raise MemoryError

    monkeypatch.setattr(Compiled, "_traced", lambda *a: fails)
    with pytest.raises(MemoryError):
        PGD(steps=1)(classifiers("cnn"), images, labels, threat=WITHIN, batch_size=4)  # 8 parts
    assert 1 <= len(calls) <= 2


def test_a_model_of_its_own_is_compiled_by_xla_only_for_a_long_run(images, labels, monkeypatch):
    """Forward and backward passes of all images, times weights."""
    jit, function = [], tf.function
    monkeypatch.setattr(tf, "function", lambda *a, **k: jit.append(k.get("jit_compile")) or function(*a, **k))
    monkeypatch.setattr(compiled.architecture, "forward", lambda *a: (None, None))
    model, found = small(), []
    attack, passed = PGD(steps=2), len(images) * sum(PGD(steps=2).cost(10)) * 650
    for worth, used in ((passed, True), (passed + 1, False)):
        monkeypatch.setattr("tfadv.graph.xla.WORTH_COMPILING", worth)
        found.append(attack(model, images, labels, threat=WITHIN, batch_size=32))
        assert (True in jit) is used
        jit.clear()
    np.testing.assert_allclose(*found, atol=1e-6)
