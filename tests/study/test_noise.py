"""Networks that answer at random: the measures without their noise, and what is asked of them once."""

import pytest

from tfadv.data.split import Dataset, Split
from tfadv.defenses import defend
from tfadv.study import Clean, NoiseOff, Unaware, Under, bench


@pytest.fixture(scope="module")
def noisy(classifiers, images, labels):
    """A toy model with so much noise that it is often wrong."""
    split = Split(images, labels)
    model = defend(classifiers("mlp"), "noise(sigma=0.5)")
    return bench.TrainedNetwork(model, Dataset("d", split, split, tuple("0123456789"), ""), 0, [], None)


def test_without_its_noise_it_is_the_network_that_it_is_made_of(noisy, classifiers, images, labels, predict):
    right = predict(classifiers("mlp"), images) == labels
    assert (NoiseOff(Clean())(noisy)["value"] == right).all() and noisy.judge().draws > 1
    assert repr(NoiseOff(Clean("a"), "b")) == repr(NoiseOff(Clean("c"), "d"))


def test_who_does_not_know_of_the_noise_attacks_what_is_behind_it(noisy, classifiers, images, predict, monkeypatch):
    attacked = []
    monkeypatch.setattr(bench.Judge, "attack", lambda self, attack: attacked.append(self.model) or 0 * self.x)
    right = Unaware("fgsm", "linf:0.1")(noisy)["value"]
    [model] = attacked
    assert (predict(model, images) == predict(classifiers("mlp"), images)).all()
    # What the attack made of them, black images, was judged: most are no digit that they should be.
    assert not (right & ~noisy.judge().clean).any() and right.sum() < noisy.judge().clean.sum() / 2


def test_whether_it_is_random_is_found_out_once(noisy, monkeypatch):
    noisy.judge()
    monkeypatch.setattr(bench.ModelTraits, "of", lambda *_: pytest.fail("asked again"))
    assert noisy.first(5).judge("linf:0.1").draws == noisy.judge().draws
    assert len(Under("fgsm", "linf:0.1")(noisy.first(5))["value"]) == 5
