"""The networks of the Deep Defense experiments: vanilla, the seed's form of Deep Defense, and the paper's."""

import typing

import keras
import tensorflow as tf

from tfadv.experiments.base import copy_of, fit
from tfadv.models import build
from tfadv.training.trainer import Trainer

BATCH = 100


class Way(typing.NamedTuple):
    """One way of Deep Defense training with Adam; `falling` lets the rate fall to a twentieth along a cosine."""

    lam: float
    c: float
    d: float
    rate: float
    epochs: int
    falling: bool

    def __str__(self):
        rate = f"{self.rate:g}{' falling' if self.falling else ''}"
        return f"lambda {self.lam:g}, c {self.c:g}, d {self.d:g}, rate {rate}, {self.epochs} epochs"


PUBLISHED = Way(15, 25, 5, 5e-4, 5, False)
# One of the best rows of `tfadv reproduce deep-defense-tuning`, on 6,000 held-out training images (docs/results.md says
# how it was chosen).
TUNED = Way(5, 25, 5, 1e-3, 10, True)


def vanilla(data, image_shape, classes, *, epochs, seed, progress):
    """784-100-10, Adam 1e-3, batches of 64: after the first epochs, and after some more without a break.

    Args:
        data: a Split; epochs: (the first, how many more).

    Returns:
        The network after the first epochs, and the network after all.
    """
    first, more = epochs
    options = {"batch_size": 64, "seed": seed, "progress": progress}
    start, adam = build("mlp", image_shape, classes, seed), keras.optimizers.Adam(1e-3)
    fit(start, "standard", data, epochs=first, optimizer=adam, what="vanilla MLP", **options)
    network, again = copy_of(start), keras.optimizers.Adam(1e-3)
    again.build(network.trainable_variables)
    for old, new in zip(adam.variables, again.variables, strict=True):
        new.assign(old)
    what = f"vanilla MLP, {more} more epochs"
    fit(network, "standard", data, epochs=more, optimizer=again, what=what, first_epoch=first, **options)
    return start, network


def paper_form(network, way, data, *, seed, progress, epochs=None):
    """Train `network` in place by the objective of Yan, Guo, Zhang 2018, in one `Way`, and return it.

    Args:
        epochs: instead of the way's own, for short runs.
    """
    epochs, batch_size = epochs or way.epochs, min(BATCH, len(data))
    steps = epochs * (len(data) // batch_size)
    rate = keras.optimizers.schedules.CosineDecay(way.rate, steps, alpha=0.05) if way.falling else way.rate
    method = f"deep_defense(lam={way.lam}, c={way.c}, d={way.d})"
    return fit(
        network, method, data, epochs=epochs, batch_size=batch_size, seed=seed, progress=progress,
        optimizer=keras.optimizers.Adam(rate), what=f"Deep Defense, {way}",
    )  # fmt: skip


class SeedDeepDefense(Trainer):
    """What the code of Deng, Zhang, Zhao 2019 minimises: a sum, with a regulariser that has no gradient.

    sum CE(x') + lam * sum [exp(-c r m) + exp(d r (1 - m))], x' the DeepFool image, r = ||x' - x|| / ||x'|| and m its
    being classified correctly. r is a table of numbers made before training and m a comparison, so that nothing
    depends on the weights smoothly; the masks stand inside the exponents, so that every example adds a constant 1.

    Args:
        ratios: r of every training image, in the order of training, (n,).
    """

    def __init__(self, classifier, ratios, lam=15.0, c=25.0, d=5.0, seed=0):
        super().__init__(classifier, seed=seed)
        self.ratios, self.lam, self.c, self.d = tf.constant(ratios, tf.float32), lam, c, d

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        loss = super().compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=training)
        return loss + self.lam * tf.reduce_sum(self.regularizer(y, y_pred))

    def regularizer(self, y, logits):
        """The two exponentials per example, (n,), of the batch that the optimizer's step says it is."""
        n = tf.shape(y)[0]
        step = tf.cast(self.optimizer.iterations, tf.int32) % (tf.size(self.ratios) // n)
        r = self.ratios[step * n : (step + 1) * n]
        right = tf.cast(tf.argmax(logits, axis=-1, output_type=y.dtype) == y, tf.float32)
        return tf.exp(-self.c * r * right) + tf.exp(self.d * r * (1 - right))
