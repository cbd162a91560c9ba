"""The one trainer: Keras' own `fit` around a classifier, with hooks for what to craft and what to minimize."""

import contextlib
import typing
from collections.abc import Mapping

import keras
import tensorflow as tf

from tfadv import distribute, gradients, random
from tfadv.attacks.base import Attack
from tfadv.data.split import Split
from tfadv.errors import TfadvError
from tfadv.graph.xla import xla_pays
from tfadv.layers.parametric_noise import noise_factors
from tfadv.passes import Passes
from tfadv.threat import ThreatModel
from tfadv.training import average
from tfadv.training.objective import hard, is_right, is_soft


class TrainerOptions(typing.TypedDict, total=False):
    """What every method takes besides the classifier, see `Trainer`: `**options: typing.Unpack[TrainerOptions]`."""

    attack: Attack | None
    threat: ThreatModel | None
    validation_attack: Attack | None
    seed: int


class Trainer(keras.Model):
    """A `keras.Model` that trains `classifier`; compile, fit, evaluate and callbacks are Keras' own.

    What is saved and exported is the classifier, with the average of its weights where one is kept. Its file reloads
    where tfadv is not installed, unless it has layers of `tfadv.layers`. A method says in `craft` what images it makes
    of a batch, in `learns_from` which of the two the compiled loss sees, in `labels` what that loss compares with, and
    in `penalty` what is minimized besides; in `prepare` it changes the data once, before training.

    Labels are class indices (n,), or soft: floats (n, classes), as mixup makes them. Hooks see the likeliest class.

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
    # Whether it trains on images attacked within the threat model, so that it should learn to withstand them.
    trains_robust = False
    # Whether the compiled loss, and so `accuracy` while training, is of the clean images though others are crafted.
    learns_clean = False
    # Whether several steps may run in one call of Keras: the same bits, with fewer trips between Python and the graph.
    several_steps_per_call = True
    # Whether it learns classes, and what its best epoch is the best in: a metric that is better when higher.
    learns_labels, watched = True, "accuracy"
    # How often a batch updates the weights.
    updates = 1
    # d in the term d / 2 ||w||^2 of the loss, over `weights_but_noise`.
    weight_decay = 0.0
    # The passes of an image in a step besides what `craft` takes.
    learning = Passes(1, 1)
    # What keeps an average of the weights, see `tfadv.training.average`, or None.
    average = None
    # The number of updates over which eps grows from 0, see `begin`.
    ramp = 0

    def __init__(
        self,
        classifier: keras.Model,
        *,
        attack: Attack | None = None,
        threat: ThreatModel | None = None,
        validation_attack: Attack | None = None,
        seed: int = 0,
    ):
        # In mixed precision the classifier's layers round to float16; here it would be images, and what moves weights.
        super().__init__(name=f"{classifier.name}_trainer", dtype="float32")
        self.classifier, self.threat, self.seed = classifier, threat, int(seed)
        self.attack = attack
        self.validation_attack = validation_attack or attack
        if self.validation_attack is not None and threat is None:
            raise TfadvError("an attack needs a threat model: give one, e.g. --threat linf:8/255.")
        self.adv_accuracy = keras.metrics.Mean(name="adv_accuracy")
        self.build(classifier.input_shape)

    def build(self, input_shape):
        self.built = True

    def call(self, x, training=None):
        return self.classifier(self.learns_from(x) if isinstance(x, dict) else x, training=training)

    def prepare(self, split: Split) -> Split:
        """The training split as this method wants it; called once, before training."""
        return split

    def prepare_held_out(self, split: Split) -> Split:
        """The held-out split as this method wants it; called once, before training."""
        return split

    def begin(self, *, batch_size: int, steps: int, ramp: int = 0) -> None:
        """Tell the method the size of its training; `tfadv.train` does, before anything is traced.

        Args:
            batch_size: images a step.
            steps: of an epoch.
            ramp: steps over which the eps of training grows linearly from 0, as de Jorge et al. do on SVHN
                (Make Some Noise, 2022, appendix); 0 begins with the eps of the threat model.

        Raises:
            TfadvError: for a ramp, where the method does not train within an eps.
        """
        if ramp and not self.trains_robust:
            raise TfadvError(f"{type(self).__name__} does not train within an eps that could grow: give no ramp.")
        self.ramp = ramp * self.updates

    def state(self) -> list[keras.Variable]:
        """Variables besides those of Keras that go on from step to step: a backup holds them."""
        return [] if self.average is None else self.average.state()

    def watchers(self) -> list[keras.callbacks.Callback]:
        """Callbacks that watch over this method, for `fit`: they come before those that save."""
        return [self.average] if isinstance(self.average, keras.callbacks.Callback) else []

    def remarks(self, history: list[dict[str, float]]) -> list[str]:
        """Sentences about what happened in these epochs that their metrics alone do not say."""
        return []

    def craft(self, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        """Hook 1: images (n, h, w, c) made of the clean x and the labels (n,); runs outside the weights' tape."""
        return x

    def learns_from(self, batch: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Hook 2: the images that the compiled loss sees, of a batch of clean `x` and crafted `x_adv`."""
        return batch["x" if self.learns_clean else "x_adv"]

    def labels(self, y: tf.Tensor) -> tf.Tensor:
        """Hook 3: what the compiled loss compares with: labels (n,) as they come, or made soft, (n, classes)."""
        return y

    def penalty(self, batch: Mapping[str, tf.Tensor], y: tf.Tensor, logits: tf.Tensor) -> tf.Tensor | None:
        """Hook 4: what is added to the loss, per example (n,), or None; runs under the weights' tape.

        Args:
            batch: a mapping of the clean images `x` and the crafted `x_adv`, (n, h, w, c).
            y: labels, (n,) int32.
            logits: of what `learns_from` says, in training mode, (n, classes).
        """
        return None

    def cost(self, classes: int) -> Passes:
        """The `Passes` that an image costs at most in a step, with so many classes; those of standard training here."""
        return self.learning

    def validation_adversaries(self) -> tuple[tuple[Attack, ThreatModel], ...]:
        """The pairs of attack and threat model that a validation image must withstand all of."""
        return () if self.validation_attack is None else ((self.validation_attack, self.threat),)

    def attacked(
        self,
        attack: Attack,
        threat: ThreatModel,
        x: tf.Tensor,
        y: tf.Tensor,
        seed: tf.Tensor,
        targets: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """`attack.craft` on the classifier as it is now, in inference mode; under XLA where that pays."""
        threat = self.ramped(threat)

        def run(x, y, seed):
            return attack.craft(self.classifier, x, y, threat=threat, seed=seed, targets=targets)

        # XLA compiles for one batch size; a batch that may have any size takes the plain graph.
        if attack.xla_compatible and x.shape[0] is not None and xla_pays(self.classifier):
            run = tf.function(run, jit_compile=True, autograph=False)
        return run(x, y, seed)

    def ramped(self, threat: ThreatModel) -> ThreatModel:
        """The threat model with the eps of this step, `ramp_share` of its own."""
        return threat.with_eps(threat.eps * self.ramp_share()) if self.ramp else threat

    def ramp_share(self) -> tf.Tensor | float:
        """min(1, t / ramp) in update t = 1, 2, ...; 1 without a ramp."""
        if not self.ramp:
            return 1.0
        return tf.minimum(tf.cast(self.optimizer.iterations + 1, tf.float32) / self.ramp, 1.0)

    def noise_seed(self) -> tf.Tensor:
        """A seed for this step and replica, (2,) int32: a function of the optimizer's step, for exact resumes."""
        replica = tf.distribute.get_replica_context()
        number = replica.replica_id_in_sync_group if replica is not None else 0
        return random.key(self.seed, self.optimizer.iterations, number)

    def compile(self, optimizer="rmsprop", loss=None, **options):
        """Keras' own, after a look at what Keras cannot do on several devices; float16 gets a scaled loss."""
        optimizer, scale = keras.optimizers.get(optimizer), options.pop("auto_scale_loss", True)
        distribute.check(
            self.distribute_strategy,
            self.classifier,
            steps_per_execution=options.get("steps_per_execution"),
            jit_compile=options.get("jit_compile"),
            gradient_accumulation_steps=getattr(optimizer, "gradient_accumulation_steps", None),
        )
        scaled = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
        if scale and not scaled and gradients.computes_in_half(self.classifier):
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
        super().compile(optimizer, loss, **options)

    def train_step(self, data):
        """Crafts, then learns from the clean and the crafted images together."""
        x, y, weight = self._unpack(data)
        batch = {"x": x, "x_adv": tf.stop_gradient(self.craft(x, hard(y)))}
        logs = self.learn(batch, self.labels(y), weight)
        # It is measured in validation only; here it would show as 0.
        return {name: value for name, value in logs.items() if name != "adv_accuracy"}

    def learn(self, batch: Mapping[str, tf.Tensor], y: tf.Tensor, weight: tf.Tensor | None) -> dict[str, typing.Any]:
        """One step on a batch of clean `x` and crafted `x_adv`: Keras' own. Returns its metrics."""
        return super().train_step((batch, y, weight))

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return self.loss_with(self.weight_decay, x, y, y_pred, sample_weight, training)

    def loss_with(
        self, decay: float, x: tf.Tensor, y: tf.Tensor, y_pred: tf.Tensor, weights: tf.Tensor | None, training: bool
    ) -> tf.Tensor:
        """Keras' loss, the penalty, and so much weight decay: a scalar."""
        loss = super().compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=weights, training=training)
        # Keras sums the replicas' gradients and has divided its own loss by their number already.
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        if training and decay:
            squares = [
                tf.reduce_sum(tf.square(tf.cast(weight.value, loss.dtype))) for weight in self.weights_but_noise()
            ]
            loss += decay / 2 * tf.add_n(squares) / replicas
        penalty = self.penalty(x, hard(y), y_pred) if training else None
        if penalty is None:
            return loss
        penalty = penalty if weights is None else penalty * weights
        if getattr(self.loss, "reduction", None) == "sum":
            return loss + tf.reduce_sum(penalty)
        return loss + tf.reduce_mean(penalty) / replicas

    def weights_but_noise(self) -> list[keras.Variable]:
        """All trainable weights but the factors of parametric noise, which decay would train away."""
        factors = {id(factor) for factor in noise_factors(self.classifier)}
        return [weight for weight in self.classifier.trainable_variables if id(weight) not in factors]

    def test_step(self, data):
        adversaries = self.validation_adversaries()
        if adversaries:
            x, y, _ = self._unpack(data)
            self.adv_accuracy.update_state(self._withstands(adversaries, x, hard(y)))
        logs = super().test_step(data)
        if not adversaries:
            logs.pop("adv_accuracy", None)
        return logs

    def _withstands(self, adversaries, x, y):
        """Where the images are classified correctly under every attack: (n,) float32."""
        right = tf.ones(tf.shape(y))
        for attack, threat in adversaries:
            # The same in every epoch, so that epochs can be compared, and none of training's.
            seed = random.key(self.seed, 2**31 - 1)
            x_adv = attack.craft(self.classifier, x, y, threat=threat, seed=seed)
            right *= is_right(y, gradients.logits_of(self.classifier)(x_adv))
        return right

    def _unpack(self, data):
        """Images, a tensor, labels as (n,) int32 whatever integers they came as, or soft as they are, and weights."""
        x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
        return tf.convert_to_tensor(x), y if is_soft(y) else tf.reshape(tf.cast(y, tf.int32), [-1]), weight

    def averaged(self) -> contextlib.AbstractContextManager[None]:
        """The classifier with the average of its weights, where one is kept: `with trainer.averaged(): ...`."""
        return average.in_place(self)

    def evaluate(self, *arguments, **options):
        """Keras' own, of the average of the weights where one is kept."""
        with self.averaged():
            return super().evaluate(*arguments, **options)

    def save(self, filepath, overwrite=True, zipped=None, **options):
        with self.averaged():
            return self.classifier.save(filepath, overwrite=overwrite, zipped=zipped, **options)

    def export(self, *arguments, **options):
        with self.averaged():
            return self.classifier.export(*arguments, **options)
