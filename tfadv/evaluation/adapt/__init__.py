"""The judge adapts itself: further attacks, chosen by what the model is and by what the standard ones met.

One function a kind of sign: a `Met`, what is known so far, to a list of pairs of an attack's spec and the sentence
that says why. Each sees what the members chosen before it have left. Signs are cheap to
read, and an honest network shows none. Tramer, Carlini, Brendel, Madry: On Adaptive Attacks to Adversarial Example
Defenses, 2020.
"""

import functools

import tensorflow as tf

from tfadv import attacks
from tfadv.errors import reason
from tfadv.evaluation.adapt import masked, networks
from tfadv.evaluation.adapt.met import Met

SIGNS = (
    masked.hard_operations,
    networks.networks_inside,
    masked.remade_images,
    masked.saturated_parts,
    masked.rugged_loss,
)


# What Keras and TensorFlow raise where a model cannot be traced, or taken apart.
UNREADABLE = (ValueError, TypeError, LookupError, NotImplementedError, tf.errors.OpError)


def adapt(run, traits, known=lambda name, compute: compute()):
    """Add to an `AttackRun` what the signs choose, one after another; an interrupted run takes the same ones again.

    Args:
        known: as `Met` takes it.

    Returns:
        Why some signs could not be read, a sentence; None where all were.
    """
    met, failed = Met(run, traits, known), None
    for sign in SIGNS:
        read = run.journal.part(f"chosen by {sign.__name__}", functools.partial(_read, sign, met))
        failed = failed or read["failed"]
        for spec, why in read["chosen"]:
            if run.robust.any() or len(run.rows) > len(run.members):
                run.add(attacks.get(spec), why)
    return failed


def _read(sign, met):
    """What one sign chooses, and why it could not be read, if so."""
    if not met.run.robust.any():
        return {"chosen": [], "failed": None}
    try:
        return {"chosen": sign(met), "failed": None}
    except UNREADABLE as error:
        return {"chosen": [], "failed": f"The model could not be taken apart: {reason(error)}"}
