"""What the attacker maximizes: functions of int labels (n,) and float32 logits (n, classes) to (n,)."""

import tensorflow as tf

from tfadv.errors import TfadvError


def cross_entropy(labels, logits):
    """-log softmax(z)_y."""
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)


def margin(labels, logits):
    """max_{j != y} z_j - z_y: above 0 where the example is misclassified (Carlini & Wagner 2017, f_6)."""
    return best_other(labels, logits) - true_logit(labels, logits)


def probability_margin(labels, logits):
    """max_{j != y} p_j - p_y, p = softmax(z): the probability margin loss (Xie et al. 2024, arXiv 2411.15210)."""
    return margin(labels, tf.nn.softmax(logits))


def hinge(labels, logits):
    """sum_{j != y} max(0, z_j - z_y + 1), the multi-class hinge loss (Weston & Watkins 1999)."""
    gaps = tf.nn.relu(logits - true_logit(labels, logits)[:, None] + 1)
    return tf.reduce_sum(gaps, axis=-1) - 1  # the term of the label itself


def dlr(labels, logits):
    """Difference of logits ratio, (max_{j != y} z_j - z_y) / (z_pi1 - z_pi3) (Croce & Hein 2020, eq. 6).

    Raises:
        TfadvError: with fewer than 3 classes.
    """
    _at_least(3, logits, "dlr")
    top = tf.math.top_k(logits, 3).values
    return margin(labels, logits) / (top[:, 0] - top[:, 2] + 1e-12)


def dlr_targeted(labels, logits, targets):
    """(z_t - z_y) / (z_pi1 - (z_pi3 + z_pi4) / 2) (Croce & Hein 2020, eq. 7).

    Raises:
        TfadvError: with fewer than 4 classes.
    """
    _at_least(4, logits, "dlr_targeted")
    top = tf.math.top_k(logits, 4).values
    gap = true_logit(targets, logits) - true_logit(labels, logits)
    return gap / (top[:, 0] - (top[:, 2] + top[:, 3]) / 2 + 1e-12)


def kl(reference_logits, logits):
    """KL(softmax(reference) || softmax(logits)), the inner loss of TRADES (Zhang et al. 2019, eq. 5)."""
    reference = tf.nn.log_softmax(reference_logits)
    return tf.reduce_sum(tf.exp(reference) * (reference - tf.nn.log_softmax(logits)), axis=-1)


def true_logit(labels, logits):
    """z_y: (n,). A sum with a one-hot mask, since a gather has a slow gradient on CPU."""
    return tf.reduce_sum(logits * tf.one_hot(labels, logits.shape[-1]), axis=-1)


def best_other(labels, logits):
    """max_{j != y} z_j: (n,)."""
    return tf.reduce_max(
        tf.where(tf.one_hot(labels, logits.shape[-1], True, False, dtype=tf.bool), -tf.float32.max, logits),
        -1,
    )


def rivals(labels, logits):
    """The classes besides the label, the highest logit first: (n, classes - 1)."""
    others = tf.where(tf.one_hot(labels, logits.shape[-1], True, False, dtype=tf.bool), -float("inf"), logits)
    return tf.math.top_k(others, logits.shape[-1]).indices[:, :-1]


def _at_least(classes, logits, name):
    if logits.shape[-1] < classes:
        raise TfadvError(
            f"the loss {name} needs at least {classes} classes, the model has {logits.shape[-1]}; use loss=margin."
        )


LABEL_LOSSES = {
    "ce": cross_entropy,
    "margin": margin,
    "dlr": dlr,
    "hinge": hinge,
    "probability_margin": probability_margin,
}
# `kl` compares with the logits of the clean image where the others have the label.
LOSSES = {**LABEL_LOSSES, "kl": kl}
