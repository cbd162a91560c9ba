import keras
import numpy as np
import pytest
from keras import layers, ops

from tfadv import as_logits_model, validation
from tfadv.errors import TfadvError
from tfadv.models import classifier

X = np.random.default_rng(0).uniform(0, 1, (5, 8, 8, 1)).astype("float32")


def head(*stack):
    return keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), *stack])


def functional(squash):
    x = keras.Input((8, 8, 1))
    return keras.Model(x, squash(layers.Dense(6)(layers.Flatten()(x))))


def layer_added_later():
    """The layer that is listed last is not the one that gives the output."""
    model = functional(layers.Softmax())
    model.unused = layers.Dense(6)
    return model


ENDINGS = {
    "dense": lambda: head(layers.Dense(6, activation="softmax")),
    "layer": lambda: head(layers.Dense(6), layers.Softmax()),
    "activation": lambda: head(layers.Dense(6), layers.Activation("softmax")),
    "function": lambda: functional(keras.activations.softmax),
    "operation": lambda: functional(ops.softmax),
    "nested": lambda: keras.Sequential([keras.Input((8, 8, 1)), head(layers.Dense(6, activation="softmax"))]),
    "extra layer": layer_added_later,
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_takes_the_softmax_off(ending, recwarn):
    model = ENDINGS[ending]()
    with pytest.raises(TfadvError, match="as_logits_model"):
        validation.classifier(model, X)
    logits = as_logits_model(model)
    z = logits(X).numpy()
    assert np.allclose(ops.softmax(z), model(X), atol=1e-6) and not np.allclose(z.sum(1), 1)
    assert validation.classifier(logits, X) == 6 and not recwarn.list


def test_takes_the_sigmoid_off():
    model = head(layers.Dense(6, activation="sigmoid"))
    assert np.allclose(ops.sigmoid(as_logits_model(model)(X)), model(X), atol=1e-6)


@pytest.mark.parametrize("own", [True, False])
def test_one_sigmoid_unit_becomes_two_logits(own, tmp_path):
    sigmoid = [layers.Dense(1, activation="sigmoid")] if own else [layers.Dense(1), layers.Activation("sigmoid")]
    model = head(*sigmoid)
    logits = as_logits_model(model)
    z = logits(X).numpy()
    assert validation.classifier(logits, X) == 2 and not z[:, 0].any()
    assert np.allclose(ops.softmax(z)[:, 1:], model(X), atol=1e-6)
    logits.save(tmp_path / "model.keras")
    assert np.array_equal(classifier.load(tmp_path)(X), z)


def test_one_unit_without_a_sigmoid_is_the_second_logit():
    model = head(layers.Dense(1))
    assert np.array_equal(as_logits_model(model)(X), np.pad(model(X), ((0, 0), (1, 0))))


def test_several_outputs_have_no_end_to_take_a_softmax_off():
    x = keras.Input((4,))
    model = keras.Model(x, {"a": layers.Dense(2)(x), "logits": layers.Dense(3, activation="softmax")(x)})
    with pytest.raises(TfadvError, match=r"model.output\['logits'\]"):
        as_logits_model(model)


def test_probabilities_that_no_last_layer_makes_become_their_logarithms():
    x = keras.Input((8, 8, 1))
    members = [head(layers.Dense(6, activation="softmax")) for _ in range(2)]
    mean = keras.Model(x, layers.Average()([member(x) for member in members]))
    with pytest.raises(TfadvError, match="sum to 1.*as_logits_model"):
        validation.classifier(mean, X)
    logits = as_logits_model(mean)
    assert np.allclose(ops.softmax(logits(X)), mean(X), atol=1e-6) and validation.classifier(logits, X) == 6


def test_leaves_logits_and_subclassed_models_alone():
    with pytest.raises(TfadvError, match="return logits already"):
        as_logits_model(head(layers.Dense(6)))

    class Own(keras.Model):
        def call(self, x):
            return x

    class Negative(keras.Sequential):
        def call(self, x, training=None, mask=None):
            return super().call(1 - x)

    negative = Negative([keras.Input((4,)), layers.Dense(3, activation="softmax")])
    for model in (Own(), negative):
        with pytest.raises(TfadvError, match="return logits from your own class"):
            as_logits_model(model)
