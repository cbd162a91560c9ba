import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from tfadv import LInf, attacks, gradients, losses
from tfadv.attacks.bpda import BPDA
from tfadv.errors import TfadvError
from tfadv.graph import rebuild
from tfadv.graph.straight_through import straight_through
from toy_models import digits
from trap_models import LEVELS, Cut, Quantize, Thermometer, WrongSign, behind, drawing_anew, network, trap

BEHIND_A_LAYER = ["quantized", "thermometer", "wrong_sign", "cut", "drowned", "not_a_number"]
FOUND = ["quantized", "thermometer", "cut", "not_a_number"]
WITHIN = LInf(0.2)


def gradient(model, x, y):
    return gradients.logits_and_gradient(gradients.logits_of(model), tf.constant(x), lambda z: losses.margin(y, z))[2]


def nested(layer=Quantize):
    """The layer in a model that is called by a model, twice."""
    inner = keras.Sequential(
        [keras.Input((8, 8, 1)), layer(name="trap"), layers.Flatten(), layers.Dense(10)], name="inner"
    )
    x = keras.Input((8, 8, 1))
    return keras.Model(x, layers.Add()([inner(x), inner(x / 2)]))


@pytest.mark.parametrize("name", BEHIND_A_LAYER)
def test_outputs_are_the_models_bit_for_bit(name, images):
    model, x = trap(name), images * 0.93 + 0.02  # which rounding changes
    assert np.array_equal(straight_through(model, "trap")(x), model(x))


def test_gradient_is_that_of_the_network_at_the_layers_output(images, labels):
    """BPDA with the identity: grad f(g(x)) ~ grad f(v) at v = g(x)."""
    x = images + 0.01 * np.sin(np.arange(images.size)).reshape(images.shape).astype("float32")
    for layer in (Quantize(), Cut(), WrongSign()):
        found = gradient(straight_through(behind(layer, network()), "trap"), x, labels)
        assert np.allclose(found, gradient(network(), layer(x), labels), atol=1e-6) and np.any(found)


def test_gradient_is_that_of_the_surrogate(images, labels):
    """Of the layer's own, of a function, of a Keras layer."""
    x = images * 0.93 + 0.02
    halved = gradient(network(), Quantize()(x), labels) / 2
    model = behind(Quantize(), network())
    assert np.allclose(gradient(straight_through(model, "trap", lambda x: x / 2), x, labels), halved, atol=1e-6)
    assert np.allclose(gradient(straight_through(model, "trap", layers.Rescaling(0.5)), x, labels), halved, atol=1e-6)
    model.get_layer("trap").surrogate = lambda x: x / 2
    assert np.allclose(gradient(straight_through(model, ("trap",)), x, labels), halved, atol=1e-6)

    codes = Thermometer()
    rest = keras.Sequential(trap("thermometer").layers[1:])
    with tf.GradientTape() as tape:
        tape.watch(variable := tf.constant(x))
        smooth = codes.surrogate(variable)
    upstream = gradient(rest, codes(x), labels)
    expected = tape.gradient(smooth, variable, upstream)
    found = gradient(straight_through(trap("thermometer"), "trap"), x, labels)
    assert np.allclose(found, expected, atol=1e-4) and np.any(found)


@pytest.mark.parametrize("name", [*BEHIND_A_LAYER, "saturated", "noisy"])
def test_finds_the_layers_that_let_no_gradient_pass(name):
    assert rebuild.blocking(trap(name)) == (("trap",) if name in FOUND else ())


@pytest.mark.parametrize("name", ["linear", "mlp", "cnn", "batchnorm_dropout", "constant", "nan_gradients", "softmax"])
def test_finds_nothing_where_there_is_nothing(name, classifiers):
    assert rebuild.blocking(classifiers(name)) == ()


def test_finds_operations_that_are_no_layers_and_those_of_free_size():
    x = keras.Input((None, None, 3))
    rounded = ops.round(4 * x) / 4
    model = keras.Model(x, layers.Dense(5)(layers.GlobalMaxPooling2D()(layers.Conv2D(2, 3)(rounded))))
    [name] = rebuild.blocking(model)
    assert "round" in name and np.any(
        gradient(straight_through(model, name), np.random.rand(2, 9, 9, 3), np.zeros(2, int))
    )


