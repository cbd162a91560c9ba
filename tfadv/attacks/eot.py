"""Expectation over transformation: attack what a random model says on average, not what it said once.

Athalye, Engstrom, Ilyas, Kwok: Synthesizing Robust Adversarial Examples, 2018. Against random defenses:
Athalye, Carlini, Wagner: Obfuscated Gradients Give a False Sense of Security, 2018.
"""

import dataclasses

import tensorflow as tf

from tfadv import gradients, random
from tfadv.attacks.options import SHOWN, check_choice, check_flag, check_number, check_whole
from tfadv.attacks.problem import Problem
from tfadv.attacks.wrapper import AttackWrapper
from tfadv.passes import Passes
from tfadv.tensors import finite_or, per_example

AVERAGES = ("gradients", "logits", "probabilities")
# Draws that tell how far single answers lie apart, for `firm`; and neighbors that are tried last, for `jitter`.
SPREAD, NEIGHBORS = 10, 100


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class EOT(AttackWrapper):
    """Another attack, to whom the model f is E_w f_w: g = 1/m sum_j grad L(f_{w_j}(x), y) with m = draws.

    Success is judged by the mean logits (or probabilities) of as many draws, never by a lucky one.

    Args:
        attack: what is run, an attack or its spec, `"apgd(loss=dlr)"`.
        draws: how often the model is asked where it would be asked once. Enough are those whose mean gradient hardly
            changes from one time to the next.
        average: `"gradients"`, those of the loss, as above; `"logits"` or `"probabilities"`: the gradient of the loss
            of the mean, for defenses that let several passes vote.
        jitter: by how much each draw moves the pixels, at most. For noise that the image itself seeds: the model looks
            deterministic, and the smallest change of a pixel draws the noise anew.
        firm: count as success only a mean margin that a single draw would hardly turn: above its standard deviation s
            at the image, and two standard errors, s (1 + 2 / sqrt(m)). Attacks that stop at the first success, or go
            back from it to the boundary, need it: the more often they ask, the luckier the mean that they stop at.
            With jitter and without `firm` luck lasts, as the model always says the same about the same image: gradients
            are means, its one answer is what counts, and of the result and 100 neighbors that with the highest margin
            is returned.

    >>> EOT(attack="apgd(loss=dlr)", draws=20)(model, x, y, threat=LInf(8 / 255))  # doctest: +SKIP
    """

    draws: int = dataclasses.field(default=20, metadata=SHOWN)
    average: str = "gradients"
    jitter: float = 0.0
    firm: bool = False

    def __post_init__(self):
        super().__post_init__()
        check_whole(self, "draws")
        check_choice(self, "average", AVERAGES)
        check_number(self, "jitter")
        check_flag(self, "firm")

    @property
    def seeded(self):
        return self.jitter > 0 or self.inner.seeded

    def members(self, classes, norm):
        """As of every wrapper. Where luck counts, attacks that only ask need no mean."""
        wrapped = zip(self.inner.members(classes, norm), super().members(classes, norm), strict=True)
        return tuple(inner if self.luck_counts and inner.black_box else outer for inner, outer in wrapped)

    @property
    def luck_counts(self):
        """Whether one answer decides, as it is always the same about the same image."""
        return self.jitter > 0 and not self.firm

    def until_fooled(self):
        """The same where luck does not last, unless it is `firm`: the first mean that falls short is the luckiest."""
        return super().until_fooled() if self.firm or self.luck_counts else self

    def perturb(self, problem, threat, seed):
        move = jitters(self.jitter, threat, random.key(seed, -1)) if self.jitter else None
        expected = averaged(problem, self.draws, self.average, move, lasting=self.luck_counts)
        if self.firm:
            slack = (1 + 2 / self.draws**0.5) * deviation(expected)
            expected = dataclasses.replace(expected, slack=slack)
        found = self.inner.perturb(expected, threat, seed)
        return luckiest(problem, found, threat, move) if self.luck_counts else found

    def cost(self, classes):
        once = self.inner.cost(classes)
        beside = SPREAD * self.firm + (NEIGHBORS + 1) * self.luck_counts
        # Gradients of mean logits come from draws of their own: the activations of all draws would not fit.
        asked = once.forward + self.draws * once.backward if self.luck_counts else self.draws * sum(once)
        return Passes(asked + beside, self.draws * once.backward)


