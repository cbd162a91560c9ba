"""Classifiers for pixels in 0 to 255 are refused, with the line that makes them honest ones; others never are."""

import keras
import numpy as np
import pytest
from keras import layers

from tfadv.errors import TfadvError
from tfadv.evaluation import metrics
from tfadv.evaluation.evaluate import LOOKING, evaluate
from tfadv.evaluation.scale import check_scale
from tfadv.graph.structure import expects_bytes
from toy_models import MODELS
from trap_models import trap

SHAPE = (8, 8, 1)


def for_bytes(mlp):
    return keras.Sequential([keras.Input(SHAPE), layers.Cropping2D(0), layers.Rescaling(1 / 255), mlp])


def trained_on_bytes(mlp):
    """The same scale, which nothing tells: it is in the weights."""
    model = keras.models.clone_model(mlp)
    model.set_weights([mlp.get_weights()[0] / 255, *mlp.get_weights()[1:]])
    return model


def of_uint8(mlp):
    inputs = keras.Input(SHAPE, dtype="uint8")
    return keras.Model(inputs, mlp(layers.Rescaling(1 / 255)(inputs)))


@pytest.mark.parametrize(
    ("make", "told"),
    [(for_bytes, "Rescaling layer"), (trained_on_bytes, None), (of_uint8, "input of type uint8")],
)
def test_models_for_bytes_are_refused_and_the_advice_mends_them(classifiers, images, labels, make, told):
    model = make(classifiers("mlp"))
    assert expects_bytes(model) == told
    with pytest.raises(TfadvError, match="0 to 255") as refused:
        check_scale(model, images, labels)
    assert (told or "right about") in str(refused.value)
    line = str(refused.value).partition("model = ")[2].rstrip(".")
    wrapped = eval(line, {"keras": keras, "model": model})
    check_scale(wrapped, images, labels)
    assert expects_bytes(wrapped) is None
    assert metrics.correct(wrapped, images, labels).mean() > 0.8


def test_honest_models_are_not(classifiers, images, labels):
    of_ten_classes = [classifiers(name) for name in MODELS if name not in ("two_classes", "autoencoder", "vae")]
    for model in (*of_ten_classes, trap("quantized"), trap("noisy")):
        check_scale(model, images, labels)
    # In [0, 1] it is as good, whatever its layer says.
    wide = keras.Sequential([keras.Input(SHAPE), layers.Rescaling(1 / 20), layers.Rescaling(20), classifiers("mlp")])
    assert expects_bytes(wide)
    check_scale(wide, images, labels)


def test_a_random_model_draws_next_what_it_would_have_drawn(images, labels):
    noisy = trap("noisy")
    seeds = [np.array(variable) for variable in noisy.non_trainable_variables]
    check_scale(noisy, images, labels)
    for before, after in zip(seeds, noisy.non_trainable_variables, strict=True):
        np.testing.assert_array_equal(before, after)


def test_it_is_said_before_any_attack_and_can_be_overruled(classifiers, dataset, monkeypatch):
    model, said = for_bytes(classifiers("mlp")), []
    options = {"threat": "linf:0.1", "attacks": "fgsm", "progress": lambda *event: said.append(event)}
    with pytest.raises(TfadvError, match="Rescaling\\(255\\)"):
        evaluate(model, dataset, **options)
    assert [what for what, *_ in said] == [LOOKING[0]]
    assert evaluate(model, dataset, **options, any_scale=True, diagnostics=False).clean_accuracy < 0.6
