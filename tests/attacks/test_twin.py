"""The attack on a smoother twin."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from tfadv import attacks
from tfadv.attacks.twin import TwinProblem
from tfadv.errors import TfadvError
from tfadv.graph import inside
from tfadv.threat import LInf
from toy_models import classifier
from trap_models import trap

TWIN = "twin(attack=pgd(steps=10))"


@pytest.mark.parametrize("name", ["quantized", "wrong_sign", "cut", "not_a_number"])
def test_sees_through_what_hides_the_gradient(name, images, labels, predict):
    model = trap(name)
    right = predict(model, images) == labels
    x_adv = attacks.get(TWIN)(model, images, labels, threat=LInf(0.2))
    assert np.mean(predict(model, x_adv)[right] == labels[right]) < 0.3


def test_is_led_by_networks_inside_and_stops_where_the_whole_is_fooled(images, labels, predict):
    mlp = classifier("mlp")
    model = keras.Model(mlp.input, layers.Lambda(lambda z: 9 * ops.one_hot(ops.argmax(z, axis=-1), 10))(mlp.output))
    place = inside.contents(model, (8, 8, 1), 10).networks[0]
    twin = attacks.get(f"twin(attack=pgd(steps=10, early_stop=True), networks={place.number})")
    plain = attacks.get("pgd(steps=10, early_stop=True)")
    led, own = (attack(of, images, labels, threat=LInf(0.1)) for attack, of in ((twin, model), (plain, mlp)))
    assert np.array_equal(predict(model, led), predict(mlp, led))
    withstood = [np.mean(predict(mlp, x_adv) == labels) for x_adv in (led, own)]
    assert abs(withstood[0] - withstood[1]) < 0.1 and withstood[0] < np.mean(predict(mlp, images) == labels) - 0.3


class Guard(layers.Layer):
    """A network that is called through Python: no gradient, and nothing of it in the traced graph."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def call(self, x):
        logits = tf.numpy_function(lambda x: self.network(x).numpy(), [x], tf.float32)
        return tf.ensure_shape(logits, self.network.output_shape)

    def compute_output_shape(self, shape):
        return (shape[0], self.network.output_shape[-1])


def test_is_led_by_a_classifier_that_an_attribute_holds(images, labels, predict):
    mlp, x = classifier("mlp"), keras.Input((8, 8, 1))
    guard = Guard(mlp)
    model = keras.Model(x, guard(x))
    led, own = (
        attacks.get(spec)(of, images, labels, threat=LInf(0.1))
        for spec, of in ((f'twin(attack=pgd(steps=3), held="{guard.name}.network")', model), ("pgd(steps=3)", mlp))
    )
    fooled = [np.mean(predict(mlp, x_adv) != labels) for x_adv in (led, own)]
    assert fooled[0] > np.mean(predict(mlp, images) != labels) + 0.3 and abs(fooled[0] - fooled[1]) < 0.15


class Clip(layers.Layer):
    """Logits up to 30; it holds another network, which it does not use."""

    def __init__(self, other):
        super().__init__(name="clip")
        self.other = other

    def call(self, z):
        return ops.minimum(z, 30.0)


@pytest.fixture(scope="module")
def guarded():
    """An image is rounded, a network says what it shows, and the logits are clipped."""
    x = keras.Input((8, 8, 1))
    return keras.Model(x, Clip(classifier("two_classes"))(classifier("mlp")(ops.round(16 * x) / 16)))


@pytest.mark.parametrize(
    ("options", "said"),
    {
        "networks=99999": r"twin: networks: expected numbers of networks inside \(\d+ \(.*BiasAdd\)\), received 99999",
        "skip=99999": r"twin: skip: expected numbers of images made of the image \(\d+ \(.*\)\), received 99999",
        "held=elsewhere": r"twin: held: expected the path to a classifier in the model \(.*, clip\.other\), received '",
        'held="clip.other"': r"twin: expected a network with 10 logits to attack, received one with outputs \(None, 2",
    }.items(),
)
def test_says_which_parts_there_are(guarded, options, said, images, labels):
    with pytest.raises(TfadvError, match=said):
        attacks.get(f"twin(attack=fgsm, {options})")(guarded, images, labels, threat=LInf(0.1))


def test_a_plain_network_has_no_parts(images, labels):
    for options in ("networks=3", "skip=3"):
        with pytest.raises(TfadvError, match="expected nothing, as the model has no .*, received"):
            attacks.get(f"twin(attack=fgsm, {options})")(classifier("mlp"), images, labels, threat=LInf(0.1))


def test_behind_noise_only_a_margin_beyond_luck_has_won():
    """The slack of an expectation holds while a twin leads."""
    z = tf.constant([[0.0, 0.3], [0.0, 0.7]])
    parts = {"logits_fn": None, "x": tf.zeros((2, 1, 1, 1)), "labels": tf.zeros(2, tf.int32)}
    assert TwinProblem(**parts).reached(z).numpy().tolist() == [True, True]
    assert TwinProblem(**parts, slack=tf.constant(0.5)).reached(z).numpy().tolist() == [False, True]


def test_an_attack_on_a_substitute_has_no_model_to_take_apart(images, labels):
    attack = attacks.get("transfer(attack=twin(attack=fgsm), rounds=0)")
    with pytest.raises(TfadvError, match="twin: expected a model to take apart"):
        attack(classifier("mlp"), images, labels, threat=LInf(0.1))
