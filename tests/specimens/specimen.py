"""What a specimen is, and how the attacks on it are put together."""

import typing
from collections.abc import Callable
from unittest import mock

import keras
import numpy as np

from specimens.by_hand import strongest
from tfadv import passes, threat
from tfadv.data import datasets
from tfadv.evaluation.diagnostics import Diagnostics
from tfadv.evaluation.evaluate import evaluate
from tfadv.evaluation.judge import Judge
from tfadv.evaluation.traits import ModelTraits

IMAGES = 60  # on which `figures.py` was measured
THREAT = "linf:0.2"  # the base network keeps half of the images, and was trained at 0.15


class Specimen(typing.NamedTuple):
    """A model, what its attacker may do, and the best attack that was written by hand for it.

    Attributes:
        build: makes the model, once a session.
        threat: the spec of a threat model under which the base network keeps 30 to 70 % of the images.
        hand_made: (model, x, y, threat) to adversarial images.
    """

    build: Callable[[], keras.Model]
    threat: str
    hand_made: Callable[..., np.ndarray]


def images(n=IMAGES):
    """Test images that no network here was trained on, (n, 8, 8, 1), and their labels."""
    split = datasets.load("digits").test.spread(n)
    return split.x, split.y


def left_by_hand(specimen, model, x, y):
    """What the attack written by hand leaves, and which images were right before it: both (n,) bool.

    Of a random model as an evaluation judges it: what few passes find fooled, a hundred confirm.
    """
    budget, traits = threat.parse(specimen.threat), ModelTraits.of(model, x)
    judge = Judge(model, x, y, budget, draws=traits.draws, jitter=traits.jitter)
    x_adv = specimen.hand_made(model, x, y, budget)
    if not np.all(budget.contains(x_adv, x)):
        raise AssertionError("the attack left the ball")
    return judge.clean & judge.outcomes(x_adv).right, judge.clean


def judged(specimen, n=IMAGES, **options):
    """What `evaluate` finds, and what its own choices cost: passes over those of the standard ensemble, less 1.

    What follows the attacks is not counted.
    """
    counts, facts = [sum(passes.counts())], Diagnostics.facts

    def counted(self):
        counts.append(sum(passes.counts()))
        return facts(self)

    with mock.patch.object(Diagnostics, "facts", counted):
        result = evaluate(specimen.build(), datasets.load("digits"), threat=specimen.threat, n=n, **options)
    counts.append(sum(passes.counts()))
    standard = sum(row["gradients"] + row["forwards"] for row in result.attacks if row["why"] is None)
    return result, (counts[1] - counts[0]) / max(standard, 1) - 1


def following(*surrogates, **options):
    """The attack that follows the gradients of each surrogate in turn, with steps, goals and restarts of `strongest`.

    Args:
        surrogates: functions of the model that return a function of images to logits, as a nested model is.
    """

    def hand_made(model, x, y, threat):
        return strongest(model, x, y, threat, [surrogate(model) for surrogate in surrogates], **options)

    return hand_made


def itself(model):
    """The model's own gradient."""
    return model


def part(name):
    """The model's layer or nested model of this name."""
    return lambda model: model.get_layer(name)
