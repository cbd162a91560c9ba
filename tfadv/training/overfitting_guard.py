"""Catastrophic overfitting of single-step training: noticed after the epoch, and undone.

Wong, Rice, Kolter: Fast is better than free, Revisiting adversarial training, ICLR 2020, section 5.4.
"""

import keras
import numpy as np
import tensorflow as tf

from tfadv import gradients, random
from tfadv.attacks.pgd import PGD
from tfadv.training.objective import is_right

# The authors' code: PGD-5 on a training batch, whose accuracy may fall by so much.
ATTACK, DROP, IMAGES = PGD(steps=5), 0.2, 128


class OverfittingGuard(keras.callbacks.Callback):
    """Goes back to the weights that an epoch began with, if PGD-5 suddenly breaks what the single step does not.

    That is where the accuracy under PGD-5 on 128 training images ends the epoch 20 points below its highest so far, and
    20 points below that under the single step. Weights and momenta become those of the epoch's begin, before
    validation and before anything is saved; the training goes on, with other random starts and at another learning
    rate. While eps grows from 0 nothing is compared. It costs nine forward and six backward passes of 128 images an
    epoch.

    The epochs' metrics get `pgd_accuracy` and `went_back`, from which a resumed training knows the past.

    Args:
        trainer: whose `craft` is the single step.
        split: the training images; as many as needed are taken, evenly spread.
    """

    def __init__(self, trainer, split):
        super().__init__()
        few = split.spread(min(IMAGES, len(split)))
        self.trainer, self.images, self.truth = trainer, tf.constant(few.x), tf.constant(few.y)
        self.highest, self.found = -np.inf, None
        self.accuracies = tf.function(self._accuracies, autograph=False)

    def on_epoch_begin(self, epoch, logs=None):
        self.begun = [np.array(variable) for variable in self._state()]

    def on_train_batch_end(self, batch, logs=None):
        if batch + 1 == self.params["steps"]:  # what follows is validation
            single, several = (float(accuracy) for accuracy in self.accuracies())
            overfitted = several < self.highest - DROP and several < single - DROP
            self.found = {"pgd_accuracy": several, "went_back": float(overfitted)}
            if overfitted:
                for variable, value in zip(self._state(), self.begun, strict=True):
                    variable.assign(value)

    def on_epoch_end(self, epoch, logs=None):
        logs.update(self.found or {})  # nothing where a resumed training sees a past epoch again
        self.found = None
        # While eps grows accuracies fall, and are not to be compared.
        grows = self.trainer.ramp and (epoch + 1) * self.params["steps"] < self.trainer.ramp
        if not logs["went_back"] and not grows:
            self.highest = max(self.highest, logs["pgd_accuracy"])

    def remarks(self, history):
        """The sentence about the epochs that were taken back."""
        back = [str(epoch + 1) for epoch, logs in enumerate(history) if logs.get("went_back")]
        if not back:
            return []
        return [
            f"Catastrophic overfitting in epoch {', '.join(back)}: the network withstood a single step, but not PGD-5; "
            "the weights of the epoch before were taken. Train with fast(variant=n_fgsm), with a lower learning rate, "
            "or on pgd with several steps."
        ]

    def _accuracies(self):
        """On images of the single step, and on those of PGD-5, both within the eps of this step."""
        model, threat = self.trainer.classifier, self.trainer.ramped(self.trainer.threat)
        single = self.trainer.craft(self.images, self.truth)
        several = ATTACK.craft(model, self.images, self.truth, threat=threat, seed=random.key(self.trainer.seed))
        logits_fn = gradients.logits_of(model)
        return tuple(tf.reduce_mean(is_right(self.truth, logits_fn(x))) for x in (single, several))

    def _state(self):
        """What an epoch changes, but for the number of its steps, of which schedules and random starts are made."""
        optimizer = self.model.optimizer
        slots = [variable for variable in optimizer.variables if variable is not optimizer.iterations]
        return [*self.trainer.classifier.variables, *slots]