@dataclasses.dataclass(frozen=True)
class Averaged(Problem):
    """A problem whose logits are means over draws.

    Attributes:
        one_draw: images and the number of a draw to its float32 logits.
        draws: how many.
        average: see `EOT`.
        slack: the mean margin above which the attacker has won.
        lasting: whether the logits are those of the model itself, and only gradients are means.
    """

    one_draw: object = None
    draws: int = 1
    average: str = "gradients"
    slack: object = None
    lasting: bool = False

    def reached(self, logits):
        reached = super().reached(logits)
        return reached if self.slack is None else reached & (self.margin(logits) > self.slack)

    def _seen_as(self, back):
        return dataclasses.replace(super()._seen_as(back), one_draw=lambda x, j: self.one_draw(back(x), j))

    def ascend(self, name, x_adv):
        """The logits and losses of the mean, and the gradient that raises the losses on average."""
        if self.average != "gradients":
            return super().ascend(name, x_adv)
        loss = lambda logits: self.loss(name, logits)  # noqa: E731

        def draw(j):
            logits, _, gradient = gradients.logits_and_gradient(lambda x: self.one_draw(x, j), x_adv, loss)
            return logits, finite_or(0.0, gradient)

        logits, gradient = mean(draw, self.draws)
        logits = self.logits_fn(x_adv) if self.lasting else logits
        return logits, loss(logits), gradient


def averaged(problem, draws, average="gradients", move=None, lasting=False):
    """The same problem for the expectation of a random model.

    Args:
        move: images and the number of a draw to the images that this draw is asked about.
        lasting: leave the logits as they are, and average gradients alone.
    """
    one_draw = lambda x, j: problem.logits_fn(x if move is None or j is None else move(x, j))  # noqa: E731

    def score(x, j):
        logits = one_draw(x, j)
        return tf.nn.softmax(logits) if average == "probabilities" else logits

    # Traced once: some attacks ask for the gradients of every class.
    @tf.function(autograph=False)
    def mean_gradient(x, direction):
        pullback = lambda j: gradients.logits_and_pullback(lambda x: score(x, j), x)[1]  # noqa: E731
        return mean(lambda j: finite_or(0.0, pullback(j)(direction)), draws)

    def mean_score(x):
        scores = score(x, None) if lasting else mean(lambda j: score(x, j), draws)
        return scores, lambda direction: mean_gradient(x, direction)

    mean_logits = gradients.from_pullback(mean_score)
    if average == "probabilities":
        # Logarithms of probabilities are logits; those that are 0 in float32 have no logarithm.
        mean_logits = lambda x, scores=mean_logits: tf.math.log(tf.maximum(scores(x), 1e-30))  # noqa: E731
    parts = {"x": problem.x, "labels": problem.labels, "targets": problem.targets, "reference": problem.reference}
    parts |= {"reject": problem.reject, "surrogate": problem.surrogate}
    return Averaged(mean_logits, **parts, one_draw=one_draw, draws=draws, average=average, lasting=lasting)


def mean(draw, draws):
    """The mean of what a function of the draw's number, giving a tensor or a tuple of them, returns each time."""
    add = lambda total, more: tf.nest.map_structure(tf.add, total, more)  # noqa: E731
    total = draw(0)
    if draws > 1:
        body = lambda j, total: (j + 1, add(total, draw(j)))  # noqa: E731
        total = tf.while_loop(lambda j, _: j < draws, body, (1, total), maximum_iterations=draws - 1)[1]
    return tf.nest.map_structure(lambda part: part / draws, total)


def jitters(size, threat, seed):
    """The function of images and the number of a draw that moves the pixels by `size` at most, inside the box.

    All pixels of a draw move in one direction, so that the sum of an image, a usual seed, moves too.
    """

    def move(x, j):
        here = random.uniform([1 + x.shape[1:].num_elements()], random.key(seed, j))
        steps = tf.reshape(0.5 + here[1:] / 2, [1, *x.shape[1:]])
        return threat.clip(x + size * (2 * here[0] - 1) * steps)

    return move


def deviation(expected):
    """The standard deviation of the margin from draw to draw, over the images; exactly 0 without noise: a scalar."""
    margin = lambda j: expected.margin(expected.one_draw(expected.x, j))  # noqa: E731
    first = margin(0)

    def apart(j):
        d = margin(j + 1) - first
        return d, d * d

    d, squares = mean(apart, SPREAD - 1)
    return tf.sqrt(tf.reduce_mean(finite_or(0.0, tf.maximum(squares - d * d, 0.0))))


def luckiest(problem, x_adv, threat, move):
    """Of points x_adv and neighbors of theirs those with the highest margin of a single answer."""

    def body(j, best, highest):
        x = threat.project(move(x_adv, j), problem.x)
        margin = problem.margin(problem.logits_fn(x))
        return j + 1, tf.where(per_example(margin > highest, x), x, best), tf.maximum(margin, highest)

    start = (0, x_adv, problem.margin(problem.logits_fn(x_adv)))
    return tf.while_loop(lambda j, *_: j < NEIGHBORS, body, start, maximum_iterations=NEIGHBORS)[1]