def test_looks_into_nested_models(images, labels):
    model = nested()
    assert not np.any(gradient(model, images, labels))
    assert "trap" in rebuild.names(model)
    assert rebuild.blocking(model) == ("trap",)
    replaced = straight_through(model, "trap")
    assert np.array_equal(replaced(images), model(images)) and np.any(gradient(replaced, images, labels))


def test_a_nested_model_may_be_replaced_as_a_whole(images, labels):
    """Integers in the middle let no gradient pass, whatever is done around them."""
    x = keras.Input((8, 8, 1))
    steps = keras.Model(x, ops.cast(ops.cast(x * LEVELS, "int32"), "float32") / LEVELS, name="steps")
    model = keras.Model(x, network()(steps(x)))
    inner = rebuild.blocking(model)[0]
    with pytest.raises(TfadvError, match=rf"{inner}.* gives no floats.*make one model of it"):
        straight_through(model, inner)
    found = gradient(straight_through(model, "steps"), images, labels)
    assert np.allclose(found, gradient(network(), steps(images), labels), atol=1e-6)


def test_shares_weights_and_leaves_the_model_as_it_was(images, labels, tmp_path):
    model = behind(Quantize(), keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(10)]))
    before = model.to_json()
    replaced = straight_through(model, "trap")
    model.set_weights([w + 1 for w in model.get_weights()])
    assert np.array_equal(replaced(images), model(images))
    assert model.to_json() == before and not np.any(gradient(model, images, labels))
    model.save(tmp_path / "model.keras")
    for _ in range(2):  # what was built once more must not get in the way
        assert straight_through(model, "trap")(images).shape == (32, 10)


def test_leaves_random_layers_their_seeds(images):
    model = trap("noisy")
    state = [np.array(v) for v in model.variables]
    rebuild.blocking(model)
    assert all(np.array_equal(old, new) for old, new in zip(state, model.variables, strict=True))


class Subclassed(keras.Model):
    def call(self, x):
        return ops.round(x)


def test_says_what_it_cannot_do(images, labels):
    model = trap("quantized")
    with pytest.raises(
        TfadvError, match=r"bpda: layers: expected names of the model's layers \(trap, .*received 'quantise'"
    ):
        attacks.get("bpda(layers=quantise)")(model, images, labels, threat=WITHIN)
    with pytest.raises(TfadvError, match="cannot look into .*a subclassed Subclassed: build it"):
        straight_through(Subclassed(), "trap")
    with pytest.raises(TfadvError, match="makes 8x8x1 of 8x8x1, so its surrogate, which gives 8x8x2, is no"):
        straight_through(model, "trap", lambda x: ops.concatenate([x, x], axis=-1))
    for nothing in ((), 3, ("trap", 3)):
        with pytest.raises(TfadvError, match="bpda: layers: expected the name of a layer, or several"):
            BPDA(layers=nothing)


class Codes(Thermometer):
    """Without a surrogate of its own."""

    surrogate = None


def test_a_layer_that_changes_the_shape_gets_a_smooth_surrogate(images, labels):
    x = keras.Input((8, 8, 1))
    model = keras.Model(x, layers.Dense(10)(layers.Flatten()(Codes(name="trap")(x))))
    replaced = straight_through(model, "trap")
    assert np.array_equal(replaced(images), model(images))
    assert np.any(gradient(replaced, images, labels)) and not np.any(gradient(model, images, labels))


@pytest.fixture(scope="module")
def many():
    return digits()[0][1000:1100], digits()[1][1000:1100]


def accuracy(model, x, y):
    return np.mean(model(x, training=False).numpy().argmax(axis=1) == y)


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize("name", BEHIND_A_LAYER)
def test_breaks_what_plain_gradients_do_not(name, many):
    x, y = (part[:60] for part in many)  # not attacked in halves, whose threads draw noise in any order
    model = drawing_anew(trap(name))
    plain, named, found = (
        accuracy(model, attacks.get(spec)(model, x, y, threat=WITHIN), y)
        for spec in (
            "pgd(steps=10)", "bpda(attack=pgd(steps=10), layers=trap)", "bpda(attack=pgd(steps=10))",
        )
    )  # fmt: skip
    assert plain > 0.7 and named < 0.2
    assert found < 0.2 if name in FOUND else found > 0.7, "nobody finds a gradient that is there and misleads"
