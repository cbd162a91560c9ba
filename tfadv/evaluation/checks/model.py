"""What is suspect about a model and about the images it was judged on, whatever was run against it.

A check takes an `Evidence` and returns (severity, message, advice), None where it has nothing to object, or a text that
says why it could not look. Its name is the finding's code.
"""

import numpy as np
import tensorflow as tf

from tfadv import gradients, losses
from tfadv.attacks.bpda import BPDA
from tfadv.attacks.eot import EOT
from tfadv.evaluation import metrics
from tfadv.evaluation.checks.evidence import NO_GRADIENTS, NO_SINGLE_GRADIENT, NONE_RIGHT, RANDOM, loss_of, some
from tfadv.graph.inference import augmentation_layers, batch_layers
from tfadv.tensors import finite_or, flat_sum, per_example

# By how much of the spread of the logits an image's own may move with its company. Rounding to bfloat16 moves them by
# 0.5 %, batch statistics by 10 % or more.
COMPANY = 0.02
# How far a step along the gradient is to lead, in spreads of the logits, and how much of that it must keep.
PROMISED, KEPT = 0.02, 0.5


def randomized(evidence):
    """Two passes over the same images give different logits, or would in Keras' export."""
    if not evidence.stochastic:
        return _augmented(augmentation_layers(evidence.judge.model))
    first, second = (evidence.judge.logits(evidence.judge.x) for _ in range(2))
    flips = (first.argmax(axis=1) != second.argmax(axis=1)).mean()
    expected = any(isinstance(part, EOT) for part in evidence.parts)
    return (
        "info" if expected else "warning",
        f"The model is random: two passes over {len(first)} images differ by up to {np.abs(first - second).max():.2g}"
        f" in a logit and in {flips:.1%} of the predictions.",
        "Attack the expectation over its randomness (eot), and judge each image by several passes.",
    )


def _augmented(names):
    if not names:
        return None
    return (
        "info",
        f"{', '.join(names)} was left out, as predict leaves it out; in model(x) and Keras' export it is random.",
        "Use predict, model(x, training=False) or `tfadv export`.",
    )


def batch_dependent(evidence):
    """The logits of an image depend on the images beside it."""
    advice = "Run BatchNormalization (and what else looks across the batch) with training=False."
    if names := batch_layers(evidence.judge.model):
        said = (
            f"The model calls {', '.join(names)} with training=True: model(x) and Keras' export use the statistics of "
        )
        return "error", f"{said}the batch; judged is what predict returns, with the stored statistics.", advice
    x = evidence.judge.x[:16]
    if evidence.stochastic:
        return RANDOM
    together, single = (metrics.logits(evidence.judge.model, x, size) for size in (len(x), 1))
    moved = np.abs(together - single).max() / np.maximum(np.ptp(together, axis=1).mean(), 1e-12)
    if moved <= COMPANY:
        return None
    flips = (together.argmax(axis=1) != single.argmax(axis=1)).sum()
    return (
        "error",
        f"Alone, images have other logits than in a batch of {len(x)}: they move by up to {moved:.1%} of their spread, "
        f"and {flips} predictions change.",
        advice,
    )


def probabilities(evidence):
    """The outputs lie in [0, 1], though they may not sum to 1."""
    low, high = float(evidence.logits.min()), float(evidence.logits.max())
    if low < 0 or high > 1 + 1e-6 or high <= 0.5 or len(evidence.logits) < 2:
        return None
    return (
        "error",
        f"All outputs lie between {low:.2g} and {high:.2g}, as probabilities do: their gradients vanish where the "
        "model is sure.",
        "Return logits: leave out the sigmoid or softmax, or return the logarithm of the softmax.",
    )


def no_gradients(evidence):
    """No gradient leads from the logits to the image."""
    if evidence.differentiable:
        return None
    surrogate = any(isinstance(part, BPDA) for part in evidence.parts)
    return (
        "warning" if surrogate else "error",
        "No gradient leads from the logits to the image, "
        + ("and the attacks used a surrogate gradient." if surrogate else "so only attacks that need none could run."),
        "Load the .keras file instead of an export without gradients; where the model rounds or steps, attack with "
        "bpda, which uses a surrogate gradient.",
    )


def zero_gradients(evidence):
    """Images at which gradient attacks have nothing to follow: the gradient is zero, or not finite."""
    at = np.flatnonzero(evidence.right)
    if not evidence.differentiable or not at.size:
        return NO_GRADIENTS if not evidence.differentiable else NONE_RIGHT
    dead, broken = (np.mean(part, axis=1) for part in _usable(evidence, at))
    if max(*dead, *broken) <= 0.01:
        return None
    ce, margin = dead
    other_loss = any(not member.black_box and loss_of(member) != "ce" for member in evidence.members)
    hopeless = margin > 0.1 or (ce > 0.1 and not other_loss)
    return (
        "error" if hopeless else "warning",
        f"The cross-entropy has no gradient, zero in every pixel, at {ce:.1%} of the images and the margin at "
        f"{margin:.1%}; NaN or infinite somewhere at {max(broken):.1%}.",
        "Attack with loss=margin, which does not saturate; where that has none either, look for the operation that "
        "stops the gradient (square roots and divisions by 0, rounding, steps), or use bpda and square.",
    )


