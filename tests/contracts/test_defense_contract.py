"""What holds for every registered defense."""

import keras
import numpy as np
import pytest

from tfadv import validation
from tfadv.defenses import DEFENSES, defend
from tfadv.errors import TfadvError
from tfadv.evaluation.traits import ModelTraits
from tfadv.models import classifier
from toy_models import classifier as toy

# A spec of each, and what it is put around.
SPECS = {
    "noise": ("noise(sigma=0.05, votes=3)", ("cnn",)),
    "mc_dropout": ("mc_dropout(votes=3)", ("batchnorm_dropout",)),
    "smoothed": ("smoothed(sigma=0.1, votes=20)", ("cnn",)),
    "ensemble": ("ensemble", ("cnn", "mlp")),
    "low_rank": ("low_rank(share=0.2)", ("cnn",)),
    "encoded": ("encoded", ("cnn", "autoencoder")),
    "projected": ("projected(steps=40)", ("cnn", "autoencoder")),
}
RANDOM = ("noise", "mc_dropout", "smoothed")
# Those that join several answers to an image, and those with weights of their own.
VOTING = ("noise", "mc_dropout", "ensemble")
COPIES = ("low_rank",)
every_defense = pytest.mark.parametrize("name", DEFENSES)


def defended(name, **options):
    text, members = SPECS[name]
    more = ", ".join(f"{key}={value}" for key, value in options.items())
    text = text if not more else f"{text[:-1]}, {more})" if "(" in text else f"{text}({more})"
    members = [toy(member) for member in members]
    return defend(members if len(members) > 1 else members[0], text)


@pytest.mark.parametrize(
    ("name", "options"),
    [(name, {"mean": mean}) for name in VOTING for mean in ("logits", "probabilities", "votes")]
    + [(name, {}) for name in DEFENSES if name not in VOTING],
    ids=str,
)
def test_maps_images_to_logits_that_know_the_digits(name, options, images, labels):
    model = defended(name, **options)
    assert isinstance(model, keras.Model) and model.output.dtype == "float32"
    classes = 11 if validation.abstains(model) else 10
    assert model.output_shape == (None, classes) and validation.classifier(model, images) == classes
    assert np.mean(model(images).numpy().argmax(axis=1) == labels) > 0.6


@every_defense
def test_reloads_and_answers_the_same(name, images, tmp_path):
    model = defended(name)
    model.save(tmp_path / "model.keras")
    assert np.allclose(classifier.load(tmp_path)(images), model(images), atol=1e-5)


@every_defense
def test_the_classifier_is_left_as_it_was_and_shares_its_weights_unless_they_change(name, images):
    base = toy(SPECS[name][1][0])
    before = base(images)
    model = defended(name)
    model(images)
    assert np.array_equal(base(images), before)
    shared = {id(weight) for weight in base.weights} & {id(weight) for weight in model.weights}
    assert len(shared) == (0 if name in COPIES else len(base.weights))


@every_defense
def test_the_judge_knows_whether_it_is_random_and_finds_gradients(name, images):
    traits = ModelTraits.of(defended(name), images)
    assert traits.random is (name in RANDOM) and traits.differentiable
    assert (traits.noise is not None) is (name in RANDOM)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [(name, "mean=median", "mean: expected logits or") for name in VOTING]
    + [("smoothed", "votes=0", "votes: expected")]
    + [(name, "sig=1", "no option") for name in DEFENSES],
)
def test_refuses_in_one_sentence(name, options, message):
    with pytest.raises(TfadvError, match=message) as error:
        defend([toy(member) for member in SPECS[name][1]], f"{name}({'sigma=1, ' * (name == 'noise')}{options})")
    assert "\n" not in str(error.value)
