"""What is known of a classifier and of the images that it is judged on before any attack: found once."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from tfadv import validation
from tfadv.errors import UnreadableModel
from tfadv.evaluation import certificates, metrics
from tfadv.evaluation.judge import Judge
from tfadv.evaluation.scale import check_scale
from tfadv.evaluation.traits import ModelTraits
from tfadv.graph.replay import traced
from tfadv.options import BATCH
from tfadv.passes import Passes
from tfadv.provenance import fingerprint
from tfadv.threat import LInf

if TYPE_CHECKING:
    import keras

    from tfadv.data.split import Split
    from tfadv.threat import ThreatModel


class Subject:
    """A classifier and the images that it is judged on, under one threat model or several, at once or in blocks.

    Args:
        model: a `keras.Model`, images to logits.
        split: the images and labels, n of them.
        batch_size: images at a time.
        any_scale: take a model too that is right only about pixels in 0 to 255.

    Raises:
        TfadvError: for a model or data that `tfadv.validation` or `check_scale` refuses.

    Attributes:
        x, y: images (n, h, w, c) in [0, 1], and labels, (n,) int32.
        classes: how many the model knows.
        is_part: whether there are further images, which `only` left out.
        certificate: the `Certificate` of the images, where it is known.

    >>> subject = Subject(model, dataset.test.take(100))  # doctest: +SKIP
    >>> subject.judge(LInf(8 / 255), seed=0).clean.mean()  # doctest: +SKIP
    0.93
    """

    def __init__(self, model: keras.Model, split: Split, batch_size: int = BATCH, any_scale: bool = False):
        self.model, self.batch_size = model, batch_size
        self.x, y = split.x, validation.labels(split.y, len(split))
        self.classes = validation.classifier(model, self.x)
        self.y = validation.labels(y, len(self.x), self.classes, "labels of the data set")
        if not any_scale:
            check_scale(model, self.x, self.y, batch_size)
        self._known, self.is_part, self.certificate = {}, False, None

    @functools.cached_property
    def traits(self) -> ModelTraits:
        """How the model is to be attacked."""
        return ModelTraits.of(self.model, self.x)

    @functools.cached_property
    def images(self) -> str:
        """A digest of the images and labels."""
        return fingerprint(self.x, self.y)

    @functools.cached_property
    def computes(self) -> str:
        """A digest of what the model computes: a SavedModel may hold its weights as constants, layers their own code.

        Of a model that answers at random, of what it is made of.
        """
        weights = self.model.get_weights()
        if not self.traits.random:
            return fingerprint(*weights, metrics.logits(self.model, self.x[:32]))
        try:
            graph = traced(self.model, self.x.shape[1:]).graph
        except UnreadableModel:  # then its weights are all that is known of it
            return fingerprint(*weights)
        # How strong its noise is stands among the constants, how it is certified nowhere; names differ from process to
        # process.
        parts = [
            (op.type, op.node_def.attr["value"].SerializeToString(deterministic=True)) for op in graph.get_operations()
        ]
        smoothing = certificates.smoothing_of(self.model)
        parts += [smoothing[1:]] if smoothing else []
        return fingerprint(*weights, np.frombuffer(repr(parts).encode(), np.uint8))

    @functools.cached_property
    def _clean(self):
        draws, jitter = self.traits.draws, self.traits.jitter
        return Judge(self.model, self.x, self.y, LInf(0.0), 0, self.batch_size, draws, jitter)

    @property
    def clean(self) -> np.ndarray:
        """Which images the model gets right, (n,) bool."""
        return self._clean.clean

    def judge(self, threat: ThreatModel, seed: int) -> Judge:
        """A `Judge` of the images; all of them share what the model says of the clean ones."""
        return self._clean.under(threat, seed)

    def proof_method(self, judge: Judge) -> certificates.ProofMethod | str:
        """How something is proven of the model under a judge's threat model, or why nothing is; found, traced once."""
        if self.certificate is not None:
            return certificates.ProofMethod(Passes(0, 0), lambda *_: self.certificate)
        return self.known(f"proof under {judge.threat}", lambda: certificates.proof_method(judge))

    def known(self, name: str, compute: Callable[[], Any]) -> Any:
        """What `compute` returned when it was first called for under this name; of all parts of the images alike.

        The name tells what it depends on beside the model.
        """
        if name not in self._known:
            self._known[name] = compute()
        return self._known[name]

    def only(self, at: np.ndarray | slice) -> Subject:
        """The same of the images `at` alone, with what is known of all."""
        part = copy.copy(self)
        part.x, part.y, part.traits, part.computes = self.x[at], self.y[at], self.traits, self.computes
        part.is_part, part.certificate = True, self.certificate and self.certificate.only(at)
        part.__dict__.pop("images", None)
        part.__dict__.pop("_clean", None)
        if not self.traits.random:  # whose votes on all images cost many passes
            part._clean = self._clean.only(at)
        return part
