"""The loss that is minimized and the accuracy, of integer labels and of soft ones."""

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
        if is_soft(y_true):
            return self._soft(y_true, y_pred)
        labels = hard(y_true)
        if self.name == "hinge":
            return losses.hinge(labels, y_pred)
        return keras.losses.sparse_categorical_crossentropy(labels, y_pred, from_logits=True)

    def _soft(self, weights, logits):
        if self.name == "ce":
            return keras.losses.categorical_crossentropy(weights, logits, from_logits=True)
        classes = range(logits.shape[-1])
        each = [losses.hinge(tf.fill(tf.shape(logits)[:1], label), logits) for label in classes]
        return tf.reduce_sum(weights * tf.stack(each, axis=1), axis=1)


class Accuracy(keras.metrics.Mean):
    """The share of images whose highest logit is that of the label, of soft labels of the likeliest class."""

    def __init__(self, name="accuracy"):
        super().__init__(name=name)

    def update_state(self, y_true, y_pred, sample_weight=None):
        return super().update_state(is_right(y_true, y_pred), sample_weight)


def is_soft(labels):
    """Whether labels say of every class how likely it is: (n, classes)."""
    shape = tf.TensorShape(labels.shape)
    return shape.rank == 2 and shape[1] is not None and shape[1] > 1


def smoothed(labels, smoothing, classes):
    """(1 - s) onehot(y) + s / classes, (n, classes), of labels (n,) or soft ones (Szegedy et al. 2016, section 7)."""
    certain = labels if is_soft(labels) else tf.one_hot(labels, classes)
    return (1 - smoothing) * certain + smoothing / classes


def hard(labels):
    """Labels as class indices, (n,) int32: of soft ones the likeliest."""
    if is_soft(labels):
        return tf.argmax(labels, axis=-1, output_type=tf.int32)
    return tf.reshape(tf.cast(labels, tf.int32), [-1])


def is_right(labels, logits):
    """Where the prediction is the label: (n,) float32."""
    predicted = tf.argmax(logits, axis=-1, output_type=tf.int32)
    return tf.cast(predicted == hard(labels), tf.float32)
