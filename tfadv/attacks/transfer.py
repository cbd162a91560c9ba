"""Transfer: what fools one classifier is tried on another, of which nothing is known.

Papernot, McDaniel, Goodfellow: Transferability in Machine Learning, 2016.
"""

import dataclasses
import typing
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from tfadv import gradients, random, validation
from tfadv.attacks import substitute
from tfadv.attacks.loops import together
from tfadv.attacks.options import check_whole
from tfadv.attacks.problem import Problem
from tfadv.attacks.wrapper import AttackWrapper
from tfadv.errors import TfadvError, invalid
from tfadv.passes import Passes
from tfadv.registry import Registry

# Attacks know no models, so how a file becomes one is looked up by name.
FILES = Registry("file", {"find": "tfadv.models.classifier:find", "load": "tfadv.models.classifier:load"})
LOADED = {}


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class Transfer(AttackWrapper):
    """Another attack, run on a substitute for the model; the model itself says only whether it worked.

    Args:
        attack: what is run on the substitute, an attack or its spec. It does not stop where the substitute is fooled:
            the higher its loss, the more transfers.
        source: the substitute: a `.keras` file, a directory with a `model.keras`, or a `keras.Model`. None trains a
            small one for each batch, on its images and on others made of them, as the model labels them.
        rounds: how often the images that a substitute learns from double.

    >>> Transfer(attack="apgd(loss=dlr)", source="runs/other")(model, x, y, threat=LInf(8 / 255))  # doctest: +SKIP
    """

    # The substitute sees images; the attack within may take them apart.
    on_rows: typing.ClassVar[bool] = False
    on_images: typing.ClassVar[bool] = False
    xla_compatible: typing.ClassVar[bool] = False
    black_box: typing.ClassVar[bool] = True
    decision_based: typing.ClassVar[bool] = True
    seeded: typing.ClassVar[bool] = True

    source: str | keras.Model | None = None
    rounds: int = 3

    def __post_init__(self):
        super().__post_init__()
        check_whole(self, "rounds", least=0)
        if self.source is None or isinstance(self.source, keras.Model):
            return
        wanted = "a .keras file, a directory with a model.keras, or a keras.Model"
        if not isinstance(self.source, str | Path):
            raise invalid("transfer: source", wanted, repr(self.source))
        try:
            FILES.get("find")(self.source)
        except TfadvError as error:
            raise invalid("transfer: source", wanted, repr(self.source), str(error)) from error
        object.__setattr__(self, "source", str(self.source))

    def __call__(self, model: keras.Model, x: ArrayLike, y: ArrayLike, **options: typing.Any) -> np.ndarray:
        if self.source is not None:
            x = validation.points(x, getattr(options.get("threat"), "box", (0.0, 1.0)))
            wanted, found = validation.classifier(model, x), validation.classifier(self._source(), x)
            if found != wanted:
                raise invalid("transfer: source", f"a classifier of {wanted} classes", f"one of {found}")
        return super().__call__(model, x, y, **options)

    def logits_fn(self, model):
        return gradients.logits_of(model)

    def members(self, classes, norm):
        return (self,)

    def until_fooled(self):
        return self

    def perturb(self, problem, threat, seed):
        logits_fn = self._logits_fn(problem, random.key(seed, 0))
        reject = problem.reject if self.source is None else validation.rejects(self._source())

        def attempt(wave):
            here = wave.here
            there = Problem(logits_fn, here.x, here.labels, here.targets, reject=reject)
            return self.inner.perturb_projected(there, threat, random.key(seed, 1))

        # Images that the model gets wrong already are left as they are.
        return together.attempts(problem, attempt, 1, at_once=False)

    def _logits_fn(self, problem, seed):
        """The substitute: what was given, or one that learns what the model answers."""
        if self.source is None:
            if len(problem.x.shape) != 4:
                hint = "give a model of such vectors as source=."
                raise invalid("transfer", "images, which its substitute is made for", "vectors (n, d)", hint)
            return substitute.learn(problem.logits_fn, problem.x, self.rounds, seed)
        return self.inner.logits_fn(self._source())

    def _source(self):
        """The classifier that was given, loaded once: what is compiled with it does not keep it alive."""
        if isinstance(self.source, keras.Model):
            return self.source
        path = FILES.get("find")(self.source)
        key = (path, path.stat().st_mtime_ns)
        if key not in LOADED:
            with tf.init_scope():
                LOADED[key] = FILES.get("load")(path)
        return LOADED[key]

    def cost(self, classes):
        """Of the model itself: what the substitute is asked is not counted."""
        asked = 0 if self.source is not None else 2**self.rounds
        return Passes(2 + asked, 0)
