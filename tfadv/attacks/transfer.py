"""Transfer: what fools one classifier is tried on another, of which nothing is known.

Papernot, McDaniel, Goodfellow: Transferability in Machine Learning, 2016. The substitute: substitute.py.
"""

import dataclasses
import typing
from pathlib import Path

import keras
import tensorflow as tf

from tfadv import boundary, gradients, random
from tfadv.attacks import standing, substitute
from tfadv.attacks.around import Around
from tfadv.attacks.base import Passes
from tfadv.attacks.options import check_whole
from tfadv.attacks.problem import Problem
from tfadv.errors import TfadvError, invalid
from tfadv.registry import Registry

# Attacks know no models, so how a file becomes one is looked up by name.
FILES = Registry("file", {"find": "tfadv.models.classifier:find", "load": "tfadv.models.classifier:load"})
LOADED = {}


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class Transfer(Around):
    """Another attack, run on a substitute for the model; the model itself says only whether it worked.

    Args:
        attack: what is run on the substitute, an attack or its spec. It does not stop where the substitute is fooled:
            the higher its loss, the more transfers.
        source: the substitute: a `.keras` file, a directory with a `model.keras`, or a `keras.Model`. None trains a
            small one for each batch, on its images and on others made of them, as the model labels them.
        rounds: how often the images that a substitute learns from double.

    >>> Transfer(attack="apgd(loss=dlr)", source="runs/other")(model, x, y, threat=LInf(8 / 255))  # doctest: +SKIP
    """

    static: typing.ClassVar[bool] = False
    black_box: typing.ClassVar[bool] = True
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

    def __call__(self, model, x, y, **options):
        if self.source is not None:
            try:
                boundary.classifier(self._source(), boundary.images(x))
            except TfadvError as error:
                raise TfadvError(f"transfer: the source does not fit: {error}") from error
        return super().__call__(model, x, y, **options)
