"""Adversarial weight perturbation: another method, at the weights nearby where its loss is highest.

Wu, Xia, Wang: Adversarial Weight Perturbation Helps Robust Generalization, NeurIPS 2020.
"""

import contextlib
import threading
import typing

import keras
import tensorflow as tf

from tfadv import spec
from tfadv.errors import TfadvError, invalid
from tfadv.options import number
from tfadv.passes import summed
from tfadv.training import METHODS
from tfadv.training.trainer import Trainer, TrainerOptions


class AWP(Trainer):
    """min over weights of L(w + v), v_l = gamma ||w_l|| / ||g_l|| g_l, g = grad L(w) (eq. 9 and 10, one step).

    L is the loss of the method within on the images that it crafted; v comes of it alone, and the gradient at w + v of
    weight decay too, as in the authors' code. Matrices and kernels move; biases, what has one dimension and factors of
    noise do not, nor what has no gradient, or in float16 an infinite one. The gradient at w + v is applied to w, so
    the weights themselves never move there; running statistics and Dropout go on from the pass at w + v alone. A step
    costs one more forward and backward pass of whatever the method within learns from.

    Args:
        method: the spec of the method within, `"trades(beta=6)"`; it takes attack and threat.
        gamma: size of the perturbation relative to the weights, above 0; the paper has 0.01 for adversarial training
            and 0.005 for TRADES.
        warm_up: epochs without perturbation; the authors' code has 10 of 200 for TRADES, and 0 for the others.

    Raises:
        TfadvError: for what the method within refuses, for one that has a step or a metric of its own (free, awp,
            ibp), and for options out of range.

    >>> AWP(model, method="trades(beta=6)", attack=PGD(), threat=LInf(8 / 255))  # doctest: +SKIP
    """

    wraps = "method"

    def __init__(
        self,
        classifier: keras.Model,
        *,
        method: str = "adversarial",
        gamma: float = 0.005,
        warm_up: int = 0,
        **options: typing.Unpack[TrainerOptions],
    ):
        super().__init__(classifier, seed=options.get("seed", 0))
        self.gamma = float(number("awp: gamma", gamma, "a number above 0", lambda gamma: gamma > 0))
        self.warm_up = number("awp: warm_up", warm_up, "a whole number of epochs from 0", lambda n: n >= 0, (int,))
        if METHODS.get(spec.parse(method)[0]).trains_on_attack and None in map(options.get, ("attack", "threat")):
            raise TfadvError(
                f"awp: {method} needs an attack and a threat model within: "
                '--attack "pgd(steps=7)" --threat linf:8/255. awp(fast) needs no attack.'
            )
        within = METHODS.build(method, classifier=classifier, **options)
        if type(within).learn is not Trainer.learn:
            raise invalid("awp: method", "one that takes one step a batch", method, "write e.g. awp(adversarial).")
        if within.watched != "accuracy":
            raise invalid("awp: method", "one that is validated by attacks", method, "write e.g. awp(adversarial).")
        # Past Keras, which would count the classifier and the metrics of a trainer within a trainer twice.
        object.__setattr__(self, "within", within)
        self.warm_steps = None if warm_up else 0
        self.threat, self.validation_attack = within.threat, within.validation_attack
        self.trains_robust, self.learns_clean = within.trains_robust, within.learns_clean
        self.several_steps_per_call = within.several_steps_per_call
        self.learning = summed(within.learning, within.learning)
        # Devices of one machine trace their steps in threads of their own.
        self.step = threading.local()

    def compile(self, optimizer="rmsprop", loss=None, **options):
        super().compile(optimizer, loss, **options)
        object.__setattr__(self.within, "optimizer", self.optimizer)  # whose steps seed what it draws

    def begin(self, *, batch_size, steps, ramp=0):
        self.warm_steps = self.warm_up * steps
        self.within.begin(batch_size=batch_size, steps=steps, ramp=ramp)

    def prepare(self, split):
        return self.within.prepare(split)

    def state(self):
        return [*super().state(), *self.within.state()]

    def watchers(self):
        return [*self.within.watchers(), *super().watchers()]

    def remarks(self, history):
        return self.within.remarks(history)

    def cost(self, classes):
        return summed(self.within.cost(classes), self.within.learning)

    def craft(self, x, y):
        return self.within.craft(x, y)

    def learns_from(self, batch):
        return self.within.learns_from(batch)

    def labels(self, y):
        return self.within.labels(y)

    def penalty(self, batch, y, logits):
        return self.within.penalty(batch, y, logits)

    def validation_adversaries(self):
        return self.within.validation_adversaries()

    def learn(self, batch, y, weight):
        if self.warm_steps is None:
            raise invalid("awp: warm_up", "a call of begin(batch_size=..., steps=...) before fit", "none")
        self.step.shift, self.step.scope = self._shift(batch, y, weight), None
        try:
            logs = super().learn(batch, y, weight)
        finally:
            scope, self.step.shift = self.step.scope, None
        for variable in self.classifier.non_trainable_variables:
            value = scope.get_current_value(variable)
            if value is not None:
                variable.assign(value)
        return logs

    def call(self, x, training=None):
        with self._moved():
            return super().call(x, training=training)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        with self._moved():
            return super().compute_loss(x, y, y_pred, sample_weight, training)

    def _moved(self):
        """The scope in which the weights are w + v, during a step; begun under its tape, for dL/dw is wanted."""
        shift = getattr(self.step, "shift", None)
        if shift is None:
            return contextlib.nullcontext()
        if self.step.scope is None:
            values = [(weight, weight + v) for weight, v in zip(self._movable(), shift, strict=True)]
            self.step.scope = keras.StatelessScope(values, collect_losses=True)
        return self.step.scope

    def _shift(self, batch, y, weight):
        """v, a tensor for each movable weight: zeros while the training warms up."""
        rise = lambda: self._rise(batch, y, weight)  # noqa: E731
        if not self.warm_up:
            return rise()
        still = lambda: [tf.zeros_like(one) for one in self._movable()]  # noqa: E731
        return tf.cond(self.optimizer.iterations < self.warm_steps, still, rise)

    def _rise(self, batch, y, weight):
        """The step up the loss from w, in training mode; what it leaves in running statistics and seeds is dropped."""
        movable = self._movable()
        with tf.GradientTape() as tape, keras.StatelessScope(collect_losses=True):
            logits = super().call(batch, training=True)
            loss = self.loss_with(0.0, batch, y, logits, weight, training=True)
            loss = self.optimizer.scale_loss(loss)  # float16 would lose small gradients; their length is free
        slopes = tape.gradient(loss, movable, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return [self.gamma * tf.norm(w) * _unit(g) for w, g in zip(movable, slopes, strict=True)]

    def _movable(self):
        return [weight for weight in self.weights_but_noise() if len(weight.shape) > 1]


def _unit(slope):
    """The gradient at length 1; 0 where it is 0, or so long that float16 has no number for it."""
    length = tf.norm(slope)
    return tf.where(tf.math.is_finite(length), tf.math.divide_no_nan(slope, length), 0.0)
