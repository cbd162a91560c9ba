"""Ensembles: the mean answer of several classifiers.

Lakshminarayanan, Pritzel, Blundell: Simple and Scalable Predictive Uncertainty Estimation using Deep Ensembles, 2017.
Not random: an attacker follows the gradient of the mean.
"""

from collections.abc import Sequence

import keras
from keras import ops

from tfadv.defenses import votes as voting
from tfadv.errors import invalid
from tfadv.graph.structure import is_graph
from tfadv.remedies import size_of


def ensemble(classifiers: Sequence[keras.Model], *, mean: str = "probabilities") -> keras.Model:
    """1/m sum_j p_j(y | x) of m classifiers of the same images and classes.

    Args:
        classifiers: at least two, images (n, h, w, c) to logits (n, classes).
        mean: of `"logits"`, `"probabilities"`, or counted `"votes"`.

    Raises:
        TfadvError: for fewer than two classifiers, one given twice, different images or classes, and another mean.

    >>> ensemble([one, other])  # doctest: +SKIP
    """
    voting.check(1, mean)
    if len({id(member) for member in classifiers}) < max(2, len(classifiers)):
        raise invalid("an ensemble", "at least two classifiers, each once", [member.name for member in classifiers])
    if len({(member.input_shape[1:], member.output_shape[-1]) for member in classifiers}) > 1:
        hint = "leave out those that differ, or train them on the same data."
        given = "; ".join(f"{number}. {_kind(member)}" for number, member in enumerate(classifiers, 1))
        raise invalid("an ensemble", "members for images of one shape with the same number of outputs", given, hint)
    inputs = keras.Input(classifiers[0].input_shape[1:])
    members = [_named(member, f"member_{number}") for number, member in enumerate(classifiers)]
    answers = ops.stack([member(inputs) for member in members], axis=1)
    return keras.Model(inputs, voting.joined(answers, mean), name="ensemble")


def _kind(member):
    return f"{member.name!r} for {size_of(member.input_shape[1:])} with {member.output_shape[-1]}"


def _named(member, name):
    """The same classifier under this name: Keras wants no name twice in a model."""
    return keras.Model(member.inputs[0], member.outputs[0], name=name) if is_graph(member) else member