def _usable(evidence, at):
    """Of cross-entropy and margin, where no pixel has a finite gradient other than 0, and where some is not finite."""
    judge = evidence.judge
    logits_fn = gradients.logits_of(judge.model)

    @tf.function(input_signature=_signature(judge.x), autograph=False)
    def look(x, y):
        found = []
        for name in ("ce", "margin"):
            loss = lambda z, name=name: losses.LABEL_LOSSES[name](y, z)  # noqa: E731
            gradient = gradients.logits_and_gradient(logits_fn, x, loss)[2]
            dead = flat_sum(tf.cast(finite_or(0.0, gradient) != 0, tf.float32)) == 0
            found.append((dead, ~tf.math.is_finite(flat_sum(tf.abs(gradient)))))
        return [tf.stack(part) for part in zip(*found, strict=True)]

    batches = np.split(at, range(judge.batch_size, len(at), judge.batch_size))
    return [np.concatenate(part, axis=1) for part in zip(*(look(judge.x[i], judge.y[i]) for i in batches), strict=True)]


def misleading_gradients(evidence):
    """A short step along the gradient does not lead where the gradient says: it is not the model's."""
    at = some(evidence.right)
    if not evidence.gradients_mean or not at.size:
        return NO_SINGLE_GRADIENT if not evidence.gradients_mean else NONE_RIGHT
    kept = _kept_promises(evidence, at)
    kept = kept[np.isfinite(kept)]
    broken = np.mean((kept < KEPT) | (kept > 1 / KEPT)) if kept.size else 0
    if broken <= 0.1:
        return None
    return (
        "error" if np.median(kept) <= KEPT else "warning",
        f"A short step along the gradient changes the margin as the gradient promises at {1 - broken:.1%} of "
        f"{len(kept)} images only, and {np.median(kept):.2g} times as much in the median.",
        "Something in the model replaces or shatters the gradient (straight-through layers, custom gradients, noise): "
        "attack with square too, and with bpda and a smooth surrogate for that layer.",
    )


def _kept_promises(evidence, at):
    """(f(x + h g) - f(x - h g)) / (2 h |g|^2) of the margin f; NaN where f is flat: (k,)."""
    judge = evidence.judge
    logits_fn = gradients.logits_of(judge.model)

    @tf.function(input_signature=_signature(judge.x), autograph=False)
    def measure(x, y):
        margin = lambda z: losses.margin(y, z)  # noqa: E731
        z, _, gradient = gradients.logits_and_gradient(logits_fn, x, margin)
        gradient = finite_or(0.0, gradient)
        spread = PROMISED * (tf.reduce_max(z, axis=1) - tf.reduce_min(z, axis=1))
        step = gradient * per_example(tf.math.divide_no_nan(spread, flat_sum(tf.square(gradient))), x)
        ahead, behind = (margin(logits_fn(at)) for at in (x + step, x - step))
        # A step that leaves the neighborhood of the image promises nothing.
        near = (spread > 0) & (tf.reduce_max(tf.abs(step), axis=range(1, len(x.shape))) < 0.1)
        return tf.where(near, (ahead - behind) / (2 * spread), float("nan"))

    # Away from the border of the box, where a model may clip.
    return measure(np.clip(judge.x[at], 0.1, 0.9), judge.y[at]).numpy()


def _signature(x):
    return [tf.TensorSpec([None, *x.shape[1:]]), tf.TensorSpec([None], tf.int32)]


def dark_images(evidence):
    """The images fill so little of [0, 1] that they may have been scaled twice."""
    low, high = float(evidence.judge.x.min()), float(evidence.judge.x.max())
    if high - low >= 0.1:
        return None
    return (
        "warning",
        f"The images lie between {low:.3g} and {high:.3g}; eps is measured in the full range, 0 to 1.",
        "Were they divided by 255 twice? Give them as they are, or choose eps in their own range.",
    )


def knows_little(evidence):
    """The classifier is hardly better than chance: its robustness means nothing."""
    predicted = evidence.logits.argmax(axis=1)
    accuracy, chance = (predicted == evidence.labels).mean(), 1 / evidence.classes
    only = len(np.unique(predicted)) == 1 < len(np.unique(evidence.labels))
    # Twice chance, or half of the way to 1 where there are few classes.
    if accuracy > min(2 * chance, (1 + chance) / 2) and not only:
        return None
    said = "names the same class for every image" if only else f"is right on {accuracy:.1%} of the clean images"
    return (
        "warning",
        f"The classifier {said}; chance is {chance:.1%}.",
        "Does it expect pixels in 0 to 255, or another order of the classes? Then put that into the model.",
    )


def not_held_out(evidence):
    """The model was trained on the images, or it is not known."""
    if evidence.seen is False:
        return None
    advice = "Put images into train/ and test/, or x_train, y_train, x_test, y_test into the .npz."
    if evidence.seen:
        return (
            "warning",
            "The model was trained on these very images: the data set has no test part of its own.",
            advice,
        )
    return "info", "The data set has no test part of its own: was the model trained on other images?", advice


def few_images(evidence):
    if evidence.n >= 1000:
        return None
    return "info", f"Only {evidence.n} images were judged: read the intervals.", "Judge 1,000 images or more."
