"""What the judge knows when it chooses: the attacks so far, and what the model is made of."""

import functools

import numpy as np
import tensorflow as tf

from tfadv import gradients, losses
from tfadv.data.split import spread_over
from tfadv.graph import inside
from tfadv.tensors import finite_or

# Images that signs are read on.
LOOKED_AT = 64
# A network inside is right on this share of what the whole is right on; a hidden layer that is as wide is not.
KNOWS = 0.6
# An image made of the image correlates so much with it.
ALIKE = 0.8
# Gradients that point the same way to this cosine lead to the same images.
SAME_WAY = 0.95


class Met:
    """The run so far, as a sign sees it.

    Args:
        run: an `AttackRun` after its members; traits: `ModelTraits` of its model.
    """

    def __init__(self, run, traits):
        self.run, self.traits, self.judge = run, traits, run.judge
        right = np.flatnonzero(self.judge.clean)
        at = right[spread_over(len(right), LOOKED_AT)]
        self.x, self.y = self.judge.x[at], self.judge.y[at]

    @functools.cached_property
    def contents(self):
        """`Contents` of the model."""
        return inside.contents(self.judge.model, self.x.shape[1:], self.judge.classes)

    @functools.cached_property
    def networks(self):
        """The numbers of networks inside that know the classes; of those that say the same, the first."""
        places = self.contents.networks
        found = []
        for place, z in zip(places, self._tensors(places), strict=True):
            if len(z) != len(self.x):  # rows that are no images
                continue
            says = (z if z.ndim == 2 else z.mean(axis=1)).argmax(axis=1)
            known = [number for number, said in found if np.mean(said == says) > 0.99]
            if np.mean(says == self.y) >= KNOWS and not any(self.contents.leads_to(k, place.number) for k in known):
                found.append((place.number, says))
        return tuple(number for number, _ in found)

    @functools.cached_property
    def images(self):
        """The numbers of tensors that are images much like the given ones."""
        places = self.contents.images
        found = zip(places, self._tensors(places), strict=True)
        return tuple(place.number for place, image in found if image.shape == self.x.shape and _alike(image, self.x))

    def _tensors(self, places):
        if not places or not len(self.x):
            return []
        run = inside.tensors(self.judge.model, self.x.shape[1:], tuple(place.number for place in places))
        return [part.numpy() for part in run(self.x)[:-1]]

    @functools.cached_property
    def gradient(self):
        """The gradients of the margin at the images, as the model has them: (k, pixels)."""
        return self._gradient(gradients.logits_of(self.judge.model))

    @functools.cached_property
    def flat(self):
        """The share of the images at which the margin has no gradient."""
        return float(np.mean(~self.gradient.any(axis=1))) if len(self.x) else 0.0

    def says_more(self, **options):
        """Whether a twin's gradients are there, and lead elsewhere than the model's own."""
        if not len(self.x):
            return False
        other = self._gradient(inside.twin(self.judge.model, **options))
        there = other.any(axis=1)
        if not there.any():
            return False
        own = self.gradient[there]
        lengths = np.linalg.norm(own, axis=1) * np.linalg.norm(other[there], axis=1)
        cosine = np.sum(own * other[there], axis=1) / np.maximum(lengths, 1e-30)
        return bool(np.median(cosine) < SAME_WAY or self.flat > 0.05)

    def _gradient(self, logits_fn):
        @tf.function(autograph=False)
        def run(x, y):
            return gradients.logits_and_gradient(logits_fn, x, lambda z: losses.margin(y, z[:, : self.judge.classes]))[
                2
            ]

        try:
            found = finite_or(0.0, run(tf.constant(self.x), tf.constant(self.y))).numpy()
        except LookupError:  # an operation has no gradient at all
            found = np.zeros_like(self.x)
        found = found.reshape(len(found), -1).astype(np.float64)
        return found / np.maximum(np.abs(found).max(axis=1, keepdims=True), 1e-300)


def _alike(image, x):
    a, b = (part.reshape(len(x), -1).astype(np.float64) for part in (image, x))
    a, b = (part - part.mean(axis=1, keepdims=True) for part in (a, b))
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return float(np.median(np.sum(a * b, axis=1) / np.maximum(lengths, 1e-30))) > ALIKE
