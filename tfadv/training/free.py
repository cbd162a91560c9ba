"""Free adversarial training: one backward pass gives the step of the weights and that of the perturbation.

Shafahi et al.: Adversarial Training for Free!, NeurIPS 2019.
"""

import typing

import keras
import tensorflow as tf

from tfadv.errors import TfadvError, invalid
from tfadv.options import number
from tfadv.passes import Passes
from tfadv.training.trainer import Trainer, TrainerOptions


class Free(Trainer):
    """Each batch `replays` times: w <- w - lr grad_w L(x + delta, y), delta <- project(delta + eps sign(grad_x L)).

    Both gradients are of one backward pass, in training mode, and delta goes on from batch to batch. In other norms
    the step is eps times the steepest direction. A batch costs `replays` forward and backward passes and updates the
    weights as often, so that the authors divide the number of epochs by `replays`; schedules of the learning rate
    count updates.

    Args:
        threat: required, e.g. `LInf(8/255)`.
        attack: that of validation; training has its own.
        replays: m, at least 1; the paper has 8 on CIFAR-10.

    Raises:
        TfadvError: without a threat model, for fewer replays than 1, for batches larger than the one it was told of or
            than the first, or of a size that is not known, and on several devices, whose perturbations would have to
            differ.

    >>> Free(model, threat=LInf(8 / 255), replays=4)  # doctest: +SKIP
    """

    trains_robust = True

    def __init__(self, classifier: keras.Model, *, replays: int = 8, **options: typing.Unpack[TrainerOptions]):
        if options.get("threat") is None:
            raise TfadvError("free adversarial training needs a threat model: --threat linf:8/255.")
        super().__init__(classifier, **options)
        self.delta = None
        self.updates = number("free: replays", replays, "a whole number of at least 1", lambda m: m >= 1, (int,))
        self.learning = Passes(self.updates, self.updates)
        if self.distribute_strategy.num_replicas_in_sync > 1:
            raise TfadvError("free adversarial training works on one device: add --devices 1, or use --method fast.")

    def begin(self, *, batch_size, steps, ramp=0):
        super().begin(batch_size=batch_size, steps=steps, ramp=ramp)
        delta = keras.Variable(tf.zeros((batch_size, *self.classifier.input_shape[1:])), trainable=False, name="delta")
        object.__setattr__(self, "delta", delta)  # Keras takes no variables after a model is built

    def state(self):
        return [*super().state(), *([] if self.delta is None else [self.delta])]

    def learn(self, batch, y, weight):
        for _ in range(self.updates):
            logs = self._replay(batch["x"], y, weight)
        return logs

    def _replay(self, x, y, weight):
        """One step of the weights and one of the perturbation; returns the metrics."""
        threat, n = self.ramped(self.threat), tf.shape(x)[0]
        batch = {"x": x, "x_adv": threat.project(x + self._delta_of(x)[:n], x)}
        with tf.GradientTape() as tape:
            tape.watch(batch["x_adv"])
            logits = self(batch, training=True)
            loss = self.compute_loss(batch, y, logits, weight)
            scaled = self.optimizer.scale_loss(loss)
        weights = self.trainable_weights
        slopes, way = tape.gradient(scaled, (weights, batch["x_adv"]))
        self.optimizer.apply_gradients(zip(slopes, weights, strict=True))
        moved = threat.project(batch["x_adv"] + threat.eps * threat.steepest(way, batch["x_adv"]), x)
        self.delta.assign(tf.concat([moved - x, self.delta[n:]], axis=0))
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss, sample_weight=n)
        return self.compute_metrics(batch, y, logits, sample_weight=weight)

    def _delta_of(self, x):
        """The perturbation, made with the first batch where nothing told its size."""
        if self.delta is None:
            if x.shape[0] is None:
                hint = "drop the remainder of the data set, or call begin(batch_size=..., steps=...) before fit."
                raise invalid("free: the batches", "a size that is known", "an unknown one", hint)
            with tf.init_scope():
                self.begin(batch_size=x.shape[0], steps=1)
        return self._for_batch(x)

    def _for_batch(self, x):
        """The perturbation, if it is as large as the batch; a graph may learn of that only when it runs."""
        n, most = x.shape[0], self.delta.shape[0]
        what, expected = "free: the batches", f"at most {most} images, the batch_size of begin, or the first batch"
        hint = "call begin(batch_size=..., steps=...) with the size of the largest."
        if n is not None and n > most:
            raise invalid(what, expected, n, hint)
        fits = tf.debugging.assert_less_equal(tf.shape(x)[0], most, f"{what}: expected {expected}; {hint}")
        with tf.control_dependencies([] if fits is None else [fits]):
            return tf.identity(self.delta)
