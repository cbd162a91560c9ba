"""What the judge looks at when it chooses attacks: the run so far, and what the model is made of."""

import functools

import numpy as np
import tensorflow as tf

from tfadv import gradients, losses, validation
from tfadv.data.split import spread_over
from tfadv.errors import UnreadableModel, reason
from tfadv.evaluation import metrics
from tfadv.graph import held, inside
from tfadv.tensors import finite_or

# How many images signs are read on.
LOOKED_AT = 64
# A network inside is right on this share of what the whole is right on; a hidden layer that is as wide is not.
KNOWS = 0.4
# An image made of the image correlates so much with it.
ALIKE = 0.8
# Gradients that point the same way to this cosine lead to the same images.
SAME_WAY = 0.95
# The share of images without a gradient that is worth another attack.
WITHOUT_GRADIENT = 0.05
# Two networks inside are the same to an attacker if they agree on this share of the images.
AGREE = 0.99


class Observed:
    """The run so far and the model behind it, as a sign sees them; asked only while an image is still right.

    Each figure is found when a sign first asks for it, on images that are right without an attack.

    Args:
        run: an `AttackRun` after its members; traits: `ModelTraits` of its model.
        known: calls a function, or knows what it returned, under a name: `Subject.known`, for what depends on the
            model alone.

    Attributes:
        x, y: images (k, h, w, c) that the model gets right, and their labels, (k,).
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
        """The numbers of networks inside that know the classes; where one only rewrites another's logits, the first."""
        return tuple(self._answers)

    @functools.cached_property
    def held(self):
        """The paths of classifiers in attributes that know the classes, unless the traced model shows them."""
        model, image = self.judge.model, self.x.shape[1:]
        columns = {self.judge.classes, self.judge.classes - validation.rejects(model)}
        shown, found = self._answers_shown(), []
        for path, network in self.known("held", lambda: held.held(model, image, columns)).items():
            answers = metrics.predictions(network, self.x)
            if self._knows(answers) and not any(_same(answers, others) for others in shown):
                found.append(path)
                shown.append(answers)
        return tuple(found)

    def _answers_shown(self):
        """Those of the `networks`; none where the model cannot be taken apart, though its attributes can be read."""
        try:
            return list(self._answers.values())
        except UnreadableModel:
            return []

    @functools.cached_property
    def _answers(self):
        """The number of each network inside that knows the classes -> the classes that it names, (k,)."""
        places, found = self.contents.networks, {}
        for place, z in zip(places, self._tensors(places), strict=True):
            if len(z) != len(self.x):  # rows that are no images
                continue
            answers = (z if z.ndim == 2 else z.mean(axis=1)).argmax(axis=1)  # several members: their mean
            rewritten = (k for k, others in found.items() if _same(answers, others))
            if self._knows(answers) and not any(self.contents.leads_to(k, place.number) for k in rewritten):
                found[place.number] = answers
        return found

    def _knows(self, answers):
        return np.mean(answers == self.y) >= KNOWS

    @functools.cached_property
    def images(self):
        """The numbers of tensors that are images much like the given ones."""
        places = self.contents.images
        found = zip(places, self._tensors(places), strict=True)
        return tuple(place.number for place, image in found if image.shape == self.x.shape and _alike(image, self.x))

    def _tensors(self, places):
        """What the model computes at these places for the images, as arrays."""
        if not places:
            return []
        model, image, numbers = self.judge.model, self.x.shape[1:], tuple(place.number for place in places)
        run = self.known(f"tensors {numbers}", lambda: inside.tensors(model, image, numbers))
        return [part.numpy() for part in run(self.x)[:-1]]  # the last one is the logits

    @functools.cached_property
    def own(self):
        """The directions in which the margin of the model itself rises, at the images and where a step leads.

        A switch that is off at the images may be on there. Two pairs of points and their directions, as `_directions`.
        """
        gradient = self.known("its gradient", lambda: self._gradient(gradients.logits_of(self.judge.model)))
        here = self._directions(gradient, self.x)
        threat, x = self.judge.threat, tf.constant(self.x)
        ahead = threat.project(x + threat.eps * threat.steepest(tf.reshape(here, x.shape), x), x).numpy()
        return [(self.x, here), (ahead, self._directions(gradient, ahead))]

    @functools.cached_property
    def flat(self):
        """The share of the images at which the margin has no gradient."""
        return float(np.mean(~self.own[0][1].any(axis=1)))

    def says_more(self, held_at=None, **options):
        """Whether a twin has gradients that lead elsewhere than the model's own, at the images or after a step.

        Args:
            held_at: the path of a classifier in the model, whose twin is meant; None for the model's own.
            options: of `inside.twin`.
        """
        model = self.judge.model
        whole = lambda: held.find(model, held_at) if held_at else model  # noqa: E731
        make = lambda: self._gradient(inside.twin(whole(), **options))  # noqa: E731
        twin = self.known(f"gradient of the twin {held_at} {sorted(options.items())}", make)
        return any(_differ(own, self._directions(twin, at)) for at, own in self.own)

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
        """Gradients of the margin, each divided by its largest entry; 0 where there is none: (k, pixels)."""
        try:
            found = np.zeros_like(x) if gradient is None else gradient(tf.constant(x), tf.constant(self.y))
        except tf.errors.OpError as error:  # operations of the model, on images
            raise UnreadableModel(f"its gradients cannot be computed: {reason(error)}") from error
        found = finite_or(0.0, found).numpy().reshape(len(x), -1)
        return found / np.maximum(np.abs(found).max(axis=1, keepdims=True), 1e-38)


def _differ(own, other):
    """Whether directions are there where they are not in `own`, or point elsewhere."""
    there = other.any(axis=1)
    if np.mean(there & ~own.any(axis=1)) > WITHOUT_GRADIENT:
        return True
    both = there & own.any(axis=1)
    return bool(both.any() and np.median(_cosine(own[both], other[both])) < SAME_WAY)


def _same(answers, others):
    return np.mean(answers == others) > AGREE


def _cosine(a, b):
    """Of each row; 0 where one of them is 0."""
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return np.sum(a * b, axis=1) / np.maximum(lengths, 1e-30)


def _alike(image, x):
    """Whether most of these images correlate with those that they are made of."""
    a, b = (part.reshape(len(x), -1).astype(np.float64) for part in (image, x))
    a, b = (part - part.mean(axis=1, keepdims=True) for part in (a, b))
    return float(np.median(_cosine(a, b))) > ALIKE
