"""The loss that is minimized, of integer labels and of soft ones."""

import keras
import tensorflow as tf

from tfadv import losses

REDUCTIONS = {"mean": "sum_over_batch_size", "sum": "sum"}


class Loss(keras.losses.Loss):
    """Cross-entropy or the multi-class hinge loss of logits (n, k), with labels (n,), or soft ones (n, k).

    Args:
        name: `"ce"`, or `"hinge"`: sum_{j != y} max(0, z_j - z_y + 1) (Weston, Watkins 1999). With soft labels both are
            the mean over the classes, as likely as the label says.
        reduction: over the batch, `"mean"` or `"sum"`.

    >>> float(Loss("hinge")(np.array([0]), np.array([[1.0, 0.5, -3.0]])))
    0.5
    """

    def __init__(self, name="ce", reduction="mean"):
        super().__init__(name=name, reduction=REDUCTIONS[reduction])

    def call(self, y_true, y_pred):
        if is_soft(y_true, y_pred):
            return self._soft(y_true, y_pred)
        labels = tf.reshape(tf.cast(y_true, tf.int32), [-1])
        if self.name == "hinge":
            return losses.hinge(labels, y_pred)
        return keras.losses.sparse_categorical_crossentropy(labels, y_pred, from_logits=True)

    def _soft(self, weights, logits):
        if self.name == "ce":
            return keras.losses.categorical_crossentropy(weights, logits, from_logits=True)
        classes = range(logits.shape[-1])
        each = [losses.hinge(tf.fill(tf.shape(logits)[:1], label), logits) for label in classes]
        return tf.reduce_sum(weights * tf.stack(each, axis=1), axis=1)


def is_soft(labels, logits):
    """Whether labels say of every class how likely it is: (n, classes)."""
    return labels.shape.rank == 2 and labels.shape[1] == logits.shape[1] > 1
