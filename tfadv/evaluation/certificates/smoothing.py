"""Randomized smoothing: how far an image may move before the vote of its noisy copies can change.

Cohen, Rosenfeld, Kolter: Certified Adversarial Robustness via Randomized Smoothing, ICML 2019, section 3.2 (CERTIFY).
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike
from scipy.stats import beta, norm

from tfadv import gradients, random, validation
from tfadv.errors import invalid
from tfadv.graph.structure import is_graph, nodes
from tfadv.layers.smoothed_vote import SmoothedVote
from tfadv.progress import silent
from tfadv.threat import ThreatModel

# Copies of images that are classified at a time, and between two blocks of images that are kept.
BATCH, BLOCK = 500, 100_000


class Smoothed(NamedTuple):
    """What CERTIFY says of each image: the class, (n,) ints, -1 where it abstains, and its l_2 radius, (n,) floats."""

    predicted: np.ndarray
    radius: np.ndarray


class Options(NamedTuple):
    """The classifier within a smoothed one, how it is certified, and how many copies its own vote takes."""

    classifier: keras.Model
    sigma: float
    n0: int
    n: int
    alpha: float
    votes: int

    @property
    def passes(self) -> int:
        """What a certificate takes, in passes of the smoothed model."""
        return -(-(self.n0 + self.n) // self.votes)

    @property
    def reach(self) -> float:
        """The largest l_2 radius there can be, of copies that all agree: sigma Phi^-1(alpha^(1/n)), and at least 0."""
        return max(0.0, self.sigma * float(norm.ppf(lower_bound(self.n, self.n, self.alpha))))


def lower_bound(k: ArrayLike, n: int, alpha: float) -> np.ndarray:
    """What a probability is at least, if it came true k times of n: one-sided Clopper-Pearson, confidence 1 - alpha.

    >>> float(lower_bound(1000, 1000, 0.001).round(6))
    0.993116
    """
    k = np.asarray(k)
    return np.where(k > 0, beta.ppf(alpha, np.maximum(k, 1), n - k + 1), 0.0)


def kept_nowhere(name: str, compute: Callable[[], Any]) -> Any:
    """What `compute` returns: nothing is kept."""
    return compute()


def certify(
    classifier: keras.Model,
    x: ArrayLike,
    *,
    sigma: float,
    n0: int = 100,
    n: int = 1000,
    alpha: float = 0.001,
    seed: int = 0,
    progress: Callable[..., None] = silent,
    kept: Callable[..., Any] = kept_nowhere,
) -> Smoothed:
    """The class that argmax_c P(f(x + sigma eta) = c) names, and the radius R within which it does.

    n0 copies choose the class, n others count its votes: then p, the lower bound of its probability, is above what is
    true for a share of at most alpha of all images, and R = sigma Phi^-1(p). Where p is at most 1/2 it abstains.
    More copies give larger radii: at most sigma Phi^-1(alpha^(1/n)).

    Args:
        classifier: f, images to logits, without noise.
        x: images, (n, h, w, c) in [0, 1].
        sigma: the standard deviation of the noise, above 0.
        n0, n: copies of each image that choose and that count, each at least 1.
        alpha: above 0 and below 1.
        seed: of the copies, which follow from it and the place of an image alone.
        progress: see `tfadv.progress`; it is told how many images are certified.
        kept: called with a name and a function, for each block of images: returns what the function does, or what it
            returned before an interruption, in JSON's types (`Journal.part`).

    Returns:
        A `Smoothed`: `predicted` (n,) ints, -1 where it abstains, and `radius` (n,) floats from 0, in l_2.

    Raises:
        TfadvError: for counts, sigma and alpha out of range, and for images that `tfadv.validation` refuses.

    >>> certify(model, x, sigma=0.25).radius.max()  # doctest: +SKIP
    np.float64(0.6158)
    """
    if not (sigma > 0 and 0 < alpha < 1 and min(n0, n) >= 1):
        raise invalid("certify", "sigma above 0, alpha in (0, 1), n0 and n of at least 1", (sigma, alpha, n0, n))
    x = validation.images(x)
    classes = validation.classifier(classifier, x)
    count = _counter(gradients.logits_of(classifier), sigma, classes, x.shape[1:])

    def certified(k):
        chosen = int(count(x[k], random.key(seed, 2 * k), n0).numpy().argmax())
        p = lower_bound(count(x[k], random.key(seed, 2 * k + 1), n).numpy()[chosen], n, alpha)
        progress("randomized smoothing", k + 1, len(x))
        return (chosen, float(sigma * norm.ppf(p))) if p > 0.5 else (-1, 0.0)

    found, size = [], max(1, BLOCK // (n0 + n))
    for start in range(0, len(x), size):
        progress("randomized smoothing", start, len(x))
        block = range(start, min(start + size, len(x)))
        found += kept(f"smoothing {sigma, n0, n, alpha, seed}, images {block}", lambda of=block: [*map(certified, of)])
    predicted, radius = zip(*found, strict=True)
    return Smoothed(np.array(predicted), np.array(radius))


def _counter(logits_fn, sigma, classes, shape):
    """A compiled function of an image, a seed and a number of noisy copies to how many of them have each class."""

    def count(image, seed, copies):
        def step(done, counts):
            size = tf.minimum(copies - done, BATCH)
            # Of all 32 bits: those of `random.normal`, of 16, end at 4 standard deviations.
            noise = tf.random.stateless_normal([size, *shape], random.key(seed, done), alg="philox")
            named = tf.argmax(logits_fn(image + sigma * noise), axis=-1, output_type=tf.int32)
            return done + size, counts + tf.math.bincount(named, minlength=classes, maxlength=classes)

        begun = tf.constant(0), tf.zeros([classes], tf.int32)
        return tf.while_loop(lambda done, _: done < copies, step, begun)[1]

    specs = [tf.TensorSpec(shape), tf.TensorSpec([2], tf.int32), tf.TensorSpec([], tf.int32)]
    return tf.function(count, specs, False)


def smoothing_of(model: keras.Model) -> Options | None:
    """What `tfadv.defenses.smoothing.smoothed` was given, of a model that it made; else None.

    Inside another model the noise is not on the images, and proves nothing about them.
    """
    last = validation.final_operation(model) if is_graph(model) else None
    if not isinstance(last, SmoothedVote):
        return None
    node = next((node for node in nodes(model) if node.operation is last), None)
    if node is None:
        return None
    classifier = node.input_tensors[0]._keras_history.operation
    return Options(classifier, last.sigma, last.n0, last.n, last.alpha, last.votes)


def radius_for(threat: ThreatModel, shape: Sequence[int]) -> float | None:
    """The l_2 length that a change of images of this shape may have where it is 1 in the norm of a threat model.

    1 under l_2 and l_1, sqrt(d) under l_inf; None for norms that allow any.
    """
    return {"l2": 1.0, "l1": 1.0, "linf": math.sqrt(math.prod(shape))}.get(threat.norm)
