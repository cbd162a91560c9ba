"""What is suspect about the answers of a model: noise, company, probabilities, abstentions.

A check takes an `Evidence` and returns (severity, message, advice), None where it has nothing to object, or a text that
says why it could not look. Its name is the finding's code.
"""

import numpy as np

from tfadv import validation
from tfadv.attacks.eot import EOT
from tfadv.evaluation import metrics, model_noise
from tfadv.evaluation.checks.evidence import NO_ATTACK, NONE_RIGHT, RANDOM, TOO_FEW
from tfadv.graph.inference import augmentation_layers, batch_layers


def randomized(evidence):
    """Two passes over the same images give different logits, or would in Keras' export."""
    if not evidence.stochastic:
        return _augmented(augmentation_layers(evidence.judge.model))
    first, second = metrics.votes(evidence.judge.model, evidence.judge.x, draws=2, jitter=evidence.judge.jitter)
    flips = (first.argmax(axis=1) != second.argmax(axis=1)).mean()
    expected = any(isinstance(part, EOT) for part in evidence.parts)
    returned = sum(row.get("returned") or 0 for row in evidence.rows)
    again = f" {returned} images that seemed fooled were right by a second vote of fresh passes." if returned else ""
    return (
        "info" if expected else "warning",
        f"The model is random: two passes over {len(first)} images differ by up to {np.abs(first - second).max():.2g}"
        f" in a logit and in {flips:.1%} of the predictions.{again}",
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
    if evidence.stochastic or evidence.noise or len(x) < 2:
        return RANDOM if len(x) > 1 else TOO_FEW
    moved, flips = model_noise.answers_depend_on_company(evidence.judge.model, x)
    if moved <= model_noise.COMPANY:
        return None
    return (
        "error",
        f"Alone, images have other logits than in a batch of {len(x)}: they move by up to {moved:.1%} of their spread, "
        f"and {flips} predictions change.",
        advice,
    )


def probabilities(evidence):
    """The outputs lie in [0, 1], though they may not sum to 1."""
    low, high = float(evidence.logits.min()), float(evidence.logits.max())
    if low < 0 or high > 1 + 1e-6 or high <= 0.5:
        return None
    if len(evidence.logits) < 2:
        return TOO_FEW
    return (
        "error",
        f"All outputs lie between {low:.2g} and {high:.2g}, as probabilities do: their gradients vanish where the "
        "model is sure.",
        "Return logits: leave out the sigmoid or softmax, or return the logarithm of the softmax.",
    )


def seeded_noise(evidence):
    """The image itself seeds what the model draws, so that it only looks deterministic."""
    if evidence.stochastic and not (evidence.noise and evidence.noise.jitter):
        return RANDOM
    if evidence.noise is None:
        return None
    judge, (draws, jitter, lasting) = evidence.judge, evidence.noise
    first, second = metrics.votes(judge.model, judge.x, draws=2, jitter=jitter)
    flips = (first.argmax(axis=1) != second.argmax(axis=1)).mean()
    company = "" if lasting else ", and so do other images in its batch"
    expected = any(isinstance(part, EOT) and part.jitter for part in evidence.parts)
    return (
        "info" if expected else "warning",
        f"The model draws noise that the image itself seeds, or jumps as if it did: moving its pixels by {jitter:g} "
        f"moves a logit by up to {np.abs(first - second).max():.2g}{company}; {flips:.1%} of the predictions change.",
        f'Attack the expectation over such small steps: --attack "eot(attack=apgd, draws={draws}, jitter={jitter:g})".',
    )


def abstentions(evidence):
    """The model rejects images, or names no class for them."""
    adversarial = sum(row.get("abstained") or 0 for row in evidence.rows)
    asked = sum(row["attacked"] for row in evidence.rows if row.get("abstained") is not None)
    if validation.rejects(evidence.judge.model):
        return _rejections(evidence, adversarial, asked)
    if validation.abstains(evidence.judge.model):
        return _unknown(evidence, adversarial, asked)
    if not asked:
        return NONE_RIGHT if evidence.members else NO_ATTACK
    # Few images may lack a class by chance.
    if evidence.labels.max() < evidence.classes - 1 and evidence.n < 10 * evidence.classes:
        return TOO_FEW
    if not adversarial:
        return None
    return (
        "warning",
        f"The model names no class at {adversarial} of {asked} adversarial images: all its logits are alike or not "
        "finite, or the highest is the last one, which no label has. They count as any other answer, mostly as fooled.",
        "If it rejects them, say so: give it a last logit that is the highest where it rejects, and set "
        "`rejects = True` or build it with tfadv.graph.reject.with_reject.",
    )


def _unknown(evidence, adversarial, asked):
    clean = (evidence.logits.argmax(axis=1) == evidence.classes - 1).sum()
    return (
        "info",
        f"The model abstains at {clean} of {evidence.n} clean images and at {adversarial} of {asked} adversarial ones, "
        "which all count as wrong.",
        "Say it where you quote the accuracies: with more votes a smoothed model abstains less.",
    )


def _rejections(evidence, adversarial, asked):
    z, labels = evidence.logits, evidence.labels
    accepted, right = z.argmax(axis=1) < z.shape[1] - 1, z.argmax(axis=1) == labels
    share = right[accepted].mean() if accepted.any() else 0.0
    return (
        "info",
        f"The model rejects {(~accepted).sum()} of {len(labels)} clean images, which count as wrong, and is right on "
        f"{share:.1%} of the others; it rejected {adversarial} of {asked} adversarial images, which count as right.",
        "Say both counts where you quote the accuracies: a model that rejects everything has a clean accuracy of 0.",
    )
