"""Deep Defense: push the decision boundary away from correct examples and towards misclassified ones.

Yan, Guo, Zhang: Deep Defense, Training DNNs with Improved Adversarial Robustness, NeurIPS 2018.
"""

import typing

import keras
import tensorflow as tf

from tfadv import gradients, losses
from tfadv.attacks.deepfool import VARIANTS, crossing, nearest
from tfadv.options import number
from tfadv.passes import Passes, summed
from tfadv.tensors import flat_sum, per_example
from tfadv.threat import L2
from tfadv.training.trainer import Trainer, TrainerOptions

VARIANT = VARIANTS["deepdefense"]
# The norm in which distances to boundaries are measured; they have no limit.
NORM = L2(0.0)
OVERSHOOT = 1.02
# exp(d * ratio) may overflow where a misclassified example is far from its boundary; there the gradient stops.
HIGHEST_EXPONENT = 20.0


class DeepDefense(Trainer):
    """L = CE(x) + lam * mean[correct: exp(-c rho), wrong: exp(d rho)], rho = ||DeepFool(x)||_2 / ||x||_2.

    DeepFool is recomputed for every batch and differentiated through: the gradients of the logits with respect to
    the image are functions of the weights (double backpropagation). An example is correct or wrong by the prediction
    on its clean image; a correct one moves to the nearest other class, a wrong one to its true class.

    Args:
        lam: weight of the regularizer; the paper's code has 15.
        c: decay for correct examples, above 0; the paper's code has 25.
        d: growth for wrong examples, above 0; the paper's code has 5.
        steps: DeepFool iterations, at least 1.

    Raises:
        TfadvError: for values out of range.
    """

    # Within one call TensorFlow simplifies its loops otherwise, and the last bits change.
    several_steps_per_call = False

    def __init__(
        self,
        classifier: keras.Model,
        *,
        lam: float = 15.0,
        c: float = 25.0,
        d: float = 5.0,
        steps: int = 5,
        **options: typing.Unpack[TrainerOptions],
    ):
        super().__init__(classifier, **options)
        for name, value, least in (("lam", lam, 0), ("c", c, 0), ("d", d, 0), ("steps", steps, 1)):
            number(f"deep_defense: {name}", value, f"a number of at least {least}", lambda v, least=least: v >= least)
        self.lam, self.c, self.d, self.steps = float(lam), float(c), float(d), int(steps)

    def cost(self, classes):
        """Of an iteration four forward passes, the gradients of all rivals, and the gap's, which is derived twice."""
        if not self.lam:
            return self.learning
        return summed(self.learning, Passes(1 + 4 * self.steps, self.steps * (classes + 2)))

    def penalty(self, batch, y, logits):
        if not self.lam:
            return None
        x = batch["x"]
        # Judged as DeepFool sees the network, in inference mode: `logits` are those of training, with Dropout.
        moved, correct = perturbation(gradients.logits_of(self.classifier, weights=True), x, y, self.steps)
        rho = NORM.dual_length(moved, 1e-12) / tf.maximum(tf.sqrt(flat_sum(x * x)), 1e-6)
        exponent = tf.where(correct, -self.c * rho, tf.minimum(self.d * rho, HIGHEST_EXPONENT))
        return self.lam * tf.exp(exponent)


def perturbation(logits_fn, x, y, steps):
    """The DeepFool perturbation as a differentiable function of the weights, and who was right to begin with.

    The choice of the nearest class and of who has crossed the boundary are constants; gradients flow through the gaps
    between logits, their input gradients and the iterates.

    Returns:
        The perturbation, (n, h, w, c), and where the prediction on the clean image is correct, (n,) bool.
    """
    logits = tf.stop_gradient(logits_fn(x))
    classes = logits.shape[-1]
    correct = tf.argmax(logits, axis=-1, output_type=tf.int32) == y
    rivals = losses.rivals(y, logits)[:, : classes - 1]

    def step(t, total, alive):
        point = x + total
        predicted = tf.argmax(logits_fn(point), axis=-1, output_type=tf.int32)
        start = tf.where(correct, y, predicted)
        end = tf.where(correct, nearest_class(logits_fn, point, y, rivals), y)
        direction = tf.stop_gradient(tf.one_hot(end, classes) - tf.one_hot(start, classes))
        gap, w = gap_and_gradient(logits_fn, point, direction)
        r = crossing(gap, NORM.dual_length(w, VARIANT.floor), w, NORM, VARIANT.nudge)
        total += per_example(tf.cast(alive, x.dtype), x) * r
        reached = tf.argmax(logits_fn(x + OVERSHOOT * total), axis=-1, output_type=tf.int32) == y
        return t + 1, total, alive & tf.where(correct, reached, ~reached)

    state = (0, tf.zeros_like(x), tf.ones_like(y, tf.bool))
    _, total, _ = tf.while_loop(lambda t, *_: t < steps, step, state, maximum_iterations=steps)
    return OVERSHOOT * total, correct


def nearest_class(logits_fn, x, y, rivals):
    """The class whose linearized boundary is nearest: (n,) int32, a constant for the weights."""
    classes = rivals.shape[-1] + 1
    logits, pullback = gradients.logits_and_pullback(logits_fn, tf.stop_gradient(x))
    directions = tf.one_hot(rivals, classes) - tf.one_hot(y, classes)[:, None]
    _, _, direction = nearest(logits, pullback, directions, NORM, VARIANT.floor)
    return tf.argmax(direction, axis=-1, output_type=tf.int32)


def gap_and_gradient(logits_fn, x, direction):
    """h = direction . z(x), (n,), and its gradient with respect to x, both differentiable in the weights."""
    _, gap, w = gradients.logits_and_gradient(logits_fn, x, lambda logits: tf.reduce_sum(logits * direction, axis=-1))
    return gap, w
