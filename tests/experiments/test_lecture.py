"""Danskin's gradient against a loss that is known in closed form."""

import numpy as np

from tfadv.data.split import Dataset, Split
from tfadv.experiments.lecture.envelope import Envelope, norm
from tfadv.study.bench import TrainedNetwork


def network(classifiers, name, images, labels):
    split = Split(images, labels)
    return TrainedNetwork(classifiers(name), Dataset("d", split, split, tuple("0123456789"), ""), 0, [], None)


def test_the_gradient_at_the_maximizer_is_that_of_the_worst_case_loss_of_a_linear_model(classifiers, images, labels):
    before = classifiers("linear").get_weights()
    arrays = Envelope("fgsm", "linf:0.1", n=32, directions=4)(network(classifiers, "linear", images, labels))
    assert arrays["value"].mean() < 0.05 and np.abs(arrays["told"]).min() > 0.1
    assert all((a == b).all() for a, b in zip(before, classifiers("linear").get_weights(), strict=True))


def test_two_attacks_are_asked_along_the_same_directions(classifiers, images, labels, monkeypatch):
    from tfadv.experiments.lecture import envelope

    before, found = classifiers("linear").get_weights(), []
    monkeypatch.setattr(envelope, "worst_loss", lambda judge, attack: found.append(judge.model.get_weights()) or 0.0)
    for attack, along in (("fgsm", None), ("pgd(steps=1)", None), ("pgd(steps=1)", "fgsm")):
        Envelope(attack, "linf:0.1", n=32, directions=1, along=along)(network(classifiers, "linear", images, labels))
    of = [side[0] - before[0] for side in found[::2]]
    assert np.array_equal(of[0], of[2]) and not np.array_equal(of[0], of[1])


def test_the_gradient_at_clean_images_is_not(classifiers, images, labels, monkeypatch):
    from tfadv.experiments.lecture import envelope

    found = envelope.gradient_at
    clean = lambda judge, attack: found(judge, "pgd(steps=1, step_size=1e-06, random_start=False)")  # noqa: E731
    monkeypatch.setattr(envelope, "gradient_at", clean)
    arrays = Envelope("fgsm", "linf:0.1", n=32, directions=4)(network(classifiers, "linear", images, labels))
    assert arrays["value"].mean() > 0.1


def test_the_length_of_several_arrays_together():
    assert norm([np.array([3.0]), np.array([[0.0, 4.0]])]) == 5.0
