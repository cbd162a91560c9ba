"""What the judge knows when it chooses: the attacks so far, and what the model is made of."""

import functools

import numpy as np
import tensorflow as tf

from tfadv import gradients, losses, validation
from tfadv.data.split import spread_over
from tfadv.errors import UnreadableModel, reason
from tfadv.evaluation import metrics
from tfadv.graph import held, inside
from tfadv.tensors import finite_or

# Images that signs are read on.
LOOKED_AT = 64
# A network inside is right on this share of what the whole is right on; a hidden layer that is as wide is not.
KNOWS = 0.4
# An image made of the image correlates so much with it.
ALIKE = 0.8
# Gradients that point the same way to this cosine lead to the same images.
SAME_WAY = 0.95
# The share of images without a gradient that is worth another attack.
NONE = 0.05


class Met:
    """The run so far, as a sign sees it.

    Args:
        run: an `AttackRun` after its members; traits: `ModelTraits` of its model.
        known: calls a function, or knows what it returned, under a name: `Subject.known`, for what depends on the
            model alone.
    """

    def __init__(self, run, traits, known=lambda name, compute: compute()):
        self.run, self.traits, self.judge, self.known = run, traits, run.judge, known
        right = np.flatnonzero(self.judge.clean)
        at = right[spread_over(len(right), LOOKED_AT)]
        self.x, self.y = self.judge.x[at], self.judge.y[at]

    @functools.cached_property
    def contents(self):
        """`Contents` of the model."""
        model, classes = self.judge.model, self.judge.classes
        return self.known("contents", lambda: inside.contents(model, self.x.shape[1:], classes))

    @functools.cached_property
    def networks(self):
        """The numbers of networks inside that know the classes; of those that say the same, the first."""
        return tuple(number for number, _ in self._said)

    @functools.cached_property
    def held(self):
        """The paths of classifiers in attributes that know the classes, unless the traced model shows them."""
        columns = {self.judge.classes, self.judge.classes - validation.rejects(self.judge.model)}
        known, found = self._shown(), []
        for path, network in held.held(self.judge.model, self.x.shape[1:], columns).items():
            says = metrics.predictions(network, self.x)
            if self._knows(says) and not any(_same(says, other) for other in known):
                found.append(path)
                known.append(says)
        return tuple(found)

    def _shown(self):
        """What the `networks` say; nothing where the model cannot be taken apart, though its attributes can be read."""
        try:
            return [says for _, says in self._said]
        except UnreadableModel:
            return []

    @functools.cached_property
    def _said(self):
        """The number of each network inside that knows the classes, and what it says of the images."""
        places = self.contents.networks
        found = []
        for place, z in zip(places, self._tensors(places), strict=True):
            if len(z) != len(self.x):  # rows that are no images
                continue
            says = (z if z.ndim == 2 else z.mean(axis=1)).argmax(axis=1)
            same = [number for number, said in found if _same(says, said)]
            if self._knows(says) and not any(self.contents.leads_to(k, place.number) for k in same):
                found.append((place.number, says))
        return found

    def _knows(self, says):
        return np.mean(says == self.y) >= KNOWS

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
    def own(self):
        """The directions in which the margin of the model itself rises, at the images and where a step leads."""
        gradient = self.known("its gradient", lambda: self._gradient(gradients.logits_of(self.judge.model)))
        here = self._directions(gradient, self.x)
        threat, x = self.judge.threat, tf.constant(self.x)
        ahead = threat.project(x + threat.eps * threat.steepest(tf.reshape(here, x.shape), x), x).numpy()
        return [(self.x, here), (ahead, self._directions(gradient, ahead))]

    @functools.cached_property
    def flat(self):
        """The share of the images at which the margin has no gradient."""
        return float(np.mean(~self.own[0][1].any(axis=1))) if len(self.x) else 0.0

    def says_more(self, held_at=None, **options):
        """Whether a twin has gradients that lead elsewhere than the model's own, at the images or after a step.

        A switch that is off at the images may be on there.

        Args:
            held_at: the path of a classifier in the model, whose twin is meant; None for the model's own.
            options: of `inside.twin`.
        """
        model = self.judge.model
        whole = lambda: held.find(model, held_at) if held_at else model  # noqa: E731
        make = lambda: self._gradient(inside.twin(whole(), **options))  # noqa: E731
        twin = self.known(f"gradient of the twin {held_at} {sorted(options.items())}", make)
        return bool(len(self.x)) and any(_differ(own, self._directions(twin, at)) for at, own in self.own)

    def _gradient(self, logits_fn):
        """Images and labels to gradients of the margin, compiled; None where an operation has no gradient at all."""

        @tf.function(autograph=False)
        def run(x, y):
            margin = lambda z: losses.margin(y, z[:, : self.judge.classes])  # noqa: E731
            return gradients.logits_and_gradient(logits_fn, x, margin)[2]

        # One by its signature, else TensorFlow warns that it traces a function of this name again and again.
        specs = tf.TensorSpec([None, *self.x.shape[1:]]), tf.TensorSpec([None], tf.int32)
        try:
            return run.get_concrete_function(*specs)
        except LookupError as error:
            if type(error) is not LookupError:  # a KeyError is a fault
                raise
            return None

    def _directions(self, gradient, x):
        """Gradients of the margin, each divided by its largest entry: (k, pixels)."""
        try:
            found = np.zeros_like(x) if gradient is None else gradient(tf.constant(x), tf.constant(self.y))
        except tf.errors.OpError as error:  # operations of the model, on images
            raise UnreadableModel(f"its gradients cannot be computed: {reason(error)}") from error
        found = finite_or(0.0, found).numpy().reshape(len(x), -1)
        return found / np.maximum(np.abs(found).max(axis=1, keepdims=True), 1e-38)


def _differ(own, other):
    """Whether directions are there where they are not in `own`, or point elsewhere."""
    there = other.any(axis=1)
    if np.mean(there & ~own.any(axis=1)) > NONE:
        return True
    both = there & own.any(axis=1)
    return bool(both.any() and np.median(_cosine(own[both], other[both])) < SAME_WAY)


def _same(says, other):
    return np.mean(says == other) > 0.99


def _cosine(a, b):
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return np.sum(a * b, axis=1) / np.maximum(lengths, 1e-30)


def _alike(image, x):
    a, b = (part.reshape(len(x), -1).astype(np.float64) for part in (image, x))
    a, b = (part - part.mean(axis=1, keepdims=True) for part in (a, b))
    return float(np.median(_cosine(a, b))) > ALIKE
