"""A new norm is one file and one line: attacks that work under every norm take it without a change."""

import inspect
import runpy
import sys
import types

import pytest
import tensorflow as tf

from tfadv import threat
from tfadv.attacks import ATTACKS
from tfadv.attacks.base import Attack
from tfadv.attacks.wrapper import AttackWrapper
from tfadv.threat import L2, NORMS

# Those that ask the threat model for all geometry, and what the others are unless they say which norms they know.
EVERYWHERE = [*map(ATTACKS.get, ("fgsm", "pgd", "apgd", "apgd_t", "noise", "autoattack")), AttackWrapper, Attack]


class Twice(L2):
    """Half of the Euclidean length."""

    norm = "twice"

    def length(self, delta):
        return super().length(delta) / 2


@pytest.fixture
def registered(monkeypatch):
    """The norm, for as long as the test runs."""
    monkeypatch.setitem(sys.modules, "twice", types.SimpleNamespace(Twice=Twice))
    monkeypatch.setitem(NORMS.places, "twice", "twice:Twice")


def again(cls):
    """The class as it is read with what is registered now."""
    return runpy.run_path(inspect.getfile(cls))[cls.__name__]


@pytest.mark.parametrize("cls", EVERYWHERE)
def test_a_new_norm_is_taken(cls, registered):
    assert "twice" not in cls.norms and "twice" in again(cls).norms
    assert set(again(cls).norms) == set(NORMS if cls is not Attack else threat.balls())


def test_it_is_read_and_measured(registered):
    found = threat.parse("twice:0.5")
    assert str(found) == "twice:0.5" and found.distance(tf.ones((2, 4)), tf.zeros((2, 4))).numpy().tolist() == [1, 1]
