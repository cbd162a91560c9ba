"""Figures of merit of a classifier on images: accuracy, the distance rho_2, ROC curves."""

import numpy as np
import tensorflow as tf

from tfadv import gradients, losses, validation
from tfadv.attacks.compiled import forward
from tfadv.attacks.deepfool import DeepFool
from tfadv.options import BATCH
from tfadv.threat import NORMS


def logits(model, x, batch_size=BATCH):
    """The model's logits, (n, classes) float32; of its `inference_model`."""
    # Keras' `predict` builds a pipeline at every call, which takes longer than a small network does.
    run = forward(model, x.shape[1:])
    return np.concatenate([run(x[i : i + batch_size]) for i in range(0, len(x), batch_size)])


def predictions(model, x, batch_size=BATCH):
    """The predicted classes, (n,) int32."""
    return logits(model, x, batch_size).argmax(axis=1).astype(np.int32)


def correct(model, x, y, batch_size=BATCH, draws=1, attacked=False):
    """Where the model is right, (n,) bool; with several draws of a random model, where more than half of them are.

    Args:
        attacked: of a classifier that rejects (`validation.rejects`), rejected images count as right where they are
            adversarial, and as wrong where they are clean (Tramer, 2022: Detecting adversarial examples is (nearly) as
            hard as classifying them, section 2).
    """
    answers = votes(model, x, batch_size, draws)
    return share_right(answers, y, attacked and validation.rejects(model)) > 0.5


def votes(model, x, batch_size=BATCH, draws=1, jitter=0.0, ballot=0):
    """Logits of several passes, one after another: each (n, classes).

    Args:
        jitter: by how much each pass moves the pixels, at most, where the image seeds the noise of the model.
        ballot: a number; another one moves them otherwise.
    """
    for draw in range(draws):
        yield logits(model, moved(x, jitter, np.random.default_rng([ballot, draw])) if jitter else x, batch_size)


def moved(x, jitter, rng):
    """Images whose pixels lie up to `jitter` further on, brighter or darker, inside [0, 1]."""
    way = rng.choice([-1, 1], (len(x), 1, 1, 1)) * rng.uniform(0.5, 1, x.shape)
    return np.clip(x + jitter * way, 0, 1).astype(np.float32)


def share_right(answers, y, rejecting=False):
    """The share of answers, logits (n, classes) each, that name the label, or if `rejecting` reject the image: (n,)."""

    def right(z):
        predicted = z.argmax(axis=1)
        return (predicted == y) | (rejecting & (predicted == z.shape[1] - 1))

    return np.mean([right(z) for z in answers], axis=0)


def probabilities(z):
    """softmax(z), (n, classes), in float64 so that ranks of confident predictions survive."""
    z = np.asarray(z, np.float64)
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def rho(model, x, attack=None, norm="l2", batch_size=BATCH):
    """||delta||_p / ||x||_p per image, delta the attack's smallest change of the *prediction*: (n,).

    Misclassified images count like any other, as in the papers. The mean is DeepFool's rho_p
    (Moosavi-Dezfooli et al. 2016, eq. 15).

    Args:
        attack: a `MinimumNormAttack`; DeepFool as published if None.

    Returns:
        The ratios; NaN where no change of the prediction was found.
    """
    predicted = predictions(model, x, batch_size)
    x_adv = (attack or DeepFool()).minimal(model, x, predicted, norm=norm, batch_size=batch_size)
    return relative_change(model, x, x_adv, predicted, norm, batch_size)


def relative_change(model, x, x_adv, predicted, norm="l2", batch_size=BATCH):
    """||x_adv - x||_p / ||x||_p per image, (n,); NaN where the prediction is the one of x, `predicted`, still."""
    ratio = _length(x_adv - x, norm) / np.maximum(_length(x, norm), 1e-12)
    return np.where(predictions(model, x_adv, batch_size) != predicted, ratio, np.nan)


def _length(x, norm):
    flat = x.reshape(len(x), -1)
    return np.linalg.norm(flat, ord=NORMS[norm].order, axis=1)


def summary(ratios):
    """Mean and median over the images where an attack succeeded, and the share where it did not."""
    found = ratios[~np.isnan(ratios)]
    mean, median = (float(found.mean()), float(np.median(found))) if len(found) else (None, None)
    return {"mean": mean, "median": median, "not_found": float(np.isnan(ratios).mean())}


def gradient_signs(model, x, y, batch_size=BATCH):
    """sign(grad_x cross-entropy) of every image, (n, h, w, c) in {-1, 0, 1}."""

    @tf.function(
        input_signature=[tf.TensorSpec([None, *x.shape[1:]]), tf.TensorSpec([None], tf.int32)],
        autograph=False,
    )
    def signs(x, y):
        loss = lambda z: losses.cross_entropy(y, z)  # noqa: E731
        return tf.sign(gradients.logits_and_gradient(gradients.logits_of(model), x, loss)[2])

    starts = range(0, len(x), batch_size)
    return np.concatenate([signs(x[i : i + batch_size], y[i : i + batch_size]).numpy() for i in starts])


def fgs_outcomes(model, x, y, eps, clip=False, batch_size=BATCH):
    """Where the model is right on x + eps * sign(grad), for each eps; without the clip to [0, 1] as Deng et al. 2019.

    Returns:
        (len(eps), n) array of bool.
    """
    images, labels = tf.TensorSpec([None, *x.shape[1:]]), tf.TensorSpec([None], tf.int32)

    @tf.function(input_signature=[images, images, labels, tf.TensorSpec([])], autograph=False)
    def right(x, signs, y, e):
        moved = x + e * signs
        logits_at = gradients.logits_of(model)(tf.clip_by_value(moved, 0.0, 1.0) if clip else moved)
        return tf.argmax(logits_at, axis=-1, output_type=tf.int32) == y

    signs = gradient_signs(model, x, y, batch_size)
    outcomes = np.zeros((len(eps), len(x)), bool)
    for i in range(0, len(x), batch_size):
        part = slice(i, i + batch_size)
        batch = [tf.constant(a[part]) for a in (x, signs, y)]
        for row, e in zip(outcomes, eps, strict=True):
            row[part] = right(*batch, tf.constant(e, tf.float32))
    return outcomes


def roc(labels, scores):
    """One-vs-rest ROC curves: class -> (false positive rates, true positive rates, area).

    Args:
        labels: (n,) ints; scores: (n, classes), higher means more likely. Classes that do not occur are left out.
    """
    from sklearn.metrics import auc, roc_curve

    curves = {}
    for k in range(scores.shape[1]):
        if 0 < (labels == k).sum() < len(labels):
            fpr, tpr, _ = roc_curve(labels == k, scores[:, k])
            curves[k] = fpr, tpr, float(auc(fpr, tpr))
    return curves
