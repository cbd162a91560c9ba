"""What is suspect about a model and about the images it was judged on, whatever was run against it.

A check takes an `Evidence` and returns (severity, message, advice), None where it has nothing to object, or a text that
says why it could not look. Its name is the finding's code.
"""

import numpy as np
import tensorflow as tf

from tfadv import gradients, losses
from tfadv.attacks.bpda import BPDA
from tfadv.attacks.eot import deviation
from tfadv.attacks.twin import Twin
from tfadv.evaluation.checks.evidence import (
    IMAGES,
    NO_GRADIENTS,
    NONE_RIGHT,
    TOO_FEW,
    UNFOLLOWED,
    loss_of,
    some,
)
from tfadv.tensors import finite_or, flat_sum, per_example

# How far a step along the gradient is to lead, in spreads of the logits, and how much of that it must keep.
PROMISED, KEPT = 0.02, 0.5
# How far from gray pixels may lie that take the step, and passes that are averaged where the model is noisy.
INSIDE, AVERAGED = 0.4, 20
FEWEST = 10  # images that say something of a share


def no_gradients(evidence):
    """No gradient leads from the logits to the image."""
    if evidence.differentiable:
        return None
    surrogate = any(isinstance(part, BPDA | Twin) for part in evidence.parts)
    return (
        "warning" if surrogate else "error",
        "No gradient leads from the logits to the image, "
        + ("and the attacks used a surrogate gradient." if surrogate else "so only attacks that need none could run."),
        "Load the .keras file instead of an export without gradients; where the model rounds or steps, attack with "
        "bpda, which uses a surrogate gradient.",
    )


def zero_gradients(evidence):
    """Images at which gradient attacks have nothing to follow: the gradient is zero, or not finite."""
    if not evidence.differentiable or not evidence.right.any():
        return NO_GRADIENTS if not evidence.differentiable else NONE_RIGHT
    looked = {where: _usable(evidence.judge, *images) for where, images in _places(evidence).items()}
    where, (dead, broken) = max(looked.items(), key=lambda item: item[1].max())
    if max(*dead, *broken) <= 0.01:
        return None
    ce, margin = dead
    other_loss = any(not member.black_box and loss_of(member) != "ce" for member in evidence.members)
    hopeless = margin > 0.1 or (ce > 0.1 and not other_loss)
    other = "loss=margin, which does not saturate" if ce >= margin else "loss=ce"
    return (
        "error" if hopeless else "warning",
        f"The cross-entropy has no gradient, zero in every pixel, at {ce:.1%} of the {where} and the margin at "
        f"{margin:.1%}; NaN or infinite somewhere at {max(broken):.1%}.",
        f"Attack with {other}; where that has no gradient either, look for the operation that stops it (square roots "
        "and divisions by 0, rounding, steps), or use bpda and square.",
    )


def _places(evidence, most=None):
    """Where gradients are looked at: name -> images and labels. What an attack meets on its way may be another model.

    Args:
        most: how many clean images at most; None is all of them.
    """
    judge = evidence.judge
    at = np.flatnonzero(evidence.right) if most is None else some(evidence.right, most)
    places = {"images": (judge.x[at], judge.y[at])}
    if evidence.single_attack is not None:
        places["adversarial images"] = evidence.single_attack.x_adv, judge.y[evidence.single_attack.at]
    return places


def _usable(judge, x, y):
    """Of cross-entropy and margin: the share of images where no pixel has a finite gradient other than 0, and of those
    where some is not finite. ((2,), (2,))
    """
    logits_fn = gradients.logits_of(judge.model)

    @tf.function(input_signature=_signature(judge.x), autograph=False)
    def look(x, y):
        found = []
        for name in ("ce", "margin"):
            loss = lambda z, name=name: losses.LABEL_LOSSES[name](y, z)  # noqa: E731
            gradient = gradients.logits_and_gradient(logits_fn, x, loss)[2]
            dead = flat_sum(tf.cast(finite_or(0.0, gradient) != 0, tf.float32)) == 0
            found.append((dead, ~tf.math.is_finite(flat_sum(tf.abs(gradient)))))
        return tf.stack([tf.stack(part) for part in zip(*found, strict=True)])

    batches = np.split(np.arange(len(x)), range(judge.batch_size, len(x), judge.batch_size))
    return np.concatenate([look(x[i], y[i]) for i in batches], axis=2).mean(axis=2)


