"""The attack on a smoother twin."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from tfadv import attacks
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


def test_an_attack_on_a_substitute_has_no_model_to_take_apart(images, labels):
    attack = attacks.get("transfer(attack=twin(attack=fgsm), rounds=0)")
    with pytest.raises(TfadvError, match="twin: expected a model to take apart"):
        attack(classifier("mlp"), images, labels, threat=LInf(0.1))
