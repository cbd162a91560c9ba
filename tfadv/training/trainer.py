"""The one trainer: Keras' own `fit` around a classifier, with two hooks for what to craft and what to minimise."""

import keras
import tensorflow as tf

from tfadv import distribute, gradients, random
from tfadv.errors import TfadvError


class Trainer(keras.Model):
    """A `keras.Model` that trains `classifier`; compile, fit, evaluate and callbacks are Keras' own.

    What is saved and exported is the classifier, which reloads where tfadv is not installed. Methods override
    `craft` (what to train on) or `penalty` (what to minimise besides the loss given to `compile`), and `prepare` if
    the data change once, before training.

    Args:
        classifier: a built `keras.Model`, images to logits.
        attack: the attack that training uses, for methods that use one; also the validation attack by default.
        threat: its threat model.
        validation_attack: the attack behind `val_adv_accuracy`; needs `threat`.
        seed: of random starts.

    Metrics: `val_accuracy` and, with a threat model, `val_adv_accuracy`.
    """

    # Whether the best epoch is the one with the best adversarial accuracy, where that is measured.
    selects_robust = True
    # Whether `attack` is trained on, and not only validated with; whether several attacks or threat models may be.
    trains_on_attack = False
    trains_on_several = False
    # Whether several steps may run in one call of Keras: the same bits, with fewer trips between Python and the graph.
    several_steps_per_call = True

    def __init__(self, classifier, *, attack=None, threat=None, validation_attack=None, seed=0):
        super().__init__(name=f"{classifier.name}_trainer")
        self.classifier, self.threat, self.seed = classifier, threat, int(seed)
        self.attack = attack
        self.validation_attack = validation_attack or attack
        if self.validation_attack is not None and threat is None:
            raise TfadvError("an attack needs a threat model: give one, e.g. --threat linf:8/255.")
        self.adv_accuracy = keras.metrics.SparseCategoricalAccuracy(name="adv_accuracy")
        self.build(classifier.input_shape)

    def build(self, input_shape):
        self.built = True

    def call(self, x, training=None):
        return self.classifier(x, training=training)

    def prepare(self, split):
        """The training split as this method wants it; called once, before training."""
        return split

    def craft(self, x, y):
        """Hook 1: the images (n, h, w, c) to train on instead of x; runs outside the weights' tape."""
        return x

    def penalty(self, x, y, logits):
        """Hook 2: what is added to the loss, per example (n,), or None; runs under the weights' tape."""
        return None

    def noise_seed(self):
        """A seed for this step and replica, (2,) int32: a function of the optimizer's step, for exact resumes."""
        replica = tf.distribute.get_replica_context()
        number = replica.replica_id_in_sync_group if replica is not None else 0
        return random.key(self.seed, self.optimizer.iterations, number)

    def compile(self, optimizer="rmsprop", loss=None, **options):
        """Keras' own, after a look at what Keras cannot do on several devices."""
        distribute.check(
            self.distribute_strategy,
            self.classifier,
            steps_per_execution=options.get("steps_per_execution"),
            jit_compile=options.get("jit_compile"),
            gradient_accumulation_steps=getattr(optimizer, "gradient_accumulation_steps", None),
        )
        super().compile(optimizer, loss, **options)

    def train_step(self, data):
        x, y, weight = self._unpack(data)
        logs = super().train_step((tf.stop_gradient(self.craft(x, y)), y, weight))
        # It is measured in validation only; here it would show as 0.
        return {name: value for name, value in logs.items() if name != "adv_accuracy"}

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        loss = super().compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=training)
        penalty = self.penalty(x, y, y_pred) if training else None
        if penalty is None:
            return loss
        # Keras sums the replicas' gradients and has divided its own loss by their number already.
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        return loss + tf.reduce_mean(penalty if sample_weight is None else penalty * sample_weight) / replicas

    def test_step(self, data):
        if self.validation_attack is not None:
            x, y, _ = self._unpack(data)
            options = {"threat": self.threat, "seed": self._validation_seed()}
            x_adv = self.validation_attack.craft(self.classifier, x, y, **options)
            self.adv_accuracy.update_state(y, gradients.logits_of(self.classifier)(x_adv))
        logs = super().test_step(data)
        if self.validation_attack is None:
            logs.pop("adv_accuracy", None)
        return logs

    def _validation_seed(self):
        """The same in every epoch, so that epochs can be compared, and none of training's."""
        return random.key(self.seed, 2**31 - 1)

    def _unpack(self, data):
        """Images, labels as (n,) int32 whatever integers they came as, and weights."""
        x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
        return x, tf.reshape(tf.cast(y, tf.int32), [-1]), weight

    def save(self, filepath, overwrite=True, zipped=None, **options):
        return self.classifier.save(filepath, overwrite=overwrite, zipped=zipped, **options)

    def export(self, *arguments, **options):
        return self.classifier.export(*arguments, **options)