def misleading_gradients(evidence):
    """A short step along the gradient does not lead where the gradient says: it is not the model's."""
    if not evidence.gradients_mean or not evidence.right.any():
        return UNFOLLOWED if not evidence.gradients_mean else NONE_RIGHT
    places = _places(evidence, IMAGES)
    # Away from the border of the box, where a model may clip; adversarial images stay where the attack went.
    places["images"] = np.clip(places["images"][0], 0.5 - INSIDE, 0.5 + INSIDE), places["images"][1]
    kept = {where: _kept_promises(evidence, *images) for where, images in places.items()}
    kept = {where: shares[np.isfinite(shares)] for where, shares in kept.items()}
    broken = {
        where: np.mean((shares < KEPT) | (shares > 1 / KEPT)) for where, shares in kept.items() if shares.size >= FEWEST
    }
    if not broken:
        return TOO_FEW if evidence.right.sum() < FEWEST else "no short step changes the margin enough to measure it"
    where = max(broken, key=broken.get)
    if broken[where] <= 0.1:
        return None
    typical = np.median(kept[where])
    return (
        "error" if typical <= KEPT else "warning",
        f"A short step along the gradient changes the margin as the gradient promises at {1 - broken[where]:.1%} of "
        f"{kept[where].size} {where} only, and {typical:.2g} times as much in the median.",
        "Something in the model replaces or shatters the gradient (straight-through layers, custom gradients, noise): "
        "attack with square too, and with bpda and a smooth surrogate for that layer.",
    )


def _kept_promises(evidence, x, y):
    """(f(x + h g) - f(x - h g)) / (2 h |g|^2) of the margin f, of a noisy model on average; NaN where f is flat: (k,).

    g is the gradient of the pixels away from the border of the box.
    """
    model, noise = evidence.judge.model, evidence.noise

    @tf.function(input_signature=_signature(evidence.judge.x), autograph=False)
    def measure(x, y):
        margin = lambda z: losses.margin(y, z)  # noqa: E731
        logits_fn, hidden = gradients.logits_of(model), 0.0
        if noise is not None:
            expected = noise.expectation(model, x, y, AVERAGED)
            logits_fn, hidden = expected.logits_fn, deviation(expected) / (AVERAGED / 2) ** 0.5
        z, _, gradient = gradients.logits_and_gradient(logits_fn, x, margin)
        gradient = tf.where(tf.abs(x - 0.5) < INSIDE + 1e-6, finite_or(0.0, gradient), 0.0)
        spread = PROMISED * (tf.reduce_max(z, axis=1) - tf.reduce_min(z, axis=1))
        step = gradient * per_example(tf.math.divide_no_nan(spread, flat_sum(tf.square(gradient))), x)
        ahead, behind = (margin(logits_fn(at)) for at in (x + step, x - step))
        # A step that leaves the neighborhood of the image promises nothing; nor does noise that hides its end.
        near = (spread > 0) & (tf.reduce_max(tf.abs(step), axis=range(1, len(x.shape))) < 0.1)
        return tf.where(near & (hidden < KEPT * spread), (ahead - behind) / (2 * spread), float("nan"))

    return measure(x, y).numpy()


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
    advice = "Judge others: images in test/ beside train/, or x_test, y_test beside x_train, y_train in the .npz."
    if evidence.seen:
        return "warning", "The model was trained on these very images: the data set has no test part.", advice
    return "info", "Nothing says whether the model was trained on these images.", advice


def few_images(evidence):
    if evidence.n >= 1000:
        return None
    return "info", f"Only {evidence.n} images were judged: read the intervals.", "Judge 1,000 images or more."
