"""How noisy a model is: whether the image seeds its noise, and how many draws make a mean that can be followed."""

import typing

import keras
import numpy as np
import tensorflow as tf

from tfadv import gradients, losses
from tfadv.attacks.base import Attack
from tfadv.attacks.eot import EOT, Averaged, averaged, jitters, mean
from tfadv.attacks.problem import Problem
from tfadv.data.split import spread_over
from tfadv.evaluation import metrics
from tfadv.tensors import finite_or, flat_sum
from tfadv.threat import LInf

# Passes whose logits differ by less than this share of their spread are the same: GPUs add in any order.
SAME = 1e-4
# By how much of the spread of the logits an image's own may move with its company. Rounding to bfloat16 moves them by
# 0.5 %, batch statistics by 10 % or more.
COMPANY = 0.02
# Steps, each ten times as long as the one before. Logits that a derivative leads move ten times as far; pixels that are
# rounded cross so many more steps that they move three times as far; noise that is drawn anew moves them no further.
STEPS, NO_FURTHER = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2), 2.0
LONGEST = 1e-3  # a step that draws noise anew: a quarter of a step of 8 bits
# The share of the images whose logits have to move: a few that happen to cross a step say little of how far it is.
COMMON = 0.25
# Two mean gradients of enough draws have this cosine; a little more is asked, as it is estimated from so many draws.
COSINE, MARGIN, MEASURED, IMAGES = 0.9, 0.02, 8, 16
# Where noise is not slight, its strength is told from so many: all images of a batch may share each of them.
MEASURED_AGAIN = 40
# Up to so many draws the noise is slight: the standard ensemble on their mean costs at most so many times as much.
SLIGHT, MOST = 5, 100


class Noise(typing.NamedTuple):
    """The noise of a model that answers at random, or as if it did.

    Attributes:
        draws: how many make a mean gradient that hardly depends on them, a cosine of 0.9 between two.
        jitter: by how much pixels move to draw anew what the image itself seeds; 0 where every pass draws anew.
        lasting: whether the same image always meets the same noise, whatever lies beside it in the batch.
    """

    draws: int
    jitter: float = 0.0
    lasting: bool = False

    @property
    def slight(self) -> bool:
        """Whether so few draws are enough that every attack can follow their mean."""
        return self.draws <= SLIGHT

    def expected(self, attack: Attack | str) -> Attack:
        """The attack on the expectation over the noise."""
        return EOT(attack=attack, draws=self.draws, jitter=self.jitter, firm=not self.lasting)

    def expectation(self, model: keras.Model, x: tf.Tensor, y: tf.Tensor, draws: int) -> Averaged:
        """The problem of fooling the mean of so many draws of a model, on images (n, h, w, c) and labels (n,)."""
        return expectation(model, x, y, draws, self.jitter)


def answers_vary(model, x):
    """Whether passes over the same images give different logits."""
    first, *others = (metrics.logits(model, x) for _ in range(4))
    return any(np.abs(first - z).max() > SAME * np.ptp(first) for z in others)


def answers_depend_on_company(model, x):
    """By how much of their spread the logits of images move where they are asked one by one, and how many flip."""
    together, single = (metrics.logits(model, x, size) for size in (len(x), 1))
    moved = np.abs(together - single).max() / np.maximum(np.ptp(together, axis=1).mean(), 1e-12)
    return moved, (together.argmax(axis=1) != single.argmax(axis=1)).sum()


def jitter_of(model, x):
    """A step that draws anew the noise that the image seeds, 0 if there is none.

    It is ten times the shortest one after which a longer one moves the logits no further, so that draws rarely agree.

    Args:
        model: a classifier that gives the same logits for the same images.
        x: images, (n, h, w, c) in [0, 1].
    """
    least = COMPANY if gradients.computes_in_half(model, ("float16", "bfloat16")) else SAME
    # Away from where a model may round, compare or clip: pixels of 8 bits, equal neighbors, the border of the box.
    x = 0.1 + 0.8 * x + np.random.default_rng(0).uniform(-0.02, 0.02, x.shape).astype(np.float32)
    at = lambda step: metrics.logits(model, metrics.moved(x, step, np.random.default_rng(1)))  # noqa: E731
    start = at(0)
    spread = np.maximum(np.ptp(start, axis=1).mean(), 1e-12)
    moves = [np.abs(at(step) - start).max(axis=1) / spread for step in STEPS]
    sizes = [np.sqrt(np.mean(move**2)) for move in moves]
    for step, move, size, further in zip(STEPS, moves, sizes, sizes[1:], strict=False):
        if size > least and further < NO_FURTHER * size and np.mean(move > size / 4) >= COMMON:
            return min(round(10 * step, 6), LONGEST)
    return 0.0


def draws_for(model, x, y, jitter=0.0):
    """How many draws have a mean gradient that another mean of as many agrees with, as `agreement` says.

    One draw is the gradient g and noise of the variance r |g|^2: two means of m draws have the cosine 1 / (1 + r / m).
    """
    at = spread_over(len(x), IMAGES)

    def enough(measured):
        cosines = agreement(model, x[at], y[at], measured, jitter)
        told = cosines[cosines != 0]  # not where the cross-entropy is so small that it has no gradient
        ratio = measured * (1 / np.clip(told, 1e-3, 1) - 1)
        expected = [np.mean(1 / (1 + ratio / draws)) if told.size else 1.0 for draws in range(1, MOST)]
        return 1 + int(np.searchsorted(expected, COSINE + MARGIN))

    draws = enough(MEASURED)
    return draws if draws <= SLIGHT else enough(MEASURED_AGAIN)


def agreement(model, x, y, draws, jitter=0.0):
    """The cosine between two mean gradients of the cross-entropy, each of so many draws: (n,)."""
    x, y = tf.constant(x, tf.float32), tf.constant(y)
    one_draw = expectation(model, x, y, draws, jitter).one_draw

    @tf.function(autograph=False)
    def means(x):
        def gradient(j):
            logits_fn = lambda x: one_draw(x, j)  # noqa: E731
            return finite_or(0.0, gradients.logits_and_gradient(logits_fn, x, lambda z: losses.cross_entropy(y, z))[2])

        return [mean(lambda j, first=first: gradient(first + j), draws) for first in (0, draws)]

    a, b = (g / tf.reduce_max(tf.abs(g) + 1e-38) for g in means(x))
    product = flat_sum(a * b)
    return tf.math.divide_no_nan(product, tf.sqrt(flat_sum(a * a) * flat_sum(b * b))).numpy()


def expectation(model, x, y, draws, jitter=0.0):
    """The `Averaged` problem of a model: its mean over so many draws."""
    move = jitters(jitter, LInf(0.0), [0, 0]) if jitter else None
    return averaged(Problem(gradients.logits_of(model), x, y), draws, move=move)
