"""Expectation over transformation: attack what a random model says on average, not what it said once.

Athalye, Engstrom, Ilyas, Kwok: Synthesizing Robust Adversarial Examples, 2018. Against random defenses:
Athalye, Carlini, Wagner: Obfuscated Gradients Give a False Sense of Security, 2018.
"""

import dataclasses

import tensorflow as tf

from tfadv import gradients
from tfadv.attacks.options import SHOWN, check_choice, check_whole
from tfadv.attacks.problem import Problem
from tfadv.attacks.wrapper import AttackWrapper
from tfadv.passes import Passes
from tfadv.tensors import finite_or

AVERAGES = ("gradients", "logits", "probabilities")


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

    >>> EOT(attack="apgd(loss=dlr)", draws=20)(model, x, y, threat=LInf(8 / 255))  # doctest: +SKIP
    """

    draws: int = dataclasses.field(default=20, metadata=SHOWN)
    average: str = "gradients"

    def __post_init__(self):
        super().__post_init__()
        check_whole(self, "draws")
        check_choice(self, "average", AVERAGES)

    def until_fooled(self):
        """The same: stopping at the first point whose mean falls short picks the luckiest means."""
        return self

    def perturb(self, problem, threat, seed):
        return self.inner.perturb(averaged(problem, self.draws, self.average), threat, seed)

    def cost(self, classes):
        once = self.inner.cost(classes)
        # Gradients of mean logits come from draws of their own: the activations of all draws would not fit.
        return Passes(self.draws * (once.forward + once.backward), self.draws * once.backward)


@dataclasses.dataclass(frozen=True)
class Averaged(Problem):
    """A problem whose logits are means over draws.

    Attributes:
        one_draw: images to float32 logits of one draw.
        draws: how many.
        average: see `EOT`.
    """

    one_draw: object = None
    draws: int = 1
    average: str = "gradients"

    def ascend(self, name, x_adv):
        """The logits and losses of the mean, and the gradient that raises the losses on average."""
        if self.average != "gradients":
            return super().ascend(name, x_adv)
        loss = lambda logits: self.loss(name, logits)  # noqa: E731

        def draw():
            logits, _, gradient = gradients.logits_and_gradient(self.one_draw, x_adv, loss)
            return logits, finite_or(0.0, gradient)

        logits, gradient = mean(draw, self.draws)
        return logits, loss(logits), gradient


def averaged(problem, draws, average="gradients"):
    """The same problem for the expectation of a random model."""

    def score(x):
        logits = problem.logits_fn(x)
        return tf.nn.softmax(logits) if average == "probabilities" else logits

    # Traced once: some attacks ask for the gradients of every class.
    @tf.function(autograph=False)
    def mean_gradient(x, direction):
        return mean(lambda: finite_or(0.0, gradients.logits_and_pullback(score, x)[1](direction)), draws)

    def mean_score(x):
        return mean(lambda: score(x), draws), lambda direction: mean_gradient(x, direction)

    mean_logits = gradients.from_pullback(mean_score)
    if average == "probabilities":
        # Logarithms of probabilities are logits; those that are 0 in float32 have no logarithm.
        mean_logits = lambda x, scores=mean_logits: tf.math.log(tf.maximum(scores(x), 1e-30))  # noqa: E731
    parts = {"x": problem.x, "labels": problem.labels, "targets": problem.targets, "reference": problem.reference}
    parts["reject"] = problem.reject
    return Averaged(mean_logits, **parts, one_draw=problem.logits_fn, draws=draws, average=average)


def mean(draw, draws):
    """The mean of what a function without arguments, a tensor or a tuple of them, gives when it is called anew."""
    add = lambda total, more: tf.nest.map_structure(tf.add, total, more)  # noqa: E731
    total = draw()
    if draws > 1:
        body = lambda j, total: (j + 1, add(total, draw()))  # noqa: E731
        total = tf.while_loop(lambda j, _: j < draws, body, (1, total), maximum_iterations=draws - 1)[1]
    return tf.nest.map_structure(lambda part: part / draws, total)
